//! What a name does: how it resolves, with which certificate it serves, and what it answers.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::proxy::Tunnels;
use super::records::Records;
use super::reply::Reply;
use super::tls::Servers;

/// How the resolver answers for a name. Every answer has a time to live of 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DnsAnswer {
    /// These addresses: those of IPv4 to a question for `A`, those of IPv6 to one for `AAAA`.
    Addresses(Vec<IpAddr>),
    /// An alias (CNAME) to this name, with what that one resolves to.
    Alias(String),
    /// An alias (CNAME) to this name, with this answer for it.
    AliasTo(String, Box<DnsAnswer>),
    /// The first to a question for `A`, the second to one for `AAAA`.
    Each(Box<DnsAnswer>, Box<DnsAnswer>),
    /// There is no such name.
    NxDomain,
    /// The name exists and has no address.
    Empty,
    /// The server fails.
    ServFail,
    /// No answer ever.
    Silence,
    /// This answer, so much later.
    After(Duration, Box<DnsAnswer>),
}

impl DnsAnswer {
    /// One address.
    #[must_use]
    pub fn one(address: impl Into<IpAddr>) -> DnsAnswer {
        DnsAnswer::Addresses(vec![address.into()])
    }
}

/// How a name serves TLS.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tls {
    /// With a certificate that is right in everything, in TLS 1.2 or 1.3.
    Good,
    /// The same in TLS 1.2 only.
    Tls12,
    /// The certificate is for another name.
    WrongName,
    /// The certificate ended years ago.
    Expired,
    /// The certificate is not valid yet, and not for years.
    NotYet,
    /// The certificate is signed by its own key.
    SelfSigned,
    /// The certificate chains to a root that nobody trusts.
    UnknownRoot,
    /// The server chooses TLS 1.1. A client that goes on is seen in `Handshake::went_on_below_1_2`.
    Tls11,
    /// The connection is accepted, and the handshake never answered.
    Silent,
    /// The connection is closed as soon as the client has said hello.
    Closed,
    /// The server answers in plain HTTP.
    Plain,
}

/// Which versions of HTTP a name agrees to by ALPN.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocols {
    /// HTTP/1.1 alone, also without ALPN.
    Http1,
    /// HTTP/2 alone: without ALPN nothing is spoken.
    Http2,
    /// HTTP/2 with whoever offers it, HTTP/1.1 with others.
    Both,
}

impl Protocols {
    /// Their names in ALPN, the preferred one first.
    pub(super) fn names(self) -> Vec<Vec<u8>> {
        let names: &[&str] = match self {
            Protocols::Http1 => &["http/1.1"],
            Protocols::Http2 => &["h2"],
            Protocols::Both => &["h2", "http/1.1"],
        };
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    }
}

/// A name that the observatory serves, and what was seen of it.
#[derive(Debug)]
pub(super) struct Entry {
    /// In lower case, without a dot at the end.
    pub(super) name: String,
    /// Its first address.
    pub(super) address: IpAddr,
    pub(super) nonce: String,
    pub(super) records: Records,
    pub(super) servers: Servers,
    pub(super) tunnels: Tunnels,
    script: Mutex<Script>,
}

#[derive(Debug)]
struct Script {
    replies: Vec<Reply>,
    answered: usize,
    at: Vec<(String, Reply)>,
    answers: Vec<DnsAnswer>,
    /// How often addresses of IPv4 were asked for, and how often others.
    asked: (usize, usize),
    tls: Tls,
    protocols: Protocols,
}

impl Entry {
    /// A name that resolves to this address, with a good certificate, that answers with its nonce.
    pub(super) fn new(name: String, address: IpAddr) -> Entry {
        let nonce = hex::encode(rand::random::<[u8; 12]>());
        let script = Script {
            replies: vec![Reply::json(&serde_json::json!({ "nonce": nonce }))],
            answered: 0,
            at: Vec::new(),
            answers: vec![DnsAnswer::one(address)],
            asked: (0, 0),
            tls: Tls::Good,
            protocols: Protocols::Http1,
        };
        let (records, servers, tunnels) = (Records::new(), Servers::default(), Tunnels::default());
        Entry { name, address, nonce, records, servers, tunnels, script: Mutex::new(script) }
    }

    /// Every change below is one assignment, so a panic elsewhere leaves it whole.
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_replies(&self, replies: Vec<Reply>) {
        let mut script = self.script();
        (script.replies, script.answered) = (replies, 0);
    }

    pub(super) fn set_reply_at(&self, target: String, reply: Reply) {
        let mut script = self.script();
        script.at.retain(|(known, _)| *known != target);
        script.at.push((target, reply));
    }

    pub(super) fn set_answers(&self, answers: Vec<DnsAnswer>) {
        let mut script = self.script();
        (script.answers, script.asked) = (answers, (0, 0));
    }

    pub(super) fn set_tls(&self, tls: Tls) {
        self.script().tls = tls;
    }

    pub(super) fn tls(&self) -> Tls {
        self.script().tls
    }

    pub(super) fn set_protocols(&self, protocols: Protocols) {
        self.script().protocols = protocols;
    }

    pub(super) fn protocols(&self) -> Protocols {
        self.script().protocols
    }

    /// The reply to the next request: that of its target, or the next in turn; the last one stays.
    pub(super) fn next_reply(&self, target: &str) -> Reply {
        let mut script = self.script();
        if let Some((_, reply)) = script.at.iter().find(|(known, _)| known == target) {
            return reply.clone();
        }
        let turn = script.answered.min(script.replies.len().saturating_sub(1));
        script.answered += 1;
        script.replies.get(turn).cloned().unwrap_or_else(|| Reply::status(204))
    }

    /// The answer to the next question for addresses of IPv4, or for another type of record: the next in turn; the last stays.
    pub(super) fn next_answer(&self, of_v4: bool) -> DnsAnswer {
        let mut script = self.script();
        let asked = if of_v4 { &mut script.asked.0 } else { &mut script.asked.1 };
        let turn = *asked;
        *asked += 1;
        let turn = turn.min(script.answers.len().saturating_sub(1));
        script.answers.get(turn).cloned().unwrap_or(DnsAnswer::NxDomain)
    }

    /// Takes a turn back whose answer was too long for UDP and is asked for again over TCP.
    pub(super) fn give_back_turn(&self, of_v4: bool) {
        let mut script = self.script();
        let asked = if of_v4 { &mut script.asked.0 } else { &mut script.asked.1 };
        *asked = asked.saturating_sub(1);
    }
}

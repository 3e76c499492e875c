//! Every decision in one place. The contract fixes each of them; they are values, so that a deliberate defect can take the
//! place of exactly one.

use std::{net::IpAddr, sync::Arc};

use assay_package::HostRule;
use futures_util::future::BoxFuture;
use rustls::{ClientConfig, RootCertStore};

use crate::{
    Audit, AuditError, Bounds, EgressError, Entry, Grant, address, audit,
    connect::{self, Dial, Handshake},
    credentials::Redactor,
    exchange::{Exchange, Once},
    http::HttpRules,
    location,
    order::{self, Pass, Within},
    outgoing::Step,
    pace::{Enter, Pace},
    pool::{Serves, same_place},
    proxy::ProxyRules,
    rate::RateRules,
    received::{Handing, latin1},
    resolve::{Answer, Resolve, stub::StubRules},
    stop::{Stop, told},
    tls,
};

/// Whether one of some rules is for a host and a port.
pub(crate) type MatchRule = fn(&[HostRule], host: &str, port: u16) -> bool;
/// Which addresses of an answer may be connected to.
pub(crate) type JudgeRule = fn(&Answer, may_reach: &dyn Fn(IpAddr) -> bool) -> Result<Vec<IpAddr>, Stop>;
/// For whom something is kept together.
pub(crate) type KeyRule = fn(&Grant) -> &str;

/// How an entry is put on record.
pub(crate) type RecordRule = fn(Arc<dyn Audit>, Entry) -> BoxFuture<'static, Result<(), AuditError>>;

/// The decisions.
#[derive(Clone)]
pub(crate) struct Policy {
    /// The way of a request through all that follows.
    pub pass: Pass,
    /// What is judged at once.
    pub at_once: Vec<Step>,
    /// Which rule is for which host.
    pub matches: MatchRule,
    /// The bounds of requests and of responses, from those that are published.
    pub request_bounds: fn(Bounds) -> Bounds,
    pub response_bounds: fn(Bounds) -> Bounds,
    /// Whose requests are paced together, how, and how a turn is waited for.
    pub pace_of: KeyRule,
    pub rate: RateRules,
    pub enter: Enter,
    /// How long an exchange may take.
    pub within: Within,
    /// What is done when the turn has come.
    pub in_its_turn: Vec<Step>,
    /// What is resolved, judged, connected to and sent.
    pub exchange: Arc<dyn Exchange>,
    pub resolver: fn(Arc<dyn Resolve>) -> Arc<dyn Resolve>,
    pub stub: StubRules,
    pub special: fn(IpAddr) -> bool,
    pub judge: JudgeRule,
    /// Whose connections and TLS sessions are kept together, and what they may be used for.
    pub pool_of: KeyRule,
    pub sessions_of: KeyRule,
    pub serves: Serves,
    /// How a connection is made, and by way of which proxy.
    pub dial: Dial,
    pub proxy: ProxyRules,
    /// How a connection is secured.
    pub tls: fn(&Arc<RootCertStore>) -> Result<ClientConfig, rustls::Error>,
    pub handshake: Handshake,
    /// What a response may be.
    pub http: HttpRules,
    /// What of it the handler is handed.
    pub handing_on: Vec<Handing>,
    pub header_text: fn(&[u8]) -> String,
    /// What the handler is told if there is none.
    pub told: fn(&Stop) -> EgressError,
    /// What is put on record.
    pub audit: AuditRules,
}

/// The decisions about the audit.
#[derive(Clone, Copy)]
pub(crate) struct AuditRules {
    /// What of a URL is recorded.
    pub url: fn(&str) -> String,
    /// What of a text that the handler wrote is recorded, beside its credentials.
    pub hidden: fn(&Redactor, String) -> String,
    /// How a credential stands in a canonical host.
    pub in_a_host: fn(&str) -> String,
    /// How long a text may be.
    pub cut: fn(String) -> String,
    /// How an entry is recorded.
    pub record: RecordRule,
}

impl Policy {
    /// The decisions that the contract asks for.
    pub fn honest() -> Self {
        Self {
            pass: order::pass,
            at_once: order::AT_ONCE.to_vec(),
            matches: location::any_rule,
            request_bounds: |bounds| bounds,
            response_bounds: |bounds| bounds,
            pace_of: |grant| &grant.handler,
            rate: RateRules::honest(),
            enter: Pace::enter,
            within: order::in_time,
            in_its_turn: order::IN_ITS_TURN.to_vec(),
            exchange: Arc::new(Once),
            resolver: |resolver| resolver,
            stub: StubRules::honest(),
            special: address::is_special,
            judge: address::all_reachable,
            pool_of: |grant| &grant.handler,
            sessions_of: |grant| &grant.handler,
            serves: same_place,
            dial: connect::dial,
            proxy: ProxyRules::honest(),
            tls: tls::config,
            handshake: connect::handshake,
            http: HttpRules::honest(),
            handing_on: order::HANDING_ON.to_vec(),
            header_text: latin1,
            told,
            audit: AuditRules {
                url: audit::bare_url,
                hidden: Redactor::clean_text,
                in_a_host: str::to_ascii_lowercase,
                cut: audit::cut,
                record: |audit, entry| Box::pin(async move { audit.record(entry).await }),
            },
        }
    }
}

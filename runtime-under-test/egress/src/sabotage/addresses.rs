//! Defects of names and addresses (egress.md 2.2 and 6).

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use hickory_proto::rr::RecordType;
use tokio::net::TcpStream;

use super::Defect;
use crate::{
    Outcome,
    address::{all_reachable, is_special, reasons, unresolved},
    exchange::{Errand, Exchange, Exchanging},
    order,
    resolve::{Answer, Resolve},
    stop::Stop,
};

/// Takes the families of a list for globally reachable.
macro_rules! allowed {
    ($($family:literal),+) => {
        |policy| {
            policy.special = |address| {
                is_special(address) && !reasons(address).any(|reason| [$($family),+].contains(&reason))
            };
        }
    };
}

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-resolves-denied-hosts", |policy| {
        policy.pass = |inner, grant, request, progress| {
            Box::pin(async move {
                if let Some(host) = ::url::Url::parse(&request.url).ok().as_ref().and_then(::url::Url::host_str) {
                    let allowed = grant.rules.iter().any(|rule| rule.matches(host, rule.port()));
                    if !allowed {
                        inner.resolver.resolve(host).await;
                    }
                }
                order::pass(inner, grant, request, progress).await
            })
        };
    }),
    ("egress-resolves-before-its-turn", |policy| {
        policy.resolver = |resolver| Arc::new(Kept { resolver, answers: Mutex::default(), forgets: true });
        policy.pass = |inner, grant, request, progress| {
            Box::pin(async move {
                if let Some(host) = ::url::Url::parse(&request.url).ok().as_ref().and_then(::url::Url::host_str)
                    && grant.rules.iter().any(|rule| rule.matches(host, rule.port()))
                {
                    inner.resolver.resolve(&format!("{EARLY}{host}")).await;
                }
                order::pass(inner, grant, request, progress).await
            })
        };
    }),
    ("egress-resolves-ipv4-only", |policy| policy.stub.types = &[RecordType::A]),
    ("egress-half-answers-failed", |policy| policy.stub.one_is_enough = false),
    ("egress-answers-cached", |policy| {
        policy.resolver = |resolver| Arc::new(Kept { resolver, answers: Mutex::default(), forgets: false });
    }),
    ("egress-first-address-judged", |policy| {
        policy.judge = |answer, may_reach| {
            let first = Answer { addresses: answer.addresses.iter().take(1).copied().collect(), ..*answer };
            all_reachable(&first, may_reach)?;
            Ok(answer.addresses.clone())
        };
    }),
    ("egress-special-addresses-skipped", |policy| {
        policy.judge = |answer, may_reach| {
            let good: Vec<IpAddr> = answer.addresses.iter().copied().filter(|address| may_reach(*address)).collect();
            if good.is_empty() { all_reachable(answer, may_reach) } else { Ok(good) }
        };
    }),
    ("egress-connects-before-judging", |policy| policy.exchange = Arc::new(Hasty)),
    ("egress-resolves-twice", |policy| policy.exchange = Arc::new(Twice)),
    ("egress-private-allowed", allowed!("private")),
    ("egress-loopback-allowed", allowed!("loopback")),
    ("egress-link-local-allowed", allowed!("link-local")),
    ("egress-metadata-forgotten", |policy| {
        policy.special = |address| is_special(address) && address != IpAddr::from([169, 254, 169, 254]);
    }),
    ("egress-shared-space-allowed", allowed!("shared")),
    ("egress-multicast-allowed", allowed!("multicast")),
    ("egress-reserved-allowed", allowed!("reserved")),
    ("egress-unspecified-allowed", allowed!("unspecified")),
    ("egress-documentation-allowed", allowed!("documentation")),
    ("egress-benchmarking-allowed", allowed!("benchmarking")),
    ("egress-protocol-ranges-allowed", allowed!("protocol")),
    ("egress-mapped-allowed", |policy| {
        policy.special = |address| {
            let is_mapped = reasons(address).any(|reason| reason == "mapped");
            let is_more = reasons(address).any(|reason| ["loopback", "unspecified"].contains(&reason));
            is_special(address) && (!is_mapped || is_more)
        };
    }),
    ("egress-nat64-allowed", allowed!("nat64")),
    ("egress-6to4-allowed", allowed!("6to4")),
    ("egress-unique-local-allowed", allowed!("unique-local")),
    ("egress-unallocated-allowed", |policy| {
        policy.special = |address| reasons(address).any(|reason| !reason.starts_with("unallocated"));
    }),
    ("egress-reserved-ipv6-allowed", |policy| {
        policy.special = |address| {
            let is_forgotten = matches!(address, IpAddr::V6(address) if FORGOTTEN.contains(&address.segments()[0]));
            is_special(address) && !is_forgotten
        };
    }),
    ("egress-embedded-unwrapped", |policy| {
        policy.judge = |answer, may_reach| all_reachable(answer, &|address| may_reach(unwrapped(address)));
    }),
    ("egress-unresolved-denied", |policy| {
        policy.judge = |answer, may_reach| {
            all_reachable(answer, may_reach).map_err(|stop| match stop.outcome {
                Outcome::Failed => Stop::denied(unresolved().reason),
                _ => stop,
            })
        };
    }),
    ("egress-slow-resolvers-given-up", |policy| {
        policy.resolver = |resolver| Arc::new(Impatient { resolver, patience: Duration::from_millis(900) });
    }),
    ("egress-resolvers-given-up-after-seconds", |policy| {
        policy.resolver = |resolver| Arc::new(Impatient { resolver, patience: Duration::from_millis(2500) });
    }),
    ("egress-aliases-ignored", |policy| policy.stub.most_aliases = 0),
    ("egress-alias-targets-unjudged", |policy| {
        policy.judge = |answer, may_reach| all_reachable(answer, &|address| answer.aliased || may_reach(address));
    }),
];

/// First groups of blocks that IANA has reserved, up to fc00::/7.
const FORGOTTEN: std::ops::Range<u16> = 0xc000..0xfc00;

/// The address of IPv4 inside of one of IPv6, or the address itself.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(outer) = address else {
        return address;
    };
    let inner = match outer.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            (u32::from(high) << 16) | u32::from(low)
        }
        _ => return address,
    };
    IpAddr::V4(inner.into())
}

/// What marks a name that is asked for before its turn.
const EARLY: &str = "early!";

/// Keeps answers: for good, or for the next question.
struct Kept {
    resolver: Arc<dyn Resolve>,
    answers: Mutex<HashMap<String, Vec<Answer>>>,
    forgets: bool,
}

impl Resolve for Kept {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let (early, host) = host.strip_prefix(EARLY).map_or((false, host), |host| (true, host));
            if !early {
                let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
                let kept = answers.get_mut(host).filter(|kept| !kept.is_empty());
                if let Some(answer) = kept.map(|kept| if self.forgets { kept.remove(0) } else { kept[0].clone() }) {
                    return answer;
                }
            }
            let answer = self.resolver.resolve(host).await;
            if early || !self.forgets {
                let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
                answers.entry(host.to_owned()).or_default().push(answer.clone());
            }
            answer
        })
    }
}

/// Gives up a question whose answer takes long.
struct Impatient {
    resolver: Arc<dyn Resolve>,
    patience: Duration,
}

impl Resolve for Impatient {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Answer> {
        let resolving = tokio::time::timeout(self.patience, self.resolver.resolve(host));
        Box::pin(async move { resolving.await.unwrap_or_default() })
    }
}

/// Takes addresses for hosts.
pub(super) struct Literals(pub(super) Arc<dyn Resolve>);

impl Resolve for Literals {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Answer> {
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) => Box::pin(async move { Answer { addresses: vec![address], aliased: false } }),
            Err(_) => self.0.resolve(host),
        }
    }
}

/// Connects first, and judges the addresses before anything is sent.
struct Hasty;

impl Exchange for Hasty {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        Box::pin(async move {
            let (inner, request) = (errand.inner, errand.request);
            let answer = inner.resolver.resolve(&request.host).await;
            let judged = (inner.policy.judge)(&answer, &|address| inner.may_reach(address));
            if judged.is_err() {
                // As far as it does not leave this machine; what is good is connected to below, and used.
                let here = |address: &&IpAddr| address.is_loopback() || address.is_unspecified();
                for address in answer.addresses.iter().filter(here) {
                    let _ = TcpStream::connect((*address, request.port)).await;
                }
            }
            errand.send(&judged?).await
        })
    }
}

/// Judges one answer and connects to another one.
struct Twice;

impl Exchange for Twice {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        Box::pin(async move {
            let (inner, host) = (errand.inner, &errand.request.host);
            let judged = inner.resolver.resolve(host).await;
            (inner.policy.judge)(&judged, &|address| inner.may_reach(address))?;
            let used = inner.resolver.resolve(host).await;
            errand.send(&used.addresses).await
        })
    }
}

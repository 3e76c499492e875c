//! Defects of the audit and of what is told (egress.md 8).

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::Defect;
use crate::{
    EgressError, Entry, Outcome,
    address::all_reachable,
    audit,
    exchange::{Errand, Exchange, Exchanging, Once},
    order,
    policy::Policy,
    stop::Stop,
};

/// How late an entry comes that nobody waits for.
const LATE: Duration = Duration::from_millis(700);

/// Leaves entries out by their outcome.
macro_rules! unaudited {
    ($($outcome:ident),+) => {
        |policy| {
            policy.audit.record = |audit, entry| {
                Box::pin(async move {
                    if [$(Outcome::$outcome),+].contains(&entry.outcome) { Ok(()) } else { audit.record(entry).await }
                })
            };
        }
    };
}

/// Changes entries before they are recorded.
macro_rules! changed {
    ($change:expr) => {
        |policy| {
            policy.audit.record = |audit, mut entry| {
                let change: fn(&mut Entry) = $change;
                change(&mut entry);
                Box::pin(async move { audit.record(entry).await })
            };
        }
    };
}

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-refusals-unaudited", unaudited!(Denied, InvalidRequest)),
    ("egress-rate-refusals-unaudited", unaudited!(RateLimited)),
    ("egress-abandoned-unaudited", unaudited!(Abandoned)),
    ("egress-failures-unaudited", unaudited!(Failed, TimedOut)),
    (
        "egress-audit-answers-what-was-abandoned",
        changed!(|entry| {
            if entry.outcome == Outcome::Abandoned {
                (entry.outcome, entry.reason, entry.status) = (Outcome::Answered, None, Some(200));
            }
        }),
    ),
    ("egress-audit-stamps-the-end", changed!(|entry| entry.at = Timestamp::now())),
    ("egress-audit-stamps-the-start", |policy| {
        policy.at_last(|_, terms| {
            times().insert(terms.grant.execution.clone(), Timestamp::now());
            Ok(())
        });
        let stamp: fn(&mut Policy) = changed!(|entry| entry.at = times().remove(&entry.execution).unwrap_or(entry.at));
        stamp(policy);
    }),
    (
        "egress-audit-stamps-the-execution",
        changed!(|entry| entry.at = *times().entry(entry.execution.clone()).or_insert(entry.at)),
    ),
    (
        "egress-audit-names-one-execution",
        changed!(|entry| {
            static FIRST: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);
            let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
            entry.execution.clone_from(first.entry(entry.handler.clone()).or_insert_with(|| entry.execution.clone()));
        }),
    ),
    (
        "egress-audit-hosts-as-written",
        changed!(|entry| {
            let written = entry.url.split('/').nth(2).unwrap_or_default();
            entry.host = entry.host.take().map(|_| written.split(':').next().unwrap_or_default().to_owned());
        }),
    ),
    ("egress-audit-gives-no-reasons", changed!(|entry| entry.reason = None)),
    ("egress-audit-swaps-bytes", changed!(|entry| std::mem::swap(&mut entry.request_bytes, &mut entry.response_bytes))),
    ("egress-audit-counts-what-was-not-sent", |policy| {
        policy.pass = |inner, grant, request, progress| {
            Box::pin(async move {
                let body = request.body.len();
                let result = order::pass(inner, grant, request, progress).await;
                if progress.bytes().0 == 0 {
                    progress.sent(body);
                }
                result
            })
        };
    }),
    ("egress-audit-names-the-first-address", |policy| policy.exchange = Arc::new(FirstAddress)),
    ("egress-audit-tells-the-query", |policy| policy.audit.url = str::to_owned),
    ("egress-audit-uncut", |policy| policy.audit.cut = |text| text),
    ("egress-audit-forgets-bytes", changed!(|entry| (entry.request_bytes, entry.response_bytes) = (0, 0))),
    ("egress-audit-forgets-addresses", changed!(|entry| entry.address = None)),
    ("egress-audit-after-the-answer", |policy| {
        policy.audit.record = |audit, entry| {
            tokio::spawn(async move {
                tokio::time::sleep(LATE).await;
                audit.record(entry).await
            });
            Box::pin(async { Ok(()) })
        };
    }),
    ("egress-reasons-tell-addresses", |policy| {
        policy.judge = |answer, may_reach| {
            all_reachable(answer, may_reach).map_err(|stop| match stop.outcome {
                Outcome::Denied => Stop::denied(audit::cut(format!("{} {:?}", stop.reason, answer.addresses))),
                _ => stop,
            })
        };
    }),
    ("egress-reasons-tell-the-resolver", |policy| {
        policy.judge = |answer, may_reach| {
            all_reachable(answer, may_reach).map_err(|stop| match stop.outcome {
                Outcome::Failed => {
                    let resolver = std::env::var("ASSAY_EGRESS_DNS").unwrap_or_default();
                    Stop::failed(format!("{} by {resolver}", stop.reason))
                }
                _ => stop,
            })
        };
    }),
    ("egress-reasons-quote-the-request", |policy| policy.exchange = Arc::new(Quoting)),
    ("egress-timeouts-tell-addresses", |policy| {
        policy.within = |started, timeout, progress, exchange| {
            Box::pin(async move {
                let result = order::in_time(started, timeout, progress, exchange).await;
                result.map_err(|stop| match (stop.outcome, progress.address()) {
                    (Outcome::TimedOut, Some(address)) => {
                        Stop { reason: format!("{} at {address}", stop.reason).into(), ..stop }
                    }
                    _ => stop,
                })
            })
        };
    }),
    ("egress-audit-tells-credentials-in-hosts", |policy| policy.audit.in_a_host = str::to_owned),
    ("egress-audit-tells-credentials", |policy| policy.audit.hidden = |_, text| text),
    ("egress-denials-differ", |policy| {
        policy.told = |stop| match stop.outcome {
            Outcome::Denied => EgressError::Denied(stop.reason.to_string()),
            _ => crate::stop::told(stop),
        };
    }),
];

/// When something happened in an execution.
fn times() -> MutexGuard<'static, HashMap<String, Timestamp>> {
    static TIMES: LazyLock<Mutex<HashMap<String, Timestamp>>> = LazyLock::new(Mutex::default);
    TIMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says which request it was that failed.
struct Quoting;

impl Exchange for Quoting {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        Box::pin(async move {
            let quoted = |stop: Stop| match stop.outcome {
                Outcome::Failed => Stop::failed(format!("{} after {:?}", stop.reason, errand.request.headers)),
                _ => stop,
            };
            Once.run(errand).await.map_err(quoted)
        })
    }
}

/// Takes the first address of an answer for the one that was connected to.
struct FirstAddress;

impl Exchange for FirstAddress {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        Box::pin(async move {
            let Errand { inner, request, progress, .. } = errand;
            let answer = inner.resolver.resolve(&request.host).await;
            let addresses = (inner.policy.judge)(&answer, &|address| inner.may_reach(address))?;
            if let Some(first) = addresses.first() {
                progress.connected(SocketAddr::new(*first, request.port));
            }
            errand.send(&addresses).await
        })
    }
}

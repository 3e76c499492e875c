//! Defects of the audit and of what is told (egress.md 8).

use std::time::Duration;

use super::Defect;
use crate::{EgressError, Outcome, address::all_reachable, audit, stop::Stop};

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

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-refusals-unaudited", unaudited!(Denied, InvalidRequest)),
    ("egress-rate-refusals-unaudited", unaudited!(RateLimited)),
    ("egress-abandoned-unaudited", unaudited!(Abandoned)),
    ("egress-audit-tells-the-query", |policy| policy.audit.url = str::to_owned),
    ("egress-audit-uncut", |policy| policy.audit.cut = |text| text),
    ("egress-audit-forgets-bytes", |policy| {
        policy.audit.record = |audit, mut entry| {
            (entry.request_bytes, entry.response_bytes) = (0, 0);
            Box::pin(async move { audit.record(entry).await })
        };
    }),
    ("egress-audit-forgets-addresses", |policy| {
        policy.audit.record = |audit, mut entry| {
            entry.address = None;
            Box::pin(async move { audit.record(entry).await })
        };
    }),
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
    ("egress-denials-differ", |policy| {
        policy.told = |stop| match stop.outcome {
            Outcome::Denied => EgressError::Denied(stop.reason.to_string()),
            _ => crate::stop::told(stop),
        };
    }),
];

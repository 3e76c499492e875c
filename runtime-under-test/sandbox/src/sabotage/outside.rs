//! Defects of requests to other hosts, as far as they cross the border between handler and runtime.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;

use super::{Defect, UNENFORCED};
use crate::call::{Arguments, Call, Calling, FreshInstance, Returned};
use crate::ended::Ended;
use crate::execution::past_its_deadline;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::outside::{EgressError, Request, Response};
use crate::prepared::Prepared;

/// Who takes longer than this to answer has waited.
const WAITED: Duration = Duration::from_secs(1);

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-status-cut-to-a-byte", |policy| {
        policy.egress.exchanged =
            |exchanged| exchanged.map(|response| Response { status: response.status & 0xff, ..response });
    }),
    ("egress-response-headers-backwards", |policy| {
        policy.egress.exchanged = |exchanged| {
            exchanged.map(|mut response| {
                response.headers.reverse();
                response
            })
        };
    }),
    ("egress-response-body-as-text", |policy| {
        policy.egress.exchanged =
            |exchanged| exchanged.map(|response| Response { body: repaired(&response.body), ..response });
    }),
    ("egress-request-body-as-text", |policy| {
        policy.egress.request = |request| Request { body: repaired(&request.body), ..request };
    }),
    ("egress-errors-are-one-case", |policy| {
        policy.egress.exchanged =
            |exchanged| exchanged.map_err(|_| EgressError::Failed("the request was not answered".to_owned()));
    }),
    ("egress-texts-unchecked", |policy| policy.call = Arc::new(AnyText)),
    ("egress-traps-audited", |policy| policy.call = Arc::new(TrapsAreCalls)),
    ("egress-wait-charged-as-cpu", |policy| {
        policy.cpu_used = |busy, elapsed, outcome| match outcome {
            Outcome::Output(_) if elapsed > WAITED => elapsed,
            _ => busy,
        };
    }),
    ("egress-wait-outlives-the-limit", |policy| {
        policy.waits_until = |deadline| deadline + UNENFORCED;
        policy.overdue = |store| store.data().egress.is_none() && past_its_deadline(store);
        policy.egress.sending = |outside, request| {
            Box::pin(async move {
                let answered = tokio::time::timeout(UNENFORCED, outside.send(request)).await;
                answered.unwrap_or(Err(EgressError::TimedOut))
            })
        };
    }),
    ("egress-given-up-goes-on", |policy| {
        policy.egress.sending = |outside, request| {
            let sent = tokio::spawn(async move { outside.send(request).await });
            Box::pin(async move { sent.await.unwrap_or(Err(EgressError::TimedOut)) })
        };
    }),
];

/// Answers `null` where a handler that sends requests is ended for a text that is not UTF-8.
struct AnyText;

impl Call for AnyText {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let sends = store.data().egress.is_some();
            let returned = FreshInstance.call(store, handler, arguments).await;
            returned.or_else(|error| match Ended::from_wasmtime(&error) {
                ended if sends && is_about_a_text(&ended) => Ok(Returned::Output(b"null".to_vec())),
                _ => Err(error),
            })
        })
    }
}

/// Has a call whose arguments are a trap refused like any other that is not of its form: with an entry in the audit.
struct TrapsAreCalls;

impl Call for TrapsAreCalls {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let egress = store.data().egress.clone();
            let returned = FreshInstance.call(store, handler, arguments).await;
            if let (Some(egress), Err(error)) = (egress, &returned)
                && is_about_a_text(&Ended::from_wasmtime(error))
            {
                let (method, url) = (String::new(), String::new());
                let _ = egress.send(Request { method, url, headers: Vec::new(), body: Vec::new() }).await;
            }
            returned
        })
    }
}

/// Whether a handler was ended for a text that is not UTF-8.
fn is_about_a_text(ended: &Ended) -> bool {
    matches!(ended, Ended::Trap(words) if words.contains("is not UTF-8") || words.contains("utf-8"))
}

fn repaired(bytes: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(bytes).into_owned().into_bytes()
}

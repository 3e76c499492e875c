//! The steps that a request takes, from top to bottom. The first one that stops it decides what becomes of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;

use crate::{
    Grant, Request, Response,
    credentials::{self, Redactor},
    egress::Inner,
    exchange::Errand,
    form, headers, location,
    outgoing::{Outgoing, Step, Terms},
    rate::Limits,
    received::{self, Handing, Received, hand_on},
    recording::Progress,
    stop::Stop,
};

/// What is judged at once, by looking at nothing but the request and the handler's rules (egress.md 2 and 3).
pub(crate) const AT_ONCE: [Step; 20] = [
    Step::new("url-length", location::length),
    Step::new("url-characters", location::characters),
    Step::new("url-no-backslash", location::no_backslash),
    Step::new("canonicalise", location::canonicalise),
    Step::new("method", form::method),
    Step::new("no-body-with-get", form::no_body_with_get),
    Step::new("header-count", form::header_count),
    Step::new("header-bytes", form::header_bytes),
    Step::new("header-names", form::header_names),
    Step::new("header-values", form::header_values),
    Step::new("body-bytes", form::body_bytes),
    Step::new("scheme", location::scheme),
    Step::new("no-user-information", location::no_user_information),
    Step::new("match", location::matched),
    Step::new("strip-named-by-connection", headers::strip_named_by_connection),
    Step::new("strip-hop-by-hop", headers::strip_hop_by_hop),
    Step::new("strip-own", headers::strip_own),
    Step::new("strip-authorization", headers::strip_authorization),
    Step::new("strip-cookies", headers::strip_cookies),
    Step::new("strip-forwarding", headers::strip_forwarding),
];

/// What is done when its turn has come: credentials are those of this moment, whatever was kept when it began to wait
/// (4.4). Then follow resolving, judging the addresses, connecting and exchanging, in exchange.rs.
pub(crate) const IN_ITS_TURN: [Step; 1] = [Step::new("inject-credentials", credentials::inject)];

/// What is done with the response before the handler is handed it (4.3 and 7.4).
pub(crate) const HANDING_ON: [Handing; 4] = [
    Handing::new("strip-hop-by-hop", received::strip_hop_by_hop),
    Handing::new("redact-headers", received::redact_headers),
    Handing::new("redact-body", received::redact_body),
    Handing::new("lower-names", received::lower_names),
];

/// A request's way.
pub(crate) type Pass =
    for<'a> fn(&'a Arc<Inner>, &'a Grant, Request, &'a Arc<Progress>) -> BoxFuture<'a, Result<Response, Stop>>;

/// Takes a request through all steps: judged at once, its turn waited for, exchanged in time, handed on.
pub(crate) fn pass<'a>(
    inner: &'a Arc<Inner>,
    grant: &'a Grant,
    request: Request,
    progress: &'a Arc<Progress>,
) -> BoxFuture<'a, Result<Response, Stop>> {
    Box::pin(async move {
        let policy = &inner.policy;
        let mut request = Outgoing::new(request);
        judge(inner, grant, &mut request, |request| progress.located(request))?;
        let body = request.body.len() as u64;
        let turn = (policy.enter)(inner.pace(grant), Limits::of(grant), body, progress.clone()).await?;
        let exchange = Box::pin(exchange(inner, grant, &mut request, progress));
        let mut received = (policy.within)(turn.started, grant.timeout, progress, exchange).await?;
        drop(turn);
        let redactor = Redactor::new(&request.secrets);
        for handing in &policy.handing_on {
            tracing::trace!(step = handing.name, "a response is handed on");
            (handing.run)(&mut received, &redactor);
        }
        Ok(hand_on(received, policy.header_text))
    })
}

/// Judges a request by what is judged at once; `seen` is told after each step how far it is read.
pub(crate) fn judge(
    inner: &Inner,
    grant: &Grant,
    request: &mut Outgoing,
    seen: impl Fn(&Outgoing),
) -> Result<(), Stop> {
    for step in &inner.policy.at_once {
        let verdict = (step.run)(request, &inner.terms(grant));
        seen(request);
        verdict.inspect_err(|_| tracing::debug!(step = step.name, "a request was stopped"))?;
    }
    Ok(())
}

/// What is done in the time of one exchange.
async fn exchange(
    inner: &Arc<Inner>,
    grant: &Grant,
    request: &mut Outgoing,
    progress: &Arc<Progress>,
) -> Result<Received, Stop> {
    for step in &inner.policy.in_its_turn {
        let terms: Terms<'_> = inner.terms(grant);
        (step.run)(request, &terms)?;
    }
    inner.policy.exchange.run(Errand { inner, grant, request, progress }).await
}

/// How an exchange is held to its time.
pub(crate) type Within = for<'a> fn(
    Instant,
    Duration,
    &'a Progress,
    BoxFuture<'a, Result<Received, Stop>>,
) -> BoxFuture<'a, Result<Received, Stop>>;

/// Ends an exchange wherever it stands when its time is over (7.6).
pub(crate) fn in_time<'a>(
    started: Instant,
    timeout: Duration,
    _: &'a Progress,
    exchange: BoxFuture<'a, Result<Received, Stop>>,
) -> BoxFuture<'a, Result<Received, Stop>> {
    Box::pin(async move {
        let end = started.checked_add(timeout).unwrap_or(started);
        tokio::time::timeout_at(end.into(), exchange).await.unwrap_or_else(|_| Err(Stop::timed_out()))
    })
}

//! Defects of connections and of single exchanges (egress.md 3.5, 7.2, 7.3, 7.5 to 7.8).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;

use super::Defect;
use crate::{
    Grant,
    egress::Inner,
    exchange::{Exchange, Once, send},
    http::MALFORMED,
    outgoing::Outgoing,
    received::{Field, Received},
    recording::Progress,
    stop::Stop,
};

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-redirects-followed", |policy| policy.exchange = Arc::new(Around(follow))),
    ("egress-broken-exchanges-retried", |policy| policy.exchange = Arc::new(Around(retry))),
    ("egress-garbage-accepted", |policy| policy.exchange = Arc::new(Around(garbage))),
    ("egress-given-up-exchanges-go-on", |policy| policy.exchange = Arc::new(Around(go_on))),
    ("egress-cookie-jar", |policy| policy.exchange = Arc::new(Jar::default())),
    ("egress-pool-shared", |policy| policy.pool_of = |_| "all"),
    ("egress-sessions-shared", |policy| policy.sessions_of = |_| "all"),
    ("egress-pool-ignores-the-host", |policy| {
        policy.serves = |connection, _, port, _| connection.port == port;
    }),
];

/// One exchange, and what else a defect makes of it.
type Way =
    for<'a> fn(&'a Arc<Inner>, &'a Grant, &'a Outgoing, &'a Arc<Progress>) -> BoxFuture<'a, Result<Received, Stop>>;

struct Around(Way);

impl Exchange for Around {
    fn run<'a>(
        &'a self,
        inner: &'a Arc<Inner>,
        grant: &'a Grant,
        request: &'a Outgoing,
        progress: &'a Arc<Progress>,
    ) -> BoxFuture<'a, Result<Received, Stop>> {
        (self.0)(inner, grant, request, progress)
    }
}

/// Goes where a redirect points, once, whether a rule is for it or not.
fn follow<'a>(
    inner: &'a Arc<Inner>,
    grant: &'a Grant,
    request: &'a Outgoing,
    progress: &'a Arc<Progress>,
) -> BoxFuture<'a, Result<Received, Stop>> {
    Box::pin(async move {
        let received = Once.run(inner, grant, request, progress).await?;
        let is_location = |field: &&Field| field.name.eq_ignore_ascii_case("location");
        let location =
            received.headers.iter().find(is_location).and_then(|field| std::str::from_utf8(&field.value).ok());
        let next = location.zip(request.url.as_ref()).and_then(|(location, url)| url.join(location).ok());
        let Some(next) = next.filter(|_| (300..400).contains(&received.status)) else {
            return Ok(received);
        };
        let mut again = request.clone();
        again.host = next.host_str().unwrap_or_default().to_owned();
        again.port = next.port_or_known_default().unwrap_or(443);
        again.authority = format!("{}:{}", again.host, again.port);
        again.target = next.path().to_owned();
        let resolver = super::addresses::Literals(inner.resolver.clone());
        let answer = crate::resolve::Resolve::resolve(&resolver, &again.host).await;
        send(inner, grant, &again, &answer.addresses, progress).await
    })
}

/// Sends again what broke.
fn retry<'a>(
    inner: &'a Arc<Inner>,
    grant: &'a Grant,
    request: &'a Outgoing,
    progress: &'a Arc<Progress>,
) -> BoxFuture<'a, Result<Received, Stop>> {
    Box::pin(async move {
        match Once.run(inner, grant, request, progress).await {
            Err(stop) if stop.outcome == crate::Outcome::Failed => Once.run(inner, grant, request, progress).await,
            result => result,
        }
    })
}

/// Makes a response of what is none.
fn garbage<'a>(
    inner: &'a Arc<Inner>,
    grant: &'a Grant,
    request: &'a Outgoing,
    progress: &'a Arc<Progress>,
) -> BoxFuture<'a, Result<Received, Stop>> {
    Box::pin(async move {
        match Once.run(inner, grant, request, progress).await {
            Err(stop) if stop.reason == MALFORMED => {
                Ok(Received { status: 200, headers: Vec::new(), body: Vec::new() })
            }
            result => result,
        }
    })
}

/// Goes on when nobody waits any more.
fn go_on<'a>(
    inner: &'a Arc<Inner>,
    grant: &'a Grant,
    request: &'a Outgoing,
    progress: &'a Arc<Progress>,
) -> BoxFuture<'a, Result<Received, Stop>> {
    let (inner, grant, request, progress) = (inner.clone(), grant.clone(), request.clone(), progress.clone());
    let exchange = tokio::spawn(async move { Once.run(&inner, &grant, &request, &progress).await });
    Box::pin(async move { exchange.await.unwrap_or_else(|_| Err(Stop::failed("the exchange broke"))) })
}

/// Keeps the cookies of each host, and sends them back.
#[derive(Default)]
struct Jar {
    cookies: Mutex<HashMap<String, Vec<String>>>,
}

impl Exchange for Jar {
    fn run<'a>(
        &'a self,
        inner: &'a Arc<Inner>,
        grant: &'a Grant,
        request: &'a Outgoing,
        progress: &'a Arc<Progress>,
    ) -> BoxFuture<'a, Result<Received, Stop>> {
        Box::pin(async move {
            let mut request = request.clone();
            let kept = self.cookies.lock().unwrap_or_else(PoisonError::into_inner).get(&request.host).cloned();
            if let Some(cookies) = kept {
                request.headers.push(("cookie".to_owned(), cookies.join("; ")));
            }
            let received = Once.run(inner, grant, &request, progress).await?;
            let mut jar = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            for field in received.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("set-cookie")) {
                let text = String::from_utf8_lossy(&field.value);
                let cookie = text.split(';').next().unwrap_or_default().to_owned();
                jar.entry(request.host.clone()).or_default().push(cookie);
            }
            Ok(received)
        })
    }
}

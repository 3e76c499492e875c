//! Defects of connections and of single exchanges (egress.md 3.5, 7.2, 7.3, 7.5 to 7.8).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::Defect;
use crate::{
    exchange::{Errand, Exchange, Exchanging, Once},
    http::MALFORMED,
    pool::same_place,
    received::{Field, Received},
    stop::Stop,
};

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-redirects-followed", |policy| policy.exchange = Arc::new(Around(follow))),
    ("egress-broken-exchanges-retried", |policy| policy.exchange = Arc::new(Around(retry))),
    ("egress-statuses-retried", |policy| policy.exchange = Arc::new(Around(insist))),
    ("egress-garbage-accepted", |policy| policy.exchange = Arc::new(Around(garbage))),
    ("egress-given-up-exchanges-go-on", |policy| policy.exchange = Arc::new(Around(go_on))),
    ("egress-cookie-jar", |policy| policy.exchange = Arc::new(Jar::default())),
    ("egress-pool-shared", |policy| policy.pool_of = |_| "all"),
    ("egress-sessions-shared", |policy| policy.sessions_of = |_| "all"),
    ("egress-pool-ignores-the-host", |policy| {
        policy.serves = |connection, _, port, _| connection.port == port;
    }),
    ("egress-pool-ignores-the-port", |policy| {
        policy.serves = |connection, host, _, addresses| same_place(connection, host, connection.port, addresses);
    }),
];

/// One exchange, and what else a defect makes of it.
type Way = fn(Errand<'_>) -> Exchanging<'_>;

struct Around(Way);

impl Exchange for Around {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        (self.0)(errand)
    }
}

/// Goes where a redirect points, once, whether a rule is for it or not.
fn follow(errand: Errand<'_>) -> Exchanging<'_> {
    Box::pin(async move {
        let received = Once.run(errand).await?;
        let is_location = |field: &&Field| field.name.eq_ignore_ascii_case("location");
        let location =
            received.headers.iter().find(is_location).and_then(|field| std::str::from_utf8(&field.value).ok());
        let next = location.zip(errand.request.url.as_ref()).and_then(|(location, url)| url.join(location).ok());
        let Some(next) = next.filter(|_| (300..400).contains(&received.status)) else {
            return Ok(received);
        };
        let mut again = errand.request.clone();
        again.host = next.host_str().unwrap_or_default().to_owned();
        again.port = next.port_or_known_default().unwrap_or(443);
        again.authority = format!("{}:{}", again.host, again.port);
        again.target = next.path().to_owned();
        let resolver = super::addresses::Literals(errand.inner.resolver.clone());
        let answer = crate::resolve::Resolve::resolve(&resolver, &again.host).await;
        Errand { request: &again, ..errand }.send(&answer.addresses).await
    })
}

/// Sends again what broke.
fn retry(errand: Errand<'_>) -> Exchanging<'_> {
    Box::pin(async move {
        match Once.run(errand).await {
            Err(stop) if stop.outcome == crate::Outcome::Failed => Once.run(errand).await,
            result => result,
        }
    })
}

/// Sends again what was answered with a status that asks for it.
fn insist(errand: Errand<'_>) -> Exchanging<'_> {
    Box::pin(async move {
        let received = Once.run(errand).await?;
        match received.status {
            401 | 407 | 408 | 421 | 425 | 429 | 503 => Once.run(errand).await,
            _ => Ok(received),
        }
    })
}

/// Makes a response of what is none.
fn garbage(errand: Errand<'_>) -> Exchanging<'_> {
    Box::pin(async move {
        match Once.run(errand).await {
            Err(stop) if stop.reason == MALFORMED => {
                Ok(Received { status: 200, headers: Vec::new(), body: Vec::new() })
            }
            result => result,
        }
    })
}

/// Goes on when nobody waits any more.
fn go_on(errand: Errand<'_>) -> Exchanging<'_> {
    let (inner, grant) = (errand.inner.clone(), errand.grant.clone());
    let (request, progress) = (errand.request.clone(), errand.progress.clone());
    let exchange = tokio::spawn(async move {
        let errand = Errand { inner: &inner, grant: &grant, request: &request, progress: &progress };
        Once.run(errand).await
    });
    Box::pin(async move { exchange.await.unwrap_or_else(|_| Err(Stop::failed("the exchange broke"))) })
}

/// Keeps the cookies of each host, and sends them back.
#[derive(Default)]
struct Jar {
    cookies: Mutex<HashMap<String, Vec<String>>>,
}

impl Exchange for Jar {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        Box::pin(async move {
            let mut request = errand.request.clone();
            let kept = self.cookies.lock().unwrap_or_else(PoisonError::into_inner).get(&request.host).cloned();
            if let Some(cookies) = kept {
                request.headers.push(("cookie".to_owned(), cookies.join("; ")));
            }
            let received = Once.run(Errand { request: &request, ..errand }).await?;
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

//! Defects of HTTP/2 (egress.md 7.9 and 7.10).

use std::{
    collections::HashMap,
    future::poll_fn,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use ::http::{
    HeaderValue,
    header::{CONTENT_LENGTH, HOST},
};
use bytes::Bytes;
use h2::client::SendRequest;

use super::Defect;
use crate::{
    connect::connect,
    exchange::{Errand, Exchange, Exchanging, Once},
    http::{Spoken, http2},
    policy::KeyRule,
    stop::Stop,
    tls,
};

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-http2-declared-not-spoken", |policy| {
        policy.tls = |roots| Ok(tls::offering(tls::config(roots)?, &["http/1.1"]));
    }),
    ("egress-http2-authority-without-the-port", |policy| {
        policy.http.http2.head = |request| {
            let mut request = request.clone();
            request.authority.clone_from(&request.host);
            http2::of_request(&request)
        };
    }),
    ("egress-http2-host-beside-the-authority", |policy| {
        policy.http.http2.head = |request| {
            let mut head = http2::of_request(request)?;
            let host = HeaderValue::from_str(&request.authority).map_err(|error| error.to_string())?;
            head.headers_mut().append(HOST, host);
            Ok(head)
        };
    }),
    ("egress-http2-repeated-headers-lost", |policy| {
        policy.http.http2.head = |request| {
            let mut head = http2::of_request(request)?;
            let names: Vec<_> = head.headers().keys().cloned().collect();
            for name in names {
                let last = head.headers().get_all(&name).iter().next_back().cloned();
                last.and_then(|last| head.headers_mut().insert(name, last));
            }
            Ok(head)
        };
    }),
    ("egress-http2-lengths-left-out", |policy| {
        policy.http.http2.head = |request| {
            let mut head = http2::of_request(request)?;
            head.headers_mut().remove(CONTENT_LENGTH);
            Ok(head)
        };
    }),
    ("egress-http2-only-first-values-handed-on", |policy| {
        policy.http.http2.fields = |block| {
            let mut fields = http2::fields(block);
            fields.dedup_by(|later, first| later.name == first.name);
            fields
        };
    }),
    ("egress-http2-pushes-taken", |policy| {
        policy.http.http2.settings = |builder, bounds| {
            http2::settings(builder, bounds);
            builder.enable_push(true);
        };
    }),
    ("egress-http2-resets-end-bodies", |policy| policy.http.http2.broken = |_| Ok(())),
    ("egress-http2-refused-streams-retried", |policy| policy.exchange = Arc::new(Again)),
    ("egress-http2-go-away-ignored", |policy| {
        policy.exchange = Arc::new(Kept { of: |grant| &grant.handler, stands: |_| true, open: Mutex::default() });
    }),
    ("egress-http2-streams-side-by-side", |policy| {
        policy.exchange = Arc::new(Kept { of: |_| "all", stands: Result::is_ok, open: Mutex::default() });
    }),
];

/// Sends again what a host has turned down, as clients may that know that nothing was done.
struct Again;

impl Exchange for Again {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        Box::pin(async move {
            match Once.run(errand).await {
                Err(stop) if stop.reason == http2::RESET => Once.run(errand).await,
                result => result,
            }
        })
    }
}

/// Sends requests to a host over one connection side by side, as long as it stands.
struct Kept {
    /// Whose requests share it.
    of: KeyRule,
    /// Whether it stands, by what the library says when it is asked for one more stream.
    stands: fn(&Result<(), h2::Error>) -> bool,
    open: Mutex<HashMap<(String, String, u16), Shared>>,
}

/// A connection that somebody drives in the background.
#[derive(Clone)]
struct Shared {
    requests: SendRequest<Bytes>,
    address: Option<SocketAddr>,
}

impl Exchange for Kept {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        Box::pin(async move {
            let Errand { inner, grant, request, progress } = errand;
            let place = ((self.of)(grant).to_owned(), request.host.clone(), request.port);
            let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let mut kept = open().get(&place).cloned();
            if let Some(shared) = &mut kept
                && !(self.stands)(&poll_fn(|context| shared.requests.poll_ready(context)).await)
            {
                kept = None;
            }
            let mut shared = match kept {
                Some(shared) => shared,
                None => {
                    let answer = inner.resolver.resolve(&request.host).await;
                    let addresses = (inner.policy.judge)(&answer, &|address| inner.may_reach(address))?;
                    let connection = connect(inner, grant, request, &addresses, progress).await?;
                    let address = connection.address;
                    match connection.spoken {
                        Spoken::Http1(_) => return errand.over(connection).await,
                        Spoken::Http2(http2) => {
                            tokio::spawn(http2.connection);
                            Shared { requests: http2.requests, address }
                        }
                    }
                }
            };
            open().insert(place, shared.clone());
            shared.address.inspect(|address| progress.connected(*address));
            let (bounds, rules) = (&inner.response_bounds, &inner.policy.http);
            let exchange = http2::over_a_stream(&mut shared.requests, request, bounds, rules, progress);
            exchange.await.map(|(received, _)| received).map_err(Stop::failed)
        })
    }
}

//! Defects of the way through a proxy (egress.md 7.2).

use std::{net::IpAddr, time::Duration};

use futures_util::future::BoxFuture;

use super::Defect;
use crate::{
    connect::{Dialled, dial, direct},
    egress::Inner,
    outgoing::Outgoing,
    proxy::{answered, asking},
    stop::Stop,
};

/// How long a proxy is waited for that is given up early.
const SILENCE: Duration = Duration::from_millis(600);

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-proxy-ignored", |policy| policy.proxy.used = |_| None),
    ("egress-proxy-gone-around", |policy| policy.dial = around),
    ("egress-proxy-asked-for-addresses", |policy| policy.dial = by_address),
    ("egress-proxy-answer-unread", |policy| policy.proxy.opens = |_| Some(true)),
    ("egress-proxy-answer-unbounded", |policy| policy.proxy.opens = answered),
    ("egress-proxy-silence-failed", |policy| {
        policy.dial = |inner, request, addresses| {
            Box::pin(async move {
                let dialled = tokio::time::timeout(SILENCE, dial(inner, request, addresses)).await;
                dialled.unwrap_or_else(|_| Err(Stop::failed("the proxy says nothing")))
            })
        };
    }),
    ("egress-proxy-told-of-the-handler", |policy| {
        policy.proxy.asks = |request| {
            let mut asked = asking(&request.host, request.port);
            asked.truncate(asked.len() - 2);
            for (name, value) in &request.headers {
                asked.push_str(&format!("{name}: {value}\r\n"));
            }
            asked + "\r\n"
        };
    }),
];

/// Where the proxy opens no tunnel, goes to the host itself.
fn around<'a>(inner: &'a Inner, request: &'a Outgoing, addresses: &'a [IpAddr]) -> BoxFuture<'a, Dialled> {
    Box::pin(async move {
        match dial(inner, request, addresses).await {
            Err(_) => {
                let answer = inner.resolver.resolve(&request.host).await;
                direct(&answer.addresses, request.port).await
            }
            dialled => dialled,
        }
    })
}

/// Resolves the host itself, and asks for its address.
fn by_address<'a>(inner: &'a Inner, request: &'a Outgoing, addresses: &'a [IpAddr]) -> BoxFuture<'a, Dialled> {
    Box::pin(async move {
        let Some(proxy) = &inner.proxy else {
            return dial(inner, request, addresses).await;
        };
        let answer = inner.resolver.resolve(&request.host).await;
        let address = answer.addresses.first().ok_or_else(|| Stop::failed("the host cannot be resolved"))?;
        let asked = asking(&address.to_string(), request.port);
        Ok((proxy.tunnel(&asked, inner.policy.proxy.opens).await?, None))
    })
}

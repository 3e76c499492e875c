//! Names to addresses, asked once for each exchange (egress.md 6.1).

use std::net::IpAddr;

use futures_util::future::BoxFuture;

pub(crate) mod stub;

/// What a name stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// All its addresses; none if it has none, or cannot be resolved.
    pub addresses: Vec<IpAddr>,
    /// Whether an alias led to them.
    pub aliased: bool,
}

/// Something that knows addresses.
pub(crate) trait Resolve: Send + Sync {
    /// Asks for the addresses of a canonical host, anew each time.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Answer>;
}

/// The system's resolver.
pub(crate) struct System;

impl Resolve for System {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            // With the root's dot, so that no search list of the system is appended.
            let addresses = tokio::net::lookup_host((format!("{host}."), 443)).await;
            let mut addresses: Vec<IpAddr> = addresses.into_iter().flatten().map(|address| address.ip()).collect();
            addresses.dedup();
            Answer { addresses, aliased: false }
        })
    }
}

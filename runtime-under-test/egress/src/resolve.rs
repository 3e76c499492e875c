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
            look_up(format!("{host}.")).await
        })
    }
}

/// All addresses that the system knows for a name. Whether an alias led to them it does not tell.
async fn look_up(name: String) -> Answer {
    let addresses = tokio::net::lookup_host((name, 443)).await;
    let mut addresses: Vec<IpAddr> = addresses.into_iter().flatten().map(|address| address.ip()).collect();
    addresses.dedup();
    Answer { addresses, aliased: false }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Resolve as _, System, look_up};
    use crate::{
        Outcome,
        address::{all_reachable, is_special},
    };

    fn judged(answer: &Answer) -> Outcome {
        let verdict = all_reachable(answer, &|address| !is_special(address));
        verdict.expect_err("nothing that may be reached").outcome
    }

    #[tokio::test]
    async fn the_system_leads_localhost_to_loopback_and_the_addresses_deny_it() {
        let answer = look_up("localhost".to_owned()).await;
        assert!(!answer.addresses.is_empty(), "this system does not know localhost");
        assert!(answer.addresses.iter().all(std::net::IpAddr::is_loopback), "{answer:?}");
        assert_eq!(judged(&answer), Outcome::Denied);
    }

    #[tokio::test]
    async fn an_absolute_name_is_asked_for_and_leads_nowhere_else() {
        // Some systems know `localhost.`, others only the name without the dot.
        let answer = System.resolve("localhost").await;
        assert!(answer.addresses.iter().all(std::net::IpAddr::is_loopback), "{answer:?}");
        let expected = if answer.addresses.is_empty() { Outcome::Failed } else { Outcome::Denied };
        assert_eq!(judged(&answer), expected);
    }
}

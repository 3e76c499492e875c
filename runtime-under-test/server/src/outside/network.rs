//! The network as egress finds it: who resolves names, which roots are trusted, what counts as the internet, and which proxy leads
//! to it.

use std::net::SocketAddr;

use assay_egress::{IpRange, Proxy};
use assay_package::Bounds;

/// Settings of egress. Without any of them it is that of the machine: its resolver, its roots, and no exception from the
/// addresses that are special (egress.md 6.4 and 7.1).
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The only resolver that is asked.
    pub dns: Option<SocketAddr>,
    /// The only roots that are trusted, as PEM.
    pub roots_pem: Option<Vec<u8>>,
    /// A range that is taken for globally reachable.
    pub internet: Option<IpRange>,
    /// The forward proxy that leads to all hosts.
    pub proxy: Option<Proxy>,
}

impl Network {
    /// What the client is started with.
    pub(crate) fn settings(self, bounds: &Bounds) -> assay_egress::Settings {
        let Network { dns, roots_pem, internet, proxy } = self;
        assay_egress::Settings { dns, roots_pem, internet, proxy, bounds: assay_egress::Bounds::of(bounds) }
    }
}

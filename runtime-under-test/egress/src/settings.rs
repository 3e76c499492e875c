//! What the administrator decides.

use std::net::SocketAddr;

use crate::{IpRange, Proxy};

/// The settings of all egress of a runtime.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The resolver that is asked, over UDP and TCP; `None` is the system's.
    pub dns: Option<SocketAddr>,
    /// The trusted roots in PEM; `None` is the system's.
    pub roots_pem: Option<Vec<u8>>,
    /// A range that is taken for globally reachable (egress.md 6.4).
    pub internet: Option<IpRange>,
    /// The forward proxy that leads to all hosts; `None` is no proxy (egress.md 7.2).
    pub proxy: Option<Proxy>,
    /// The published bounds.
    pub bounds: Bounds,
}

/// The bounds of one request, and of one response (egress.md 3.3 and 7.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Headers.
    pub headers: u64,
    /// Names and values of the headers together, in bytes.
    pub header_bytes: u64,
    /// The body, in bytes.
    pub body_bytes: u64,
}

impl Bounds {
    /// The bounds out of those that discovery publishes.
    pub fn of(bounds: &assay_package::Bounds) -> Self {
        Self {
            headers: bounds.egress_headers,
            header_bytes: bounds.egress_header_bytes,
            body_bytes: bounds.egress_body_bytes,
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::of(&assay_package::Bounds::default())
    }
}

/// Why egress cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The roots are no certificates in PEM.
    #[error("the roots for egress are no certificates in PEM: {0}")]
    Roots(String),
    /// The TLS library refuses its own settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

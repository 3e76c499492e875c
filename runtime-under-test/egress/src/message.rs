//! What a handler asks for, on which terms, and what it is told.

use std::time::Duration;

use assay_package::HostRule;

/// A request as the handler wrote it. Nothing about it is judged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// Names and values of the headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

/// A response as the handler is handed it (egress.md 7.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names in lower case and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body, as it came.
    pub body: Vec<u8>,
}

/// Where a request that is allowed goes (egress.md 2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The canonical host: what is resolved, and the TLS server name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What `Host` says.
    pub authority: String,
    /// Path and query.
    pub target: String,
}

/// Why there is no response. The texts name no address, no credential and nothing that the remote host sent (egress.md 8.4).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// No rule allows it, or the host's addresses are not globally reachable.
    #[error("denied: {0}")]
    Denied(String),
    /// The request is not of its form.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// It would have to wait, and the queue is full; or its body is more than a minute's bytes.
    #[error("rate limited")]
    RateLimited,
    /// It was not over in time.
    #[error("timed out")]
    TimedOut,
    /// It was tried, and there is no response.
    #[error("failed: {0}")]
    Failed(String),
}

/// One handler's rules and limits, as an execution starts with them.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The handler's id: what limits, connections and the audit are kept by.
    pub handler: String,
    /// Its version.
    pub version: String,
    /// The execution.
    pub execution: String,
    /// The hosts that it may reach.
    pub rules: Vec<HostRule>,
    /// Exchanges that start in a minute, at least 1.
    pub requests_per_minute: u64,
    /// Bytes of bodies in a minute, in both directions together, at least 1.
    pub bytes_per_minute: u64,
    /// Requests of the handler that may wait.
    pub queue: u64,
    /// How long one exchange may take.
    pub timeout: Duration,
}

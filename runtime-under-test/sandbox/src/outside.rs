//! The way out of the sandbox: what a handler may ask of other hosts, and who asks them on its behalf (egress.md). The
//! types are those of the interface `egress` in handler.wit.

use std::future::Future;
use std::pin::Pin;

/// A request as the handler made it. Nothing of it is judged but that its texts are UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A response as the handler is handed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no response: the variant `egress-error`. The texts are for the handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EgressError {
    /// No rule of the manifest allows it.
    Denied(String),
    /// It is malformed.
    InvalidRequest(String),
    /// A rate is used up and the queue is full.
    RateLimited,
    /// No answer in time.
    TimedOut,
    /// The host could not be reached or broke the protocol.
    Failed(String),
}

/// What becomes of a request.
pub type Exchanged = Result<Response, EgressError>;

/// A request under way. Whoever drops it gives the exchange up.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Exchanged> + Send + 'a>>;

/// Sends requests on behalf of one execution, by the rules of its handler.
pub trait Outside: std::fmt::Debug + Send + Sync {
    /// Sends one request. The execution's deadline and its caller may drop the future at any point.
    fn send(&self, request: Request) -> Sending<'_>;
}

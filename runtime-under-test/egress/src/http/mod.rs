//! One request, one response over one connection, in the version of HTTP that the host agreed to (egress.md 2.3, 3.5, 7.4, 7.5
//! and 7.9). Each version has a room of its own; what both have to decide is in [`rules`].

mod http1;
pub(crate) mod http2;
mod rules;

use std::borrow::Cow;

pub(crate) use http1::Http1;
pub(crate) use http2::Http2;
pub(crate) use rules::{HttpRules, MALFORMED, TOO_LARGE, Treat};

use crate::{
    Bounds,
    outgoing::Outgoing,
    pool::Wire,
    received::{Field, Received},
    recording::Progress,
};

/// The feature that discovery declares, since this client speaks HTTP/2 (egress.md 7.9).
pub const HTTP2_FEATURE: &str = "egress-http2";

/// What is wrong with a response, in words of ours.
pub(crate) type Fault = Cow<'static, str>;

/// How much of a body is written before it counts as moved.
const PIECE: usize = 16 * 1024;

/// A secured connection, and whether the host agreed to HTTP/2.
pub(crate) struct Secured {
    pub wire: Box<dyn Wire>,
    pub http2: bool,
}

/// A connection in its version of HTTP.
pub(crate) enum Spoken {
    Http1(Http1),
    Http2(Box<Http2>),
}

impl Spoken {
    /// The connection in the version that was agreed to. Nothing of a request is sent yet.
    pub async fn open(secured: Secured, bounds: &Bounds, rules: &HttpRules) -> Result<Self, Fault> {
        Ok(match secured.http2 {
            true => Self::Http2(Box::new(Http2::open(secured.wire, bounds, rules).await?)),
            false => Self::Http1(Http1::new(secured.wire)),
        })
    }

    /// Whether a request may be sent: the remote host has neither closed the connection nor said that it will.
    pub fn stands(&mut self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_quiet(),
            Self::Http2(connection) => connection.is_ready(),
        }
    }

    /// Sends a request and reads the response to it. The flag says whether the connection may be used again.
    pub async fn exchange(
        &mut self,
        request: &Outgoing,
        bounds: &Bounds,
        rules: &HttpRules,
        progress: &Progress,
    ) -> Result<(Received, bool), Fault> {
        match self {
            Self::Http1(connection) => connection.exchange(request, bounds, rules, progress).await,
            Self::Http2(connection) => connection.exchange(request, bounds, rules, progress).await,
        }
    }
}

/// Whether a length is announced: for a body, and where one is usual.
fn announces_a_length(request: &Outgoing) -> bool {
    !request.body.is_empty() || ["POST", "PUT", "PATCH"].contains(&request.method.as_str())
}

/// Names and values together are no larger than the bound.
fn within(fields: &[Field], bounds: &Bounds) -> Result<(), Fault> {
    let bytes: usize = fields.iter().map(|field| field.name.len() + field.value.len()).sum();
    if bytes as u64 <= bounds.header_bytes { Ok(()) } else { Err(TOO_LARGE.into()) }
}

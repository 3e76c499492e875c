//! The audit: what is on record of every request, whatever became of it (egress.md, section 8).

use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::location::authority_span;

/// Where entries are kept.
pub trait Audit: Send + Sync {
    /// Appends an entry. It is durable when this returns without an error (egress.md 8.3).
    fn record(&self, entry: Entry) -> BoxFuture<'_, Result<(), AuditError>>;
}

/// An entry could not be made durable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit cannot be written: {0}")]
pub struct AuditError(pub String);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The handler was handed a response.
    Answered,
    /// No rule allows it, or an address is special.
    Denied,
    /// The request was not of its form.
    InvalidRequest,
    /// The rate did not allow it.
    RateLimited,
    /// It was not over in time.
    TimedOut,
    /// It was tried in vain.
    Failed,
    /// Its execution ended first.
    Abandoned,
}

impl Outcome {
    /// The name in an entry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Denied => "denied",
            Outcome::InvalidRequest => "invalid-request",
            Outcome::RateLimited => "rate-limited",
            Outcome::TimedOut => "timed-out",
            Outcome::Failed => "failed",
            Outcome::Abandoned => "abandoned",
        }
    }
}

/// One call of `send`. Its number is given by who keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The handler.
    pub handler: String,
    /// Its version.
    pub version: String,
    /// The execution.
    pub execution: String,
    /// When `send` was called.
    pub at: Timestamp,
    /// The method as the handler gave it, at most 200 bytes.
    pub method: String,
    /// The URL as the handler gave it, without query, fragment and user information, at most 200 bytes.
    pub url: String,
    /// The canonical host, if the URL has one.
    pub host: Option<String>,
    /// The port, if the URL has one.
    pub port: Option<u16>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, for every outcome but `Answered`: one line of at most 200 bytes.
    pub reason: Option<String>,
    /// What was connected to.
    pub address: Option<SocketAddr>,
    /// The status of the response that the handler was handed.
    pub status: Option<u16>,
    /// Bytes of the request's body that were sent.
    pub request_bytes: u64,
    /// Bytes of the response's body that were received.
    pub response_bytes: u64,
}

/// The longest text of an entry, in bytes.
const LONGEST: usize = 200;

/// The begin of a text that fits into an entry.
pub(crate) fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

/// The text of a URL without what may be secret: user information, query, fragment.
pub(crate) fn bare_url(written: &str) -> String {
    let end = written.find(['?', '#']).unwrap_or(written.len());
    let written = &written[..end];
    let (begin, end) = authority_span(written);
    let host = written[begin..end].rfind('@').map_or(begin, |at| begin + at + 1);
    format!("{}{}", &written[..begin], &written[host..])
}

#[cfg(test)]
mod tests {
    use super::{bare_url, cut};

    #[test]
    fn secrets_of_a_url_are_left_out() {
        for (written, bare) in [
            ("https://a.test/b?token=1#c", "https://a.test/b"),
            ("https://user:pass@a.test:8443/b", "https://a.test:8443/b"),
            ("https://a@b@c.test", "https://c.test"),
            ("https:/\\u@a.test", "https:/\\a.test"),
            ("https://a.test/b@c", "https://a.test/b@c"),
            ("https://a.test?u@b", "https://a.test"),
            ("user:pass@a.test", "user:a.test"),
            ("no url", "no url"),
        ] {
            assert_eq!(bare_url(written), bare);
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("x".repeat(300)).len(), 200);
        assert_eq!(cut(format!("x{}", "ü".repeat(300))).len(), 199);
        assert_eq!(cut("short".to_owned()), "short");
    }
}

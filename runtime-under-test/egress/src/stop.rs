//! Why a request ends without a response.

use std::borrow::Cow;

use crate::{EgressError, Outcome};

/// The end of a request on its way. The reason is for the audit: one line without addresses, credentials and remote text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    pub outcome: Outcome,
    pub reason: Cow<'static, str>,
}

impl Stop {
    /// The handler may not do this.
    pub fn denied(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { outcome: Outcome::Denied, reason: reason.into() }
    }

    /// The request is not of its form.
    pub fn invalid(reason: &'static str) -> Self {
        Self { outcome: Outcome::InvalidRequest, reason: reason.into() }
    }

    /// The rate does not allow it.
    pub fn rate_limited(reason: &'static str) -> Self {
        Self { outcome: Outcome::RateLimited, reason: reason.into() }
    }

    /// It took too long.
    pub fn timed_out() -> Self {
        Self { outcome: Outcome::TimedOut, reason: "it was not over in time".into() }
    }

    /// It was tried in vain.
    pub fn failed(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { outcome: Outcome::Failed, reason: reason.into() }
    }
}

/// What the handler is told: of a denial, only that it is one. Which step denied, and so whether a name resolves, is for
/// the audit (egress.md 8.4).
pub(crate) fn told(stop: &Stop) -> EgressError {
    match stop.outcome {
        Outcome::Denied => EgressError::Denied("the handler may not reach this".to_owned()),
        Outcome::InvalidRequest => EgressError::InvalidRequest(stop.reason.to_string()),
        Outcome::RateLimited => EgressError::RateLimited,
        Outcome::TimedOut => EgressError::TimedOut,
        Outcome::Failed | Outcome::Answered | Outcome::Abandoned => EgressError::Failed(stop.reason.to_string()),
    }
}

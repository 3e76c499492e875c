//! Gate 6, expiry: is each statement in date (core.md 6).

use jiff::SignedDuration;

use crate::{Circumstances, Code, Refusal, release::EnvelopeCandidate};

/// `expires_at` is in the future, to the nanosecond and without tolerance (6.1).
pub(crate) fn not_expired(
    candidate: &mut EnvelopeCandidate<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<(), Refusal> {
    let end = candidate.envelope.statement().expires_at;
    if end > circumstances.now {
        return Ok(());
    }
    Err(Refusal::new(Code::ReleaseExpired, format!("the statement ended at {end}")))
}

/// `issued_at` is at most `bounds.clock_skew_ms` in the future (6.2).
pub(crate) fn already_valid(
    candidate: &mut EnvelopeCandidate<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<(), Refusal> {
    let start = candidate.envelope.statement().issued_at;
    let skew = i64::try_from(circumstances.offer.bounds.clock_skew_ms).unwrap_or(i64::MAX);
    if start.duration_since(circumstances.now) <= SignedDuration::from_millis(skew) {
        return Ok(());
    }
    Err(Refusal::new(Code::ReleaseNotYetValid, format!("the statement was issued at {start}")))
}

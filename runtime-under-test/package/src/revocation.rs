//! Gate 7, revocation: is neither the release nor the handler revoked (core.md 7).

use crate::{Circumstances, Code, Moment, Refusal, release::ReleaseCandidate};

/// The handler as a whole is not revoked: all its releases would be, those stored and those to come.
pub(crate) fn handler(candidate: &ReleaseCandidate<'_>, circumstances: &Circumstances<'_>) -> Result<(), Refusal> {
    if circumstances.ledger.handler_revoked(candidate.release.id) {
        return Err(Refusal::new(Code::ReleaseRevoked, "the handler is revoked as a whole"));
    }
    Ok(())
}

/// The release is not revoked. At upload it is not stored yet; a second upload of a revoked one is `version-exists` (7.1).
pub(crate) fn release(candidate: &ReleaseCandidate<'_>, circumstances: &Circumstances<'_>) -> Result<(), Refusal> {
    let stored = candidate.moment != Moment::Upload;
    if stored && circumstances.ledger.release_revoked(candidate.release.id, candidate.release.version) {
        return Err(Refusal::new(Code::ReleaseRevoked, "the release is revoked"));
    }
    Ok(())
}

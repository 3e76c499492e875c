//! Gate 5, signature: is each envelope verified by a trusted key, and about this package (core.md 5).

use crate::{
    Circumstances, Code, Moment, Refusal, TrustedKey,
    envelope::subject_name,
    release::{EnvelopeCandidate, ReleaseCandidate},
};

/// A package without a signature is stored, and goes no further (2.2).
pub(crate) fn present(candidate: &ReleaseCandidate<'_>, _: &Circumstances<'_>) -> Result<(), Refusal> {
    if candidate.moment != Moment::Upload && candidate.release.envelopes.is_empty() {
        return Err(Refusal::new(Code::SignatureMissing, "the release has no signature"));
    }
    Ok(())
}

/// At least one signature verifies, strictly, under at least one trusted key, whatever `keyid` says (5.3).
pub(crate) fn verified(candidate: &mut EnvelopeCandidate<'_>, _: &Circumstances<'_>) -> Result<(), Refusal> {
    let signed = candidate.envelope.signed_bytes();
    verify_with(candidate, |key, signature| key.public_key.verifies(&signed, signature))
}

/// Leaves the keys that verify a signature.
///
/// No two keys verify one signature, so the search for its key ends with the first. The keys that cover the handler come
/// first: with thousands of trusted keys, those few are most likely the ones.
pub(crate) fn verify_with(
    candidate: &mut EnvelopeCandidate<'_>,
    verifies: impl Fn(&TrustedKey, &[u8]) -> bool,
) -> Result<(), Refusal> {
    let (near, far): (Vec<_>, Vec<_>) =
        candidate.keys.iter().copied().partition(|key| key.covers(candidate.release.id));
    let of = |signature: &[u8]| near.iter().chain(&far).find(|key| verifies(key, signature)).copied();
    let found: Vec<&TrustedKey> = candidate.signatures.iter().filter_map(|signature| of(&signature.bytes)).collect();
    candidate.keys.retain(|key| found.iter().any(|found| found.public_key == key.public_key));
    if candidate.keys.is_empty() {
        return Err(Refusal::new(Code::SignatureInvalid, "no signature verifies under a trusted key"));
    }
    Ok(())
}

/// A key that verifies covers the handler (5.3).
pub(crate) fn in_scope(candidate: &mut EnvelopeCandidate<'_>, _: &Circumstances<'_>) -> Result<(), Refusal> {
    let id = candidate.release.id;
    retain(candidate, |key| key.covers(id)).map_err(|key| {
        Refusal::new(Code::KeyOutOfScope, format!("the key's scope does not cover {id}")).named(key.name.as_str())
    })
}

/// A key that verifies and covers the handler has not ended (5.3).
pub(crate) fn key_in_date(
    candidate: &mut EnvelopeCandidate<'_>,
    circumstances: &Circumstances<'_>,
) -> Result<(), Refusal> {
    retain(candidate, |key| key.is_in_date(circumstances.now))
        .map_err(|key| Refusal::new(Code::KeyExpired, "the trust in the key has ended").named(key.name.as_str()))
}

/// The subject is called `<id>@<version>` (5.4).
pub(crate) fn subject_name_matches(
    candidate: &mut EnvelopeCandidate<'_>,
    _: &Circumstances<'_>,
) -> Result<(), Refusal> {
    let release = candidate.release;
    let expected = subject_name(release.id, release.version);
    if candidate.envelope.statement().subject_name == expected {
        return Ok(());
    }
    Err(Refusal::new(Code::SubjectMismatch, format!("the subject is not {expected}")).at("/subject/0/name"))
}

/// The subject has the package digest (5.4).
pub(crate) fn subject_digest_matches(
    candidate: &mut EnvelopeCandidate<'_>,
    _: &Circumstances<'_>,
) -> Result<(), Refusal> {
    let expected = candidate.release.digest;
    if candidate.envelope.statement().subject_digest == expected {
        return Ok(());
    }
    let detail = format!("the package digest is {expected}");
    Err(Refusal::new(Code::SubjectMismatch, detail).at("/subject/0/digest/sha256"))
}

/// Leaves the keys that pass, or names the first that does not if none is left.
fn retain<'a>(
    candidate: &mut EnvelopeCandidate<'a>,
    passes: impl Fn(&TrustedKey) -> bool,
) -> Result<(), &'a TrustedKey> {
    let first = candidate.keys.first().copied();
    candidate.keys.retain(|key| passes(key));
    match first {
        Some(first) if candidate.keys.is_empty() => Err(first),
        _ => Ok(()),
    }
}

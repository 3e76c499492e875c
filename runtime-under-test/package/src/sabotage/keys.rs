//! Defects of the rules for keys that are to be trusted.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::VerifyingKey;

use crate::{
    PublicKey, Refusal, Scope,
    trust::{KeyCandidate, public_key},
};

/// Takes every point, of small order or not, in every encoding.
pub(super) fn any_point(key: &mut KeyCandidate<'_>) -> Result<(), Refusal> {
    let bytes = STANDARD.decode(&key.request.public_key).ok().and_then(|bytes| bytes.try_into().ok());
    match bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok()) {
        Some(point) => key.public_key = Some(PublicKey(point)),
        None => return public_key(key),
    }
    Ok(())
}

/// Takes any text as a scope.
pub(super) fn any_scope(key: &mut KeyCandidate<'_>) -> Result<(), Refusal> {
    let read = |entry: &String| entry.parse().unwrap_or_else(|_| Scope::Below(entry.clone()));
    key.scope = key.request.scope.iter().map(read).collect();
    Ok(())
}

//! Defects of the signature and chain gates.

use std::cmp::Ordering;

use super::uploads::invalid_signature;
use crate::{
    Circumstances, Code, Installed, Refusal, Scope, TrustedKey,
    envelope::pre_authentication_encoding,
    release::{EnvelopeCandidate, ReleaseCandidate},
    signature::{in_scope, verify_with},
};

type Verdict = Result<(), Refusal>;

/// Refuses every signature.
pub(super) fn refuse(_: &mut EnvelopeCandidate<'_>, _: &Circumstances<'_>) -> Verdict {
    Err(invalid_signature())
}

/// Verifies nothing.
pub(super) fn any_key_in_scope(candidate: &mut EnvelopeCandidate<'_>, circumstances: &Circumstances<'_>) -> Verdict {
    in_scope(candidate, circumstances)
}

/// Accepts signatures over the bare payload, too.
pub(super) fn or_the_payload(candidate: &mut EnvelopeCandidate<'_>, _: &Circumstances<'_>) -> Verdict {
    let messages = vec![candidate.envelope.signed_bytes(), candidate.envelope.payload().to_vec()];
    verify_any(candidate, messages)
}

/// Accepts signatures over the payload under other types, too.
pub(super) fn or_another_type(candidate: &mut EnvelopeCandidate<'_>, _: &Circumstances<'_>) -> Verdict {
    const OTHERS: [&str; 8] = [
        "",
        "application/json",
        "application/vnd.in-toto",
        "application/vnd.dsse+json",
        "application/vnd.dsse.envelope.v1+json",
        "application/octet-stream",
        "text/plain",
        "http://example.com/HelloWorld",
    ];
    let payload = candidate.envelope.payload();
    let mut messages = vec![candidate.envelope.signed_bytes()];
    messages.extend(OTHERS.map(|other| pre_authentication_encoding(other, payload)));
    verify_any(candidate, messages)
}

/// Reduces S by the group order before it verifies.
pub(super) fn reduced(candidate: &mut EnvelopeCandidate<'_>, _: &Circumstances<'_>) -> Verdict {
    let signed = candidate.envelope.signed_bytes();
    verify_with(candidate, |key, signature| {
        let Ok(mut bytes) = <[u8; 64]>::try_from(signature) else {
            return false;
        };
        if let Some(scalar) = bytes.last_chunk_mut::<32>() {
            reduce(scalar);
        }
        key.public_key.verifies(&signed, &bytes)
    })
}

/// Tries only the keys that `keyid` names, where it names one.
pub(super) fn named_key(candidate: &mut EnvelopeCandidate<'_>, _: &Circumstances<'_>) -> Verdict {
    let named = |key: &&TrustedKey| {
        candidate.signatures.iter().any(|signature| signature.keyid.as_deref() == Some(key.name.as_str()))
    };
    let believed: Vec<&TrustedKey> = candidate.keys.iter().copied().filter(named).collect();
    if !believed.is_empty() {
        candidate.keys = believed;
    }
    Ok(())
}

/// Forgets the dot of a prefix.
pub(super) fn scope_as_text(candidate: &mut EnvelopeCandidate<'_>, circumstances: &Circumstances<'_>) -> Verdict {
    let id = candidate.release.id;
    let begins = |key: &&TrustedKey| {
        key.scope.iter().any(|entry| matches!(entry, Scope::Below(prefix) if id.as_str().starts_with(prefix.as_str())))
    };
    if candidate.keys.iter().any(begins) {
        return Ok(());
    }
    in_scope(candidate, circumstances)
}

/// Compares versions as text.
pub(super) fn higher_as_text(candidate: &ReleaseCandidate<'_>, _: &Circumstances<'_>) -> Verdict {
    let Some(installed) = candidate.installed else {
        return Ok(());
    };
    match candidate.release.version.as_str().cmp(installed.version.as_str()) {
        Ordering::Greater => Ok(()),
        _ => Err(Refusal::new(Code::VersionDowngrade, format!("version {} is installed", installed.version))),
    }
}

/// Follows the chain one step only.
pub(super) fn one_step(candidate: &ReleaseCandidate<'_>, _: &Circumstances<'_>) -> Verdict {
    match candidate.installed {
        Some(Installed { digest, .. }) if !candidate.previous().any(|previous| previous == Some(digest)) => {
            Err(Refusal::new(Code::ChainBroken, "the release does not follow the one that is installed"))
        }
        _ => Ok(()),
    }
}

fn verify_any(candidate: &mut EnvelopeCandidate<'_>, messages: Vec<Vec<u8>>) -> Verdict {
    verify_with(candidate, |key, signature| messages.iter().any(|message| key.public_key.verifies(message, signature)))
}

/// The group order of Ed25519, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Subtracts the group order from a little-endian number until it is below.
fn reduce(scalar: &mut [u8; 32]) {
    while scalar.iter().rev().cmp(ORDER.iter().rev()) != Ordering::Less {
        let mut borrow = false;
        for (digit, order) in scalar.iter_mut().zip(ORDER) {
            let (difference, first) = digit.overflowing_sub(order);
            let (difference, second) = difference.overflowing_sub(u8::from(borrow));
            (*digit, borrow) = (difference, first | second);
        }
    }
}

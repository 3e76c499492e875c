//! Defects of what an upload has to be, and of the key that the registry shows.

use std::sync::Arc;

use assay_package::{Bounds, Circumstances, Code, Digest, Gates, Package, Part, PublicKey, Refusal, RegistryKey};

use super::Defect;
use crate::multipart::UploadBounds;
use crate::policy::{Contract, Judged, Policy};

/// A defect of the gates that needs the server to read on where it would have stopped.
pub const PART_BOUNDS: &str = "part-bounds-ignored";

/// The table.
pub const DEFECTS: &[Defect] = &[
    (PART_BOUNDS, || Arc::new(AnyPart)),
    ("truncated-uploads-accepted", || Arc::new(TakesWhatArrived)),
    ("refused-uploads-stored", || Arc::new(StoresRefused)),
    ("unsigned-uploads-refused", || Arc::new(SignedOnly)),
    ("registry-signs-with-another-key", || Arc::new(OtherKey)),
];

struct AnyPart;
impl Policy for AnyPart {
    fn upload_bounds(&self, bounds: &Bounds) -> UploadBounds {
        let most = 64 << 20;
        UploadBounds { whole: most, manifest: most, module: most, other: most, ..UploadBounds::of(bounds) }
    }
}

struct TakesWhatArrived;
impl Policy for TakesWhatArrived {
    fn upload_cut_short(&self, arrived: Vec<Part>, refusal: Refusal) -> Result<Vec<Part>, Refusal> {
        if refusal.code == Code::MultipartMalformed { Ok(arrived) } else { Err(refusal) }
    }
}

struct StoresRefused;
impl Policy for StoresRefused {
    fn judge_upload(&self, gates: &Gates, parts: Vec<Part>, circumstances: &Circumstances<'_>) -> Judged {
        let judged = Contract.judge_upload(gates, parts.clone(), circumstances);
        let stored = match &judged.refusal {
            Some(refusal) if is_of_the_last_gates(refusal.code) => package(gates, &parts, circumstances),
            _ => judged.stored,
        };
        Judged { stored, refusal: judged.refusal }
    }
}

fn is_of_the_last_gates(code: Code) -> bool {
    use Code::{
        ChainBroken, KeyExpired, KeyOutOfScope, ReleaseExpired, ReleaseNotYetValid, ReleaseRevoked, SignatureInvalid,
        SubjectMismatch, VersionDowngrade,
    };
    matches!(
        code,
        SignatureInvalid
            | SubjectMismatch
            | KeyOutOfScope
            | KeyExpired
            | ReleaseExpired
            | ReleaseNotYetValid
            | ReleaseRevoked
            | ChainBroken
            | VersionDowngrade
    )
}

/// A package that the first four gates have let pass, whatever the others said.
fn package(gates: &Gates, parts: &[Part], circumstances: &Circumstances<'_>) -> Option<Package> {
    let bytes = |name| parts.iter().find(|part| part.name == name).map(|part| part.bytes.clone());
    let manifest_bytes = bytes("manifest")?;
    let signatures = parts.iter().filter(|part| part.name == "signature");
    Some(Package {
        manifest: gates.manifest(&manifest_bytes, circumstances.offer).ok()?,
        digest: Digest::of(&manifest_bytes),
        manifest_bytes,
        module: bytes("module")?,
        envelopes: signatures
            .map(|part| gates.envelope(&part.bytes, circumstances.offer))
            .collect::<Result<_, _>>()
            .ok()?,
    })
}

struct SignedOnly;
impl Policy for SignedOnly {
    fn judge_upload(&self, gates: &Gates, parts: Vec<Part>, circumstances: &Circumstances<'_>) -> Judged {
        let judged = Contract.judge_upload(gates, parts, circumstances);
        match &judged.stored {
            Some(package) if package.envelopes.is_empty() => Judged {
                stored: None,
                refusal: Some(Refusal::new(Code::SignatureMissing, "the package is not signed")),
            },
            _ => judged,
        }
    }
}

/// Publishes a key that is not the one that signs.
struct OtherKey;
impl Policy for OtherKey {
    fn published_key(&self, _: &PublicKey) -> PublicKey {
        RegistryKey::from_seed(&[7; 32]).public_key()
    }
}

//! Defects of uploads, signatures, revocations and trust keys.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use assay_package::{
    Bounds, Circumstances, Code, Digest, Gates, HandlerId, KeyName, Package, Part, PublicKey, Refusal, RegistryKey,
    TrustedKey, Version,
};
use jiff::Timestamp;
use rusqlite::params;

use super::Defect;
use crate::catalogue::Release;
use crate::multipart::UploadBounds;
use crate::policy::{Contract, Duplicate, Judged, Policy};
use crate::problem::Problem;
use crate::store::{Inserted, NewRelease, StoreError, Writer};

/// A defect of the gates that needs the server to read on where it would have stopped.
pub const PART_BOUNDS: &str = "part-bounds-ignored";

/// The table.
pub const DEFECTS: &[Defect] = &[
    (PART_BOUNDS, || Arc::new(AnyPart)),
    ("truncated-uploads-accepted", || Arc::new(TakesWhatArrived)),
    ("refused-uploads-stored", || Arc::new(StoresRefused)),
    ("unsigned-uploads-refused", || Arc::new(SignedOnly)),
    ("location-left-out", || Arc::new(ShowsLate::default())),
    ("duplicates-overwrite", || Arc::new(Overwrites)),
    ("duplicates-acknowledged", || Arc::new(AcknowledgesDuplicates)),
    ("registry-signs-with-another-key", || Arc::new(OtherKey)),
    ("registry-signature-forgotten", || Arc::new(ForgetsSignature)),
    ("past-expiry-signed", || Arc::new(SignsThePast)),
    ("revocation-hits-every-release", || Arc::new(RevokesAll)),
    ("second-revocation-refused", || Arc::new(RevokesOnce)),
    ("deleted-keys-listed", || Arc::new(ShowsDeleted::default())),
    ("key-bytes-replaced", || Arc::new(ReplacesKeys)),
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

/// Hides the release that was uploaded last.
#[derive(Default)]
struct ShowsLate(Mutex<Option<(HandlerId, Version)>>);
impl Policy for ShowsLate {
    fn location(&self, release: &Release) -> Option<String> {
        let last = (release.handler.clone(), release.version.clone());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        None
    }

    fn shows(&self, release: &Release) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().is_none_or(|(id, version)| (id, version) != (&release.handler, &release.version))
    }
}

struct Overwrites;
impl Policy for Overwrites {
    fn duplicate(&self, writer: &mut Writer<'_>, new: &NewRelease<'_>) -> Result<Duplicate, Problem> {
        overwrite(writer, new)?;
        Ok(Duplicate::New)
    }
}

fn overwrite(writer: &mut Writer<'_>, new: &NewRelease<'_>) -> Result<(), StoreError> {
    let release = &new.release;
    let (id, version) = (release.handler.as_str(), release.version.as_str());
    let connection = &writer.connection;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.execute("DELETE FROM signatures WHERE handler = ?1 AND version = ?2", params![id, version])?;
    connection.execute("DELETE FROM releases WHERE handler = ?1 AND version = ?2", params![id, version])?;
    connection.pragma_update(None, "foreign_keys", true)?;
    match writer.insert_release(new)? {
        Inserted::Stored => Ok(()),
        Inserted::Exists => Err(StoreError::Damaged("release")),
    }
}

struct AcknowledgesDuplicates;
impl Policy for AcknowledgesDuplicates {
    fn duplicate(&self, _: &mut Writer<'_>, _: &NewRelease<'_>) -> Result<Duplicate, Problem> {
        Ok(Duplicate::Old)
    }
}

/// Publishes a key that is not the one that signs.
struct OtherKey;
impl Policy for OtherKey {
    fn published_key(&self, _: &PublicKey) -> PublicKey {
        RegistryKey::from_seed(&[7; 32]).public_key()
    }
}

struct ForgetsSignature;
impl Policy for ForgetsSignature {
    fn keeps_signature(&self) -> bool {
        false
    }
}

struct SignsThePast;
impl Policy for SignsThePast {
    fn judge_expiry(&self, _: Timestamp, _: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }
}

struct RevokesAll;
impl Policy for RevokesAll {
    fn revoked_version(&self, _: Option<Version>) -> Option<Version> {
        None
    }
}

struct RevokesOnce;
impl Policy for RevokesOnce {
    fn revoke_again(&self) -> Result<(), Refusal> {
        Err(Refusal::new(Code::ReleaseRevoked, "it is revoked already"))
    }
}

#[derive(Default)]
struct ShowsDeleted(Mutex<BTreeMap<KeyName, TrustedKey>>);
impl Policy for ShowsDeleted {
    fn shown_keys(&self, keys: BTreeMap<KeyName, TrustedKey>) -> BTreeMap<KeyName, TrustedKey> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(keys);
        seen.clone()
    }
}

struct ReplacesKeys;
impl Policy for ReplacesKeys {
    fn replace_key(&self, _: &TrustedKey, _: &TrustedKey) -> Result<(), Refusal> {
        Ok(())
    }
}

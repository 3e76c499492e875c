//! Defects of what is stored and who is trusted: uploads, signatures, revocations, keys, lists and downloads.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use assay_package::{Code, HandlerId, KeyName, Refusal, Signer, TrustedKey, Version};
use jiff::Timestamp;
use rusqlite::params;

use crate::catalogue::{Handler, Release};
use crate::policy::{Duplicate, Filters, RegistryContract, RegistryPolicy};
use crate::problem::Problem;
use crate::store::{Inserted, NewRelease, StoreError, Writer};

/// One row of the table: the id, and the policy that has the defect.
pub type Defect = (&'static str, fn() -> Arc<dyn RegistryPolicy>);

/// The table.
pub const DEFECTS: &[Defect] = &[
    ("location-left-out", || Arc::new(ShowsLate::default())),
    ("duplicates-overwrite", || Arc::new(Overwrites)),
    ("duplicates-acknowledged", || Arc::new(AcknowledgesDuplicates)),
    ("registry-signature-forgotten", || Arc::new(ForgetsSignature)),
    ("past-expiry-signed", || Arc::new(SignsThePast)),
    ("revocation-hits-every-release", || Arc::new(RevokesAll)),
    ("second-revocation-refused", || Arc::new(RevokesOnce)),
    ("deleted-keys-listed", || Arc::new(ShowsDeleted::default())),
    ("key-bytes-replaced", || Arc::new(ReplacesKeys)),
    ("list-omits-versions", || Arc::new(LatestOnly)),
    ("category-ignored", || Arc::new(AnyCategory)),
    ("installed-ignored", || Arc::new(AnyInstallation)),
    ("pages-skip-one", || Arc::new(SkipsOne)),
    ("versions-listed-as-text", || Arc::new(TextOrder)),
    ("signers-left-out", || Arc::new(NoSigners)),
    ("manifests-reserialised", || Arc::new(Reserialises)),
    ("download-digests-left-out", || Arc::new(NoDigests)),
    ("revoked-releases-hidden", || Arc::new(HidesRevoked)),
];

struct LatestOnly;
impl RegistryPolicy for LatestOnly {
    fn item_versions(&self, mut versions: Vec<Version>) -> Vec<Version> {
        versions.truncate(1);
        versions
    }
}

struct AnyCategory;
impl RegistryPolicy for AnyCategory {
    fn matches(&self, wanted: &Filters, category: &str, installed: bool) -> bool {
        RegistryContract.matches(&Filters { category: None, ..wanted.clone() }, category, installed)
    }
}

struct AnyInstallation;
impl RegistryPolicy for AnyInstallation {
    fn matches(&self, wanted: &Filters, category: &str, installed: bool) -> bool {
        RegistryContract.matches(&Filters { installed: None, ..wanted.clone() }, category, installed)
    }
}

struct SkipsOne;
impl RegistryPolicy for SkipsOne {
    fn passed_over(&self, cursor: bool) -> usize {
        usize::from(cursor)
    }
}

struct TextOrder;
impl RegistryPolicy for TextOrder {
    fn listed_versions(&self, handler: &Handler) -> Vec<Arc<Release>> {
        let mut releases: Vec<_> = handler.releases.values().cloned().collect();
        releases.sort_by_key(|release| Reverse(release.version.to_string()));
        releases
    }
}

struct NoSigners;
impl RegistryPolicy for NoSigners {
    fn shown_signers(&self, _: Vec<Signer>) -> Vec<Signer> {
        Vec::new()
    }
}

struct Reserialises;
impl RegistryPolicy for Reserialises {
    fn served_manifest(&self, bytes: Vec<u8>) -> Vec<u8> {
        match serde_json::from_slice::<serde_json::Value>(&bytes) {
            Ok(manifest) => format!("{manifest:#}").into_bytes(),
            Err(_) => bytes,
        }
    }
}

struct NoDigests;
impl RegistryPolicy for NoDigests {
    fn sends_digests(&self) -> bool {
        false
    }
}

struct HidesRevoked;
impl RegistryPolicy for HidesRevoked {
    fn serves_revoked(&self) -> bool {
        false
    }
}

/// Hides the release that was uploaded last.
#[derive(Default)]
struct ShowsLate(Mutex<Option<(HandlerId, Version)>>);
impl RegistryPolicy for ShowsLate {
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
impl RegistryPolicy for Overwrites {
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
impl RegistryPolicy for AcknowledgesDuplicates {
    fn duplicate(&self, _: &mut Writer<'_>, _: &NewRelease<'_>) -> Result<Duplicate, Problem> {
        Ok(Duplicate::Old)
    }
}

struct ForgetsSignature;
impl RegistryPolicy for ForgetsSignature {
    fn keeps_signature(&self) -> bool {
        false
    }
}

struct SignsThePast;
impl RegistryPolicy for SignsThePast {
    fn judge_expiry(&self, _: Timestamp, _: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }
}

struct RevokesAll;
impl RegistryPolicy for RevokesAll {
    fn revoked_version(&self, _: Option<Version>) -> Option<Version> {
        None
    }
}

struct RevokesOnce;
impl RegistryPolicy for RevokesOnce {
    fn revoke_again(&self) -> Result<(), Refusal> {
        Err(Refusal::new(Code::ReleaseRevoked, "it is revoked already"))
    }
}

#[derive(Default)]
struct ShowsDeleted(Mutex<BTreeMap<KeyName, TrustedKey>>);
impl RegistryPolicy for ShowsDeleted {
    fn shown_keys(&self, keys: BTreeMap<KeyName, TrustedKey>) -> BTreeMap<KeyName, TrustedKey> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(keys);
        seen.clone()
    }
}

struct ReplacesKeys;
impl RegistryPolicy for ReplacesKeys {
    fn replace_key(&self, _: &TrustedKey, _: &TrustedKey) -> Result<(), Refusal> {
        Ok(())
    }
}

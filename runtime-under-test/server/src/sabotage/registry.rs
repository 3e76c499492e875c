//! Defects of the list, the detail and the downloads.

use std::cmp::Reverse;
use std::sync::Arc;

use assay_package::{Signer, Version};

use super::Defect;
use crate::catalogue::{Handler, Release};
use crate::policy::{Contract, Filters, Policy};

/// The table.
pub const DEFECTS: &[Defect] = &[
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
impl Policy for LatestOnly {
    fn item_versions(&self, mut versions: Vec<Version>) -> Vec<Version> {
        versions.truncate(1);
        versions
    }
}

struct AnyCategory;
impl Policy for AnyCategory {
    fn matches(&self, wanted: &Filters, category: &str, installed: bool) -> bool {
        Contract.matches(&Filters { category: None, ..wanted.clone() }, category, installed)
    }
}

struct AnyInstallation;
impl Policy for AnyInstallation {
    fn matches(&self, wanted: &Filters, category: &str, installed: bool) -> bool {
        Contract.matches(&Filters { installed: None, ..wanted.clone() }, category, installed)
    }
}

struct SkipsOne;
impl Policy for SkipsOne {
    fn passed_over(&self, cursor: bool) -> usize {
        usize::from(cursor)
    }
}

struct TextOrder;
impl Policy for TextOrder {
    fn listed_versions(&self, handler: &Handler) -> Vec<Arc<Release>> {
        let mut releases: Vec<_> = handler.releases.values().cloned().collect();
        releases.sort_by_key(|release| Reverse(release.version.to_string()));
        releases
    }
}

struct NoSigners;
impl Policy for NoSigners {
    fn shown_signers(&self, _: Vec<Signer>) -> Vec<Signer> {
        Vec::new()
    }
}

struct Reserialises;
impl Policy for Reserialises {
    fn served_manifest(&self, bytes: Vec<u8>) -> Vec<u8> {
        match serde_json::from_slice::<serde_json::Value>(&bytes) {
            Ok(manifest) => format!("{manifest:#}").into_bytes(),
            Err(_) => bytes,
        }
    }
}

struct NoDigests;
impl Policy for NoDigests {
    fn sends_digests(&self) -> bool {
        false
    }
}

struct HidesRevoked;
impl Policy for HidesRevoked {
    fn serves_revoked(&self) -> bool {
        false
    }
}

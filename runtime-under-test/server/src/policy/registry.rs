//! The decisions of the server about what is stored and who is trusted, each stated once (registry.md). The default methods are
//! the contract, [`RegistryContract`] is all of them, and nothing else implements the trait in a runtime that is meant for use.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_package::{Bounds, KeyName, Refusal, Signer, TrustedKey, Version};
use axum::http::HeaderMap;
use headers::ETag;
use jiff::Timestamp;

use super::terms::{Duplicate, Filters};
use crate::api::{self, Selected};
use crate::catalogue::{Handler, Release};
use crate::problem::Problem;
use crate::request;
use crate::retries::{self, Acknowledgement};
use crate::store::{NewRelease, Writer};

/// The contract as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct RegistryContract;

impl RegistryPolicy for RegistryContract {}

/// Every decision about keys, uploads, signatures, revocations, lists and downloads that the gates do not make. Clauses are those of
/// registry.md.
pub trait RegistryPolicy: Send + Sync + 'static {
    // --- trust keys -------------------------------------------------------------------------------------
    /// Judges a key that is to take the place of one with the same name (1.1).
    fn replace_key(&self, stored: &TrustedKey, new: &TrustedKey) -> Result<(), Refusal> {
        api::same_key(stored, new)
    }

    /// The keys that are shown (1.4).
    fn shown_keys(&self, keys: BTreeMap<KeyName, TrustedKey>) -> BTreeMap<KeyName, TrustedKey> {
        keys
    }

    // --- uploads ----------------------------------------------------------------------------------------
    /// What becomes of an upload of a version that is stored (2.4).
    fn duplicate(&self, _writer: &mut Writer<'_>, new: &NewRelease<'_>) -> Result<Duplicate, Problem> {
        Err(api::stored_already(new))
    }

    /// Whether the module is on the disk before the release that refers to it is committed (2.3). It is asked whether the upload
    /// has an idempotency key.
    fn module_comes_first(&self, _with_key: bool) -> bool {
        true
    }

    /// The `Location` of an accepted upload (2.2).
    fn location(&self, release: &Release) -> Option<String> {
        Some(format!("/registry/handlers/{}", release.handler))
    }

    // --- sign and revoke --------------------------------------------------------------------------------
    /// Judges the end of a statement that is to be signed (3.1).
    fn judge_expiry(&self, expires_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        request::in_the_future(expires_at, now)
    }

    /// Whether the registry's signature is kept (3.1).
    fn keeps_signature(&self) -> bool {
        true
    }

    /// What a revocation is about: a version, or none for the handler as a whole (3.2).
    fn revoked_version(&self, version: Option<Version>) -> Option<Version> {
        version
    }

    /// Judges a revocation of what is revoked (3.2).
    fn revoke_again(&self) -> Result<(), Refusal> {
        Ok(())
    }

    // --- list, detail, download -------------------------------------------------------------------------
    /// Whether a release is shown (4).
    fn shows(&self, _release: &Release) -> bool {
        true
    }

    /// The versions of a handler in the order in which they are listed (4.2).
    fn listed_versions(&self, handler: &Handler) -> Vec<Arc<Release>> {
        handler.releases.values().rev().filter(|release| self.shows(release)).cloned().collect()
    }

    /// The versions that an item of the list names (4.2).
    fn item_versions(&self, versions: Vec<Version>) -> Vec<Version> {
        versions
    }

    /// Whether a handler is on the list under the filters (4.1).
    fn matches(&self, wanted: &Filters, category: &str, installed: bool) -> bool {
        wanted.category.as_deref().is_none_or(|wanted| wanted == category)
            && wanted.installed.is_none_or(|wanted| wanted == installed)
    }

    /// How many handlers after the cursor's are passed over before a page begins (4.2).
    fn passed_over(&self, _cursor: bool) -> usize {
        0
    }

    /// The signers that a release is shown with (4.3).
    fn shown_signers(&self, signers: Vec<Signer>) -> Vec<Signer> {
        signers
    }

    /// The bytes of a manifest as they are downloaded (5.1).
    fn served_manifest(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    /// Whether the digest of a part goes with it (5.1).
    fn sends_digests(&self) -> bool {
        true
    }

    /// Whether parts of a revoked release can be downloaded (5.2).
    fn serves_revoked(&self) -> bool {
        true
    }

    /// What is sent of a part of `size` bytes, under the headers of the request (5.3 and 5.4).
    fn selected(&self, headers: &HeaderMap, etag: &ETag, size: u64) -> Selected {
        api::selected(headers, etag, size)
    }

    // --- retries ----------------------------------------------------------------------------------------
    /// The idempotency key of a request (6.1).
    fn retry_key(&self, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
        retries::key(headers)
    }

    /// Whether a request is the one that its key was acknowledged for (6.2).
    fn same_request(&self, remembered: &[u8; 32], asked: &[u8; 32]) -> bool {
        remembered == asked
    }

    /// What is answered in place of an effect (6.2).
    fn repeated(&self, remembered: Acknowledgement) -> Acknowledgement {
        remembered
    }

    /// Whether the key is looked for again right before the commit (6.3).
    fn looks_again(&self) -> bool {
        true
    }

    /// Whether a key is remembered in the commit of what it was acknowledged for (6.2).
    fn remembers_together(&self) -> bool {
        true
    }

    /// What happens between two commits, where there are two of what has to be one.
    fn between(&self) {}

    /// How many keys are remembered (6.4).
    fn keys_remembered(&self, bounds: &Bounds) -> u64 {
        bounds.idempotency_keys
    }
}

//! The registry as it is held in memory: every release but its manifest and its module.
//!
//! SQLite is what survives, this is what is read: a request that changes nothing never waits for the disk. A change is
//! committed there first and shown here next, both before it is answered.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use assay_package::{Abi, Digest, Envelope, HandlerId, Link, StoredRelease, Version};
use jiff::Timestamp;

/// All handlers, in ascending order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The handlers with at least one release.
    pub handlers: BTreeMap<HandlerId, Handler>,
    /// Where the release with a package digest is. The manifest holds id and version, so there is one at most.
    by_digest: HashMap<Digest, (HandlerId, Version)>,
}

/// A handler with its releases; cheap to clone but for its list of versions.
#[derive(Clone, Debug, Default)]
pub struct Handler {
    /// Whether the handler as a whole is revoked.
    pub revoked: bool,
    /// Its releases, in SemVer order; never empty once it is in the catalogue.
    pub releases: BTreeMap<Version, Arc<Release>>,
}

/// One version of one handler.
#[derive(Clone, Debug)]
pub struct Release {
    /// The handler.
    pub handler: HandlerId,
    /// The version.
    pub version: Version,
    /// The package digest: the SHA-256 of the manifest.
    pub package: Digest,
    /// The packaging of the module.
    pub abi: Abi,
    /// `/name` of the manifest.
    pub name: String,
    /// `/description` of the manifest, or nothing.
    pub description: String,
    /// `/category` of the manifest.
    pub category: String,
    /// Size of the manifest, in bytes.
    pub manifest_bytes: u64,
    /// Digest of the module.
    pub module: Digest,
    /// Size of the module, in bytes.
    pub module_bytes: u64,
    /// When it was stored.
    pub uploaded_at: Timestamp,
    /// Whether this version is revoked; the handler as a whole may be besides.
    pub revoked: bool,
    /// Its envelopes, in order, as they came or were made.
    pub envelopes: Vec<Envelope>,
}

impl Catalogue {
    /// A handler.
    pub fn handler(&self, id: &HandlerId) -> Option<&Handler> {
        self.handlers.get(id)
    }

    /// A release.
    pub fn release(&self, id: &HandlerId, version: &Version) -> Option<&Arc<Release>> {
        self.handlers.get(id)?.releases.get(version)
    }

    /// The release with a package digest, as a link of a chain.
    pub fn link(&self, digest: &Digest) -> Option<Link> {
        let (id, version) = self.by_digest.get(digest)?;
        let release = self.release(id, version)?;
        Some(Link { id: id.clone(), version: version.clone(), previous: release.previous() })
    }

    /// Shows a release, in place of an earlier one of the same version.
    pub fn put(&mut self, release: Release) {
        self.by_digest.insert(release.package, (release.handler.clone(), release.version.clone()));
        let releases = &mut self.handlers.entry(release.handler.clone()).or_default().releases;
        releases.insert(release.version.clone(), Arc::new(release));
    }

    /// Changes a release that is there.
    pub fn change(&mut self, id: &HandlerId, version: &Version, change: impl FnOnce(&mut Release)) {
        if let Some(release) = self.handlers.get_mut(id).and_then(|handler| handler.releases.get_mut(version)) {
            change(Arc::make_mut(release));
        }
    }
}

impl Handler {
    /// The release of the highest version.
    pub fn latest(&self) -> Option<&Arc<Release>> {
        self.releases.last_key_value().map(|(_, release)| release)
    }
}

impl Release {
    /// The release as the gates look at it.
    pub fn stored(&self) -> StoredRelease<'_> {
        StoredRelease { id: &self.handler, version: &self.version, digest: self.package, envelopes: &self.envelopes }
    }

    /// The package digest of the release that this one follows. All its statements say the same (core.md 8.1).
    pub fn previous(&self) -> Option<Digest> {
        self.envelopes.first().and_then(|envelope| envelope.statement().previous)
    }
}

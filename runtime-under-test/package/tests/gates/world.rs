//! A registry in memory around the gates: what is trusted, stored and revoked, and what time it is.

use std::{cell::RefCell, collections::HashMap};

use assay_fixtures as fixtures;
use assay_package::{
    Admission, Circumstances, Code, Digest, Envelope, Gates, HandlerId, Installed, KeyRequest, KeyRole, Ledger, Link,
    Moment, Offer, Package, Part, Refusal, StoredRelease, Trust, TrustedKey, Version,
};
use jiff::Timestamp;

pub struct World {
    pub gates: Gates,
    pub offer: Offer,
    pub keys: Vec<TrustedKey>,
    pub ledger: Shelf,
    pub now: Timestamp,
}

#[derive(Default)]
pub struct Shelf {
    pub revoked_handlers: Vec<HandlerId>,
    pub revoked_releases: Vec<(HandlerId, Version)>,
    pub releases: RefCell<HashMap<Digest, Link>>,
}

impl Ledger for Shelf {
    fn handler_revoked(&self, id: &HandlerId) -> bool {
        self.revoked_handlers.contains(id)
    }

    fn release_revoked(&self, id: &HandlerId, version: &Version) -> bool {
        self.revoked_releases.contains(&(id.clone(), version.clone()))
    }

    fn release_by_digest(&self, digest: &Digest) -> Option<Link> {
        self.releases.borrow().get(digest).cloned()
    }
}

impl World {
    /// Nothing is trusted, stored or revoked.
    pub fn empty() -> Self {
        Self {
            gates: Gates::honest(),
            offer: Offer::default(),
            keys: Vec::new(),
            ledger: Shelf::default(),
            now: Timestamp::now(),
        }
    }

    /// The key of `publisher` is trusted for everything below `com`.
    pub fn trusting_publisher() -> Self {
        Self::empty().trusting(&publisher(), &["com.*"], None)
    }

    pub fn trusting(mut self, key: &fixtures::Key, scope: &[&str], not_after: Option<Timestamp>) -> Self {
        let request = KeyRequest {
            name: key.name().parse().expect("a key name"),
            public_key: key.public_base64(),
            role: KeyRole::Publisher,
            scope: scope.iter().map(|entry| (*entry).to_owned()).collect(),
            not_after,
        };
        self.keys.push(self.gates.trusted_key(&request).expect("a right key"));
        self
    }

    pub fn upload(&self, package: &fixtures::Package) -> Result<Package, Refusal> {
        self.upload_parts(parts(package))
    }

    pub fn upload_parts(&self, parts: Vec<Part>) -> Result<Package, Refusal> {
        self.under(|circumstances| self.gates.upload(parts, circumstances))
    }

    /// Uploads, and keeps what was accepted.
    pub fn store(&self, package: &fixtures::Package) -> Package {
        let package = self.upload(package).expect("it is accepted");
        let previous = package.envelopes.first().and_then(|envelope| envelope.statement().previous);
        let link = Link { id: package.manifest.id.clone(), version: package.manifest.version.clone(), previous };
        self.ledger.releases.borrow_mut().insert(package.digest, link);
        package
    }

    pub fn admit(&self, moment: Moment, package: &Package) -> Result<Admission, Refusal> {
        self.under(|circumstances| self.gates.admit(moment, release(package), None, circumstances))
    }

    pub fn upgrade(&self, from: &Package, to: &Package) -> Result<Admission, Refusal> {
        let installed = Installed { version: &from.manifest.version, digest: from.digest };
        self.under(|circumstances| self.gates.admit(Moment::Upgrade, release(to), Some(installed), circumstances))
    }

    pub fn under<T>(&self, judge: impl FnOnce(&Circumstances<'_>) -> T) -> T {
        let trust = Trust::new(self.keys.clone());
        judge(&Circumstances { offer: &self.offer, trust: &trust, ledger: &self.ledger, now: self.now })
    }

    /// Asserts that an upload is refused, for this reason and at this place.
    #[track_caller]
    pub fn refuses(&self, package: &fixtures::Package, code: Code, place: Place<'_>) {
        refused(self.upload(package).map(drop), code, place);
    }

    #[track_caller]
    pub fn accepts(&self, package: &fixtures::Package) -> Package {
        self.upload(package).unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }
}

/// Where a refusal points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    Nowhere,
    Pointer(&'a str),
    Name(&'a str),
}

#[track_caller]
pub fn refused(outcome: Result<(), Refusal>, code: Code, place: Place<'_>) {
    let refusal = outcome.expect_err("it must be refused");
    let found = match (&refusal.pointer, &refusal.name) {
        (Some(pointer), _) => Place::Pointer(pointer),
        (None, Some(name)) => Place::Name(name),
        (None, None) => Place::Nowhere,
    };
    assert_eq!((refusal.code, found), (code, place), "{refusal}");
}

/// The key that signs unless a test needs another one.
pub fn publisher() -> fixtures::Key {
    fixtures::Key::from_seed([1; 32])
}

pub fn release(package: &Package) -> StoredRelease<'_> {
    let envelopes: &[Envelope] = &package.envelopes;
    StoredRelease { id: &package.manifest.id, version: &package.manifest.version, digest: package.digest, envelopes }
}

pub fn parts(package: &fixtures::Package) -> Vec<Part> {
    let mut parts = vec![
        part("manifest", "application/json", &package.manifest),
        part("module", "application/wasm", &package.module),
    ];
    parts.extend(package.signatures.iter().map(|bytes| part("signature", "application/vnd.dsse+json", bytes)));
    parts
}

pub fn part(name: &str, content_type: &str, bytes: &[u8]) -> Part {
    Part { name: name.to_owned(), content_type: Some(content_type.to_owned()), bytes: bytes.to_vec() }
}

/// A package that every gate accepts, unsigned.
pub fn echo() -> fixtures::Recipe {
    fixtures::Recipe::new("com.example.echo", fixtures::Behaviour::Echo)
}

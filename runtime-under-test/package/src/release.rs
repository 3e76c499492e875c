//! What the last four gates ask about, and what they answer with: a release under the trust of one moment.

use jiff::Timestamp;

use crate::{
    Refusal,
    envelope::{Envelope, Signature},
    identity::{Digest, HandlerId, Version},
    offer::Offer,
    trust::{KeyName, KeyRole, PublicKey, Trust, TrustedKey},
};

/// When gates are passed (core.md 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// A package is sent to the registry.
    Upload,
    /// A stored release is installed.
    Install,
    /// A stored release replaces an installed one.
    Upgrade,
    /// The installed release is executed.
    Execute,
}

/// Everything besides the package itself that a verdict depends on.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// What the runtime declares.
    pub offer: &'a Offer,
    /// Who may sign.
    pub trust: &'a Trust,
    /// What is stored and what is revoked.
    pub ledger: &'a dyn Ledger,
    /// The time of the verdict.
    pub now: Timestamp,
}

/// What the registry knows about other releases.
pub trait Ledger {
    /// Whether a handler is revoked as a whole.
    fn handler_revoked(&self, id: &HandlerId) -> bool;

    /// Whether one release is revoked, be it stored or not.
    fn release_revoked(&self, id: &HandlerId, version: &Version) -> bool;

    /// The stored release with a package digest.
    fn release_by_digest(&self, digest: &Digest) -> Option<Link>;
}

/// A stored release as one link of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The handler.
    pub id: HandlerId,
    /// The version.
    pub version: Version,
    /// The package digest of the release that it follows, out of its statements; `None` is the first, or unsigned.
    pub previous: Option<Digest>,
}

/// A release that has passed the first four gates.
#[derive(Debug, Clone, Copy)]
pub struct StoredRelease<'a> {
    /// The handler.
    pub id: &'a HandlerId,
    /// The version.
    pub version: &'a Version,
    /// The package digest.
    pub digest: Digest,
    /// The signatures, in order.
    pub envelopes: &'a [Envelope],
}

/// The release that an upgrade replaces.
#[derive(Debug, Clone, Copy)]
pub struct Installed<'a> {
    /// Its version.
    pub version: &'a Version,
    /// Its package digest.
    pub digest: Digest,
}

/// The verdict that a release may be installed, upgraded to or executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// The first instant at which the answer may be another one by the passing of time alone: the end of a statement or
    /// of a key. Until then it holds, unless trust or revocations change.
    pub valid_until: Timestamp,
}

/// A key that signed a release (registry.md 4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The name of the key.
    pub key: KeyName,
    /// Its role.
    pub role: KeyRole,
    /// The `issued_at` of the statement.
    pub issued_at: Timestamp,
    /// The `expires_at` of the statement.
    pub expires_at: Timestamp,
    /// The `previous` of the statement.
    pub previous: Option<Digest>,
}

/// One signature of a release that a trusted key verifies.
#[derive(Debug, Clone)]
pub(crate) struct Signatory {
    pub public_key: PublicKey,
    pub signer: Signer,
}

/// Keeps the first signature of each key: a key counts once, however often it signs (core.md 5.5).
pub(crate) fn once(signatories: &mut Vec<Signatory>) {
    let mut seen = Vec::new();
    signatories.retain(|signatory| {
        let new = !seen.contains(&signatory.public_key);
        if new {
            seen.push(signatory.public_key.clone());
        }
        new
    });
}

/// One envelope on its way through the gates. `keys` are narrowed rule by rule: those that verify, those of them that
/// cover the handler, those of them that are in date.
pub(crate) struct EnvelopeCandidate<'a> {
    pub release: StoredRelease<'a>,
    pub envelope: &'a Envelope,
    /// The signatures that count: all of the envelope's, or one when signers are listed.
    pub signatures: &'a [Signature],
    pub keys: Vec<&'a TrustedKey>,
    /// Why it does not count, once a rule said so; at upload it then never gets here.
    pub refused: Option<Refusal>,
}

impl<'a> EnvelopeCandidate<'a> {
    /// An envelope of which nothing is known yet: every trusted key may be the one that signed.
    pub fn new(release: StoredRelease<'a>, envelope: &'a Envelope, trust: &'a Trust) -> Self {
        let keys = trust.keys().iter().collect();
        Self { release, envelope, signatures: envelope.signatures(), keys, refused: None }
    }

    /// The keys that are left, as signers by this envelope's statement.
    pub fn signatories(&self) -> impl Iterator<Item = Signatory> {
        let statement = self.envelope.statement();
        self.keys.iter().map(|key| Signatory {
            public_key: key.public_key.clone(),
            signer: Signer {
                key: key.name.clone(),
                role: key.role,
                issued_at: statement.issued_at,
                expires_at: statement.expires_at,
                previous: statement.previous,
            },
        })
    }

    /// The first instant at which this envelope may no longer count.
    pub fn valid_until(&self) -> Timestamp {
        let key_ends = self.keys.iter().map(|key| key.not_after.unwrap_or(Timestamp::MAX));
        key_ends.max().unwrap_or(Timestamp::MAX).min(self.envelope.statement().expires_at)
    }
}

/// A release on its way through the gates.
pub(crate) struct ReleaseCandidate<'a> {
    pub moment: Moment,
    pub release: StoredRelease<'a>,
    pub installed: Option<Installed<'a>>,
}

impl<'a> ReleaseCandidate<'a> {
    /// The releases that the statements name as the one before, in the order of the envelopes.
    pub fn previous(&self) -> impl Iterator<Item = Option<Digest>> + 'a {
        self.release.envelopes.iter().map(|envelope| envelope.statement().previous)
    }
}

//! What the contract says about a registry and its installations, as data: small enough to be read in one go.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// Whether a request may succeed: with a status, or refused with one of these codes.
pub type Verdict = Result<u16, Vec<&'static str>>;

/// One signature of a stored release.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Whether it is the registry's own.
    pub registry: bool,
    /// Until when it holds.
    pub expires_at: Timestamp,
}

/// A stored release.
#[derive(Debug, Clone)]
pub struct Release {
    /// The package digest.
    pub digest: String,
    /// The manifest, byte for byte.
    pub manifest: Vec<u8>,
    /// In the order in which they came.
    pub envelopes: Vec<Envelope>,
    /// What its statements name.
    pub previous: Option<String>,
    /// Whether it is revoked by itself.
    pub revoked: bool,
}

/// What is installed of a handler.
#[derive(Debug, Clone, Default)]
pub struct Installation {
    /// The version, into the list of versions.
    pub version: usize,
    /// The number that its scripts count, once it was committed.
    pub number: Option<u64>,
    /// What was answered: the answer, and whether an admin had asked.
    pub answers: Vec<(Value, Vec<u8>, bool)>,
}

/// A handler.
#[derive(Debug, Clone, Default)]
pub struct Handler {
    /// By version.
    pub releases: BTreeMap<usize, Release>,
    /// Whether it is revoked as a whole.
    pub revoked: bool,
    /// What is installed.
    pub installed: Option<Installation>,
}

/// How far the publisher's key is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Not at all: there is no such name.
    None,
    /// For other handlers.
    Elsewhere,
    /// For these.
    Here,
}

impl Trust {
    /// core.md 5.3: what becomes of a signature by the publisher.
    pub fn verdict(self) -> Result<(), &'static str> {
        match self {
            Trust::Here => Ok(()),
            Trust::Elsewhere => Err("key-out-of-scope"),
            Trust::None => Err("signature-invalid"),
        }
    }
}

impl Handler {
    /// core.md 2.2 and 7.1: the gates at install, upgrade and execution.
    pub fn admits(&self, version: usize, trust: Trust, now: Timestamp) -> Result<(), &'static str> {
        let Some(release) = self.releases.get(&version) else { return Err("not-found") };
        let of = |envelope: &Envelope| {
            if !envelope.registry {
                trust.verdict()?;
            }
            if envelope.expires_at <= now { Err("release-expired") } else { Ok(()) }
        };
        let first = release.envelopes.first().map_or(Err("signature-missing"), of);
        if !release.envelopes.iter().any(|envelope| of(envelope).is_ok()) {
            return first;
        }
        if self.revoked || release.revoked { Err("release-revoked") } else { Ok(()) }
    }

    /// core.md 8.1: a release after the one that it names.
    pub fn follows(&self, version: usize, previous: Option<&str>) -> Result<(), &'static str> {
        let Some(previous) = previous else { return Ok(()) };
        let found = self.releases.iter().find(|(_, release)| release.digest == previous);
        match found {
            None => Err("chain-broken"),
            Some((before, _)) if *before < version => Ok(()),
            Some(_) => Err("version-downgrade"),
        }
    }

    /// core.md 8.2: an upgrade from what is installed.
    pub fn upgrades(&self, from: usize, to: usize) -> Result<(), &'static str> {
        if to <= from {
            return Err("version-downgrade");
        }
        let digest = |version: usize| self.releases.get(&version).map(|release| release.digest.as_str());
        let mut at = self.releases.get(&to);
        while let Some(previous) = at.and_then(|release| release.previous.as_deref()) {
            if Some(previous) == digest(from) {
                return Ok(());
            }
            at = self.releases.values().find(|release| release.digest == previous);
        }
        Err("chain-broken")
    }
}

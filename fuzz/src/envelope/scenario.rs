//! A release at a moment: who is trusted, what is stored, installed and revoked, and which envelopes it has.

use std::collections::HashMap;
use std::sync::LazyLock;

use assay_fixtures::Key;
use assay_package::{
    Digest, HandlerId, Installed, KeyName, KeyRole, Ledger, Link, Moment, PublicKey, Scope, Trust, TrustedKey, Version,
};
use jiff::{SignedDuration, Timestamp};

use super::sealed::{self, Sealed};
use crate::source::Source;

pub use crate::upload::NOW;

/// Those who can sign. Not all of them are trusted.
pub(super) static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| (1..=4).map(|seed| Key::from_seed([seed; 32])).collect());

/// Versions in ascending order; as text, and by the numbers alone, they are in others.
const VERSIONS: [&str; 9] =
    ["0.9.0", "1.0.0-rc.2", "1.0.0-rc.11", "1.0.0", "1.2.0", "1.9.0", "1.10.0", "2.0.0-alpha", "2.0.0"];
const IDS: [&str; 3] = ["com.example.fuzz", "com.examples.fuzz", "org.example.fuzz"];
const SCOPES: [&str; 6] = ["com.example.*", "*", "com.*", "com.example.fuzz", "com.exam.*", "org.other.x"];

/// A release at a moment.
pub struct Scenario {
    /// The handler.
    pub id: HandlerId,
    /// The version.
    pub version: Version,
    /// The package digest.
    pub digest: Digest,
    /// When it is judged.
    pub moment: Moment,
    /// Who is trusted.
    pub trust: Trust,
    /// What is stored and revoked.
    pub ledger: Stored,
    /// What is installed, among what is stored.
    installed: usize,
    /// Its envelopes.
    pub envelopes: Vec<Sealed>,
}

/// What the registry holds.
pub struct Stored {
    /// The releases of the handler, in ascending order of their versions, each with its digest.
    pub releases: Vec<(Digest, Link)>,
    by_digest: HashMap<Digest, Link>,
    /// Whether the handler is revoked as a whole.
    pub handler_revoked: bool,
    /// Whether the release is revoked.
    pub release_revoked: bool,
}

impl Ledger for Stored {
    fn handler_revoked(&self, _: &HandlerId) -> bool {
        self.handler_revoked
    }

    fn release_revoked(&self, _: &HandlerId, _: &Version) -> bool {
        self.release_revoked
    }

    fn release_by_digest(&self, digest: &Digest) -> Option<Link> {
        self.by_digest.get(digest).cloned()
    }
}

impl Scenario {
    /// What an upgrade replaces; at other moments nothing is asked about it.
    pub fn installed(&self) -> Option<Installed<'_>> {
        let (digest, link) = self.ledger.releases.get(self.installed)?;
        (self.moment == Moment::Upgrade).then_some(Installed { version: &link.version, digest: *digest })
    }
}

fn parsed<T: std::str::FromStr<Err = assay_package::Malformed>>(text: &str) -> T {
    text.parse().expect(text)
}

/// A release with everything around it.
pub fn any(source: &mut Source<'_>) -> Scenario {
    source.byte();
    let id: HandlerId = parsed(source.pick(&IDS));
    let moment = source.pick(&[Moment::Upload, Moment::Install, Moment::Upgrade, Moment::Execute, Moment::Upgrade]);
    let version: Version = parsed(VERSIONS[VERSIONS.len() - 1 - source.below(VERSIONS.len())]);
    let ledger = stored(source, &id);
    let installed = source.below(ledger.releases.len());
    let trust = trust(source);
    let digest = Digest::of(b"the manifest");
    let previous = previous(source, &ledger, installed);
    let mut envelopes = Vec::new();
    for _ in 0..source.pick(&[1_usize, 2, 1, 2, 0, 3]) {
        let mut terms = sealed::Terms {
            subject: format!("{id}@{version}"),
            digest: digest.to_string(),
            issued_at: NOW + source.pick(&ISSUED),
            expires_at: NOW + SignedDuration::from_hours(1),
            previous,
        };
        vary(source, &mut terms, &ledger, installed);
        envelopes.push(sealed::envelope(source, terms));
    }
    Scenario { id, version, digest, moment, trust, ledger, installed, envelopes }
}

const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);
/// The clock may differ by `bounds.clock_skew_ms`, five seconds.
const SKEW: SignedDuration = SignedDuration::from_secs(5);
const ISSUED: [SignedDuration; 4] =
    [SignedDuration::from_mins(-1), SignedDuration::ZERO, SKEW, SignedDuration::from_hours(-100)];

/// One thing about a statement that may be wrong.
fn vary(source: &mut Source<'_>, terms: &mut sealed::Terms, ledger: &Stored, installed: usize) {
    match source.below(12) {
        5 => terms.issued_at = NOW + SKEW.saturating_add(NANOSECOND),
        6 => terms.expires_at = NOW,
        7 => terms.expires_at = NOW + NANOSECOND,
        8 => terms.expires_at = NOW - NANOSECOND,
        9 => {
            terms.subject = source.text(&["com.example.fuzz@9.9.9", "com.example.fuzz", "", "com.example.fuzz@2.0.0 "])
        }
        10 => terms.digest = Digest::of(b"another manifest").to_string(),
        4 | 11 => terms.previous = previous(source, ledger, installed),
        _ => {}
    }
}

/// Mostly the installed release or one that follows it; else another one, one of another handler, or one that is not stored.
fn previous(source: &mut Source<'_>, ledger: &Stored, installed: usize) -> Option<Digest> {
    let releases = &ledger.releases;
    let at = |place: usize| releases.get(place).map(|(digest, _)| *digest);
    match source.below(8) {
        0 | 1 => at(releases.len().saturating_sub(1)),
        2 | 3 => at(installed),
        4 => at(source.below(releases.len())),
        5 => Some(Digest::of(b"another handler")),
        6 => Some(Digest::of(b"not stored")),
        _ => None,
    }
}

/// Releases of the handler, each after the one before it, or after none; and one of another handler.
fn stored(source: &mut Source<'_>, id: &HandlerId) -> Stored {
    let mut releases: Vec<(Digest, Link)> = Vec::new();
    let mut place = source.below(3);
    while place < VERSIONS.len() && releases.len() < 4 {
        let before = releases.last().map(|(digest, _)| *digest);
        let previous = if source.one_in(5) { None } else { before };
        let link = Link { id: id.clone(), version: parsed(VERSIONS[place]), previous };
        releases.push((Digest::of(VERSIONS[place].as_bytes()), link));
        place += 1 + source.below(3);
    }
    let mut by_digest: HashMap<Digest, Link> = releases.iter().cloned().collect();
    let other = Link { id: parsed("com.example.other"), version: parsed("0.1.0"), previous: None };
    by_digest.insert(Digest::of(b"another handler"), other);
    Stored { releases, by_digest, handler_revoked: source.one_in(12), release_revoked: source.one_in(12) }
}

fn trust(source: &mut Source<'_>) -> Trust {
    let mut keys = Vec::new();
    for number in 0..source.pick(&[2_usize, 3, 4, 1, 0]) {
        let key = if source.one_in(4) { source.below(KEYS.len()) } else { number };
        let scope = (0..source.pick(&[1_usize, 2])).map(|_| parsed::<Scope>(source.pick(&SCOPES))).collect();
        let not_after: Option<Timestamp> = match source.below(8) {
            4 => Some(NOW),
            5 => Some(NOW + NANOSECOND),
            6 => Some(NOW - SignedDuration::from_hours(1)),
            7 => Some(NOW + SignedDuration::from_mins(1)),
            _ => None,
        };
        let name: KeyName = parsed(sealed::NAMES[number]);
        let Ok(public_key) = PublicKey::from_bytes(&KEYS[key].public_key()) else { continue };
        keys.push(TrustedKey { name, public_key, role: KeyRole::Registry, scope, not_after });
    }
    Trust::new(keys)
}

//! What the contract says about a release at a moment (core.md 2.1, 2.2, 5 to 8), gate by gate.

use std::collections::BTreeSet;

use assay_package::{Code, Digest, Ledger, Moment, Offer, TrustedKey};

use super::{
    form::Read,
    scenario::{KEYS, NOW, Scenario},
    sealed::Sealed,
};
use crate::verdict::{Expected, Place};

/// Judges a release whose envelopes hold what is given here, one after the other.
pub(super) fn judge(scenario: &Scenario, read: &[&Read], offer: &Offer) -> Expected {
    let stored = scenario.moment != Moment::Upload;
    if stored && scenario.envelopes.is_empty() {
        return only(Code::SignatureMissing);
    }
    let signature: Vec<_> =
        scenario.envelopes.iter().zip(read).map(|(sealed, read)| signature(scenario, sealed, read)).collect();
    let expiry: Vec<_> = read.iter().map(|read| expiry(read, offer)).collect();
    if stored {
        // 2.2: one that passes both is enough; if none does, the problem is that of the first.
        let passes = signature.iter().zip(&expiry).any(|(signature, expiry)| signature.is_empty() && expiry.is_empty());
        if !passes {
            let first = if signature[0].is_empty() { &expiry[0] } else { &signature[0] };
            return any_of(first);
        }
    } else {
        for gate in [signature, expiry] {
            let faults = gate.concat();
            if !faults.is_empty() {
                return any_of(&faults);
            }
        }
    }
    if scenario.ledger.handler_revoked || (stored && scenario.ledger.release_revoked) {
        return only(Code::ReleaseRevoked);
    }
    if matches!(scenario.moment, Moment::Upload | Moment::Upgrade) {
        chain(scenario, read)
    } else {
        Expected::default()
    }
}

/// The names of the keys that signed, in the order of the envelopes, each key once (registry.md 4.3).
pub(super) fn signers(scenario: &Scenario) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for number in scenario.envelopes.iter().flat_map(|sealed| &sealed.signers).flatten() {
        let key = scenario.trust.keys().iter().find(|key| is(key, *number));
        if let Some(key) = key.filter(|_| seen.insert(*number)) {
            names.push(key.name.to_string());
        }
    }
    names
}

fn is(key: &TrustedKey, number: usize) -> bool {
    *key.public_key.as_bytes() == KEYS[number].public_key()
}

/// 5.3 and 5.4.
fn signature(scenario: &Scenario, sealed: &Sealed, read: &Read) -> Vec<Code> {
    let signed = |key: &&TrustedKey| sealed.signers.iter().flatten().any(|number| is(key, *number));
    let verifying: Vec<&TrustedKey> = scenario.trust.keys().iter().filter(signed).collect();
    let covers = |key: &TrustedKey| key.scope.iter().any(|entry| covers(&entry.to_string(), scenario.id.as_str()));
    let in_date = |key: &TrustedKey| key.not_after.is_none_or(|end| end > NOW);
    if verifying.is_empty() {
        return vec![Code::SignatureInvalid];
    }
    if !verifying.iter().any(|key| covers(key)) {
        return vec![Code::KeyOutOfScope];
    }
    if !verifying.iter().any(|key| covers(key) && in_date(key)) {
        return vec![Code::KeyExpired];
    }
    let subject = format!("{}@{}", scenario.id, scenario.version);
    let same = read.subject.0 == subject && format!("sha256:{}", read.subject.1) == scenario.digest.to_string();
    if same { Vec::new() } else { vec![Code::SubjectMismatch] }
}

/// registry.md 1.2, on the text of an entry.
fn covers(entry: &str, id: &str) -> bool {
    match entry.strip_suffix('*') {
        Some(prefix) => id.len() > prefix.len() && id.starts_with(prefix),
        None => entry == id,
    }
}

/// 6.1 and 6.2.
fn expiry(read: &Read, offer: &Offer) -> Vec<Code> {
    let now = NOW.as_nanosecond();
    let skew = i128::from(offer.bounds.clock_skew_ms) * 1_000_000;
    let mut faults = Vec::new();
    if read.expires_at <= now {
        faults.push(Code::ReleaseExpired);
    }
    if read.issued_at > now + skew {
        faults.push(Code::ReleaseNotYetValid);
    }
    faults
}

/// 8.1 and 8.2.
fn chain(scenario: &Scenario, read: &[&Read]) -> Expected {
    let installed = scenario.installed();
    if installed.is_some_and(|installed| order(scenario.version.as_str()) <= order(installed.version.as_str())) {
        return only(Code::VersionDowngrade);
    }
    let named: BTreeSet<Option<Digest>> =
        read.iter().map(|read| read.previous.as_deref().and_then(|text| text.parse().ok())).collect();
    let mut faults = Vec::new();
    if named.len() > 1 {
        faults.push(Code::ChainBroken);
    }
    for previous in named.iter().flatten() {
        match scenario.ledger.release_by_digest(previous) {
            Some(link) => {
                if link.id != scenario.id {
                    faults.push(Code::ChainBroken);
                }
                if order(link.version.as_str()) >= order(scenario.version.as_str()) {
                    faults.push(Code::VersionDowngrade);
                }
            }
            None => faults.push(Code::ChainBroken),
        }
    }
    if let Some(installed) = installed
        && !named.iter().any(|previous| reaches(scenario, *previous, installed.digest))
    {
        faults.push(Code::ChainBroken);
    }
    any_of(&faults)
}

fn reaches(scenario: &Scenario, from: Option<Digest>, to: Digest) -> bool {
    let Some(digest) = from else { return false };
    digest == to || scenario.ledger.release_by_digest(&digest).is_some_and(|link| reaches(scenario, link.previous, to))
}

/// The place of a version in SemVer order, for the forms that scenarios have: at most one word before the release, and
/// a number after it.
fn order(version: &str) -> ([u64; 3], bool, String, u64) {
    let (core, pre) = version.split_once('-').map_or((version, None), |(core, pre)| (core, Some(pre)));
    let mut numbers = core.split('.').map(|number| number.parse().unwrap_or_default());
    let core = [(); 3].map(|()| numbers.next().unwrap_or_default());
    let (word, number) = pre.unwrap_or_default().split_once('.').unwrap_or((pre.unwrap_or_default(), "0"));
    (core, pre.is_none(), word.to_owned(), number.parse().unwrap_or_default())
}

fn only(code: Code) -> Expected {
    Expected::only(code, Place::Anywhere)
}

fn any_of(codes: &[Code]) -> Expected {
    let mut expected = Expected::default();
    codes.iter().for_each(|code| expected.fault(*code, Place::Anywhere));
    expected
}

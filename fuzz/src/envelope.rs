//! The target `envelope`: signature parts, and releases signed with them, through the gates of structure, signature, expiry,
//! revocation and chain (core.md 5 to 8), at every moment.

use assay_package::{Circumstances, Code, Gates, Moment, Offer, StoredRelease};
use jiff::{SignedDuration, Timestamp};

use crate::{
    finding::{Finding, Kind},
    source::Source,
    target::{Seed, Subject, Target},
    verdict::{Expected, Place},
};

mod encoding;
pub mod form;
mod keys;
mod rules;
pub mod scenario;
mod sealed;

pub(crate) use keys::encode as standard_base64;

/// The target.
pub const ENVELOPE: Target = Target {
    name: "envelope",
    purpose: "envelopes, statements, trust and chains against core.md 5 to 8, at every moment",
    subject: |defect| Subject::of_gates(defect, judge),
    seeds,
    words: &[
        "\"payloadType\":\"application/vnd.in-toto+json\"",
        "\"payload\"",
        "\"signatures\"",
        "\"keyid\"",
        "\"sig\"",
        "\"_type\"",
        "\"subject\"",
        "\"predicate\"",
        "\"predicateType\"",
        "\"issued_at\"",
        "\"expires_at\"",
        "\"previous\"",
        "==",
        "-_",
    ],
    planted: &[
        "envelope-form-unchecked",
        "statement-form-unchecked",
        "url-safe-base64-refused",
        "every-signature-refused",
        "signatures-unverified",
        "signatures-over-the-payload",
        "signatures-over-any-type",
        "signatures-verified-laxly",
        "keyid-believed",
        "subject-digest-unchecked",
        "subject-name-unchecked",
        "scope-unchecked",
        "scope-matched-as-text",
        "key-end-unchecked",
        "signature-skipped-at-install",
        "signature-skipped-at-execute",
        "one-good-envelope-suffices",
        "signers-counted-twice",
        "expiry-unchecked-at-upload",
        "issue-date-unchecked",
        "expiry-skipped-at-install",
        "expiry-skipped-at-execute",
        "revocation-skipped-at-install",
        "revocation-skipped-at-execute",
        "revocation-skipped-at-upload",
        "chain-followed-one-step",
        "previous-unchecked",
        "previous-of-any-handler",
        "previous-order-unchecked",
        "downgrades-allowed",
        "versions-ordered-as-text",
        "chain-reach-unchecked",
        "disagreement-ignored",
        "weak-keys-accepted",
        "scopes-unchecked",
    ],
    budget: 10_000,
    bare: None,
};

/// An input that starts with this byte is a signature part as it is; with the next one, a key.
const AS_IT_IS: u8 = 0;
const KEY: u8 = 8;

fn judge(bytes: &[u8], gates: &Gates) -> Result<String, Finding> {
    let offer = Offer::default();
    match bytes.split_first() {
        Some((&AS_IT_IS, part)) => judge_form(part, gates, &offer).map(|seen| format!("part {}", seen.is_some())),
        Some((first, rest)) if first % 9 == KEY => keys::judge(&mut Source::new(rest), gates),
        _ => judge_release(&scenario::any(&mut Source::new(bytes)), gates, &offer),
    }
}

/// The form of one part; what was read must be what is in it.
fn judge_form(bytes: &[u8], gates: &Gates, offer: &Offer) -> Result<Option<assay_package::Envelope>, Finding> {
    let form = form::judge(bytes, offer);
    let expected = match &form {
        form::Form::Right(_) => Expected::default(),
        form::Form::Wrong => Expected::only(Code::EnvelopeMalformed, Place::Anywhere),
        form::Form::Open => Expected { open: vec![Code::EnvelopeMalformed], ..Expected::default() },
    };
    let outcome = gates.envelope(bytes, offer);
    expected.compare(outcome.as_ref().map(|_| ()))?;
    let Ok(envelope) = outcome else { return Ok(None) };
    if let form::Form::Right(read) = form {
        let statement = envelope.statement();
        let signatures =
            envelope.signatures().iter().map(|signature| (signature.keyid.clone(), signature.bytes.clone()));
        let latest = Timestamp::MAX.as_nanosecond();
        let same = envelope.bytes() == bytes
            && envelope.payload() == read.payload
            && signatures.collect::<Vec<_>>() == read.signatures
            && (statement.subject_name.as_str(), statement.subject_digest.hex())
                == (read.subject.0.as_str(), read.subject.1)
            && statement.issued_at.as_nanosecond() == read.issued_at.min(latest)
            && statement.expires_at.as_nanosecond() == read.expires_at.min(latest)
            && statement.previous.map(|digest| digest.to_string()) == read.previous;
        if !same {
            return Err(Finding::new(Kind::Differs, format!("{statement:?} is not what the payload says")));
        }
    }
    Ok(Some(envelope))
}

/// The form of each envelope, and the release as a whole.
fn judge_release(scenario: &scenario::Scenario, gates: &Gates, offer: &Offer) -> Result<String, Finding> {
    let mut envelopes = Vec::new();
    for sealed in &scenario.envelopes {
        match judge_form(&sealed.bytes, gates, offer)? {
            Some(envelope) => envelopes.push(envelope),
            None => return Ok("malformed".to_owned()),
        }
    }
    // What the contract leaves open about one of them is open about the release.
    let Some(read) = scenario.envelopes.iter().map(|sealed| sealed.read.as_ref()).collect::<Option<Vec<_>>>() else {
        return Ok("open".to_owned());
    };
    let circumstances = Circumstances { offer, trust: &scenario.trust, ledger: &scenario.ledger, now: scenario::NOW };
    let release =
        StoredRelease { id: &scenario.id, version: &scenario.version, digest: scenario.digest, envelopes: &envelopes };
    let installed = scenario.installed();
    let admit = |circumstances: &Circumstances<'_>| gates.admit(scenario.moment, release, installed, circumstances);
    let outcome = admit(&circumstances);
    let seen = rules::judge(scenario, &read, offer).compare(outcome.as_ref().map(|_| ()))?;
    if let Ok(admission) = outcome {
        // Until then it holds, and no longer than anything that it stands on.
        let last = admission.valid_until.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(scenario::NOW);
        let then = Circumstances { now: last.max(scenario::NOW), ..circumstances };
        if admission.valid_until <= scenario::NOW && !envelopes.is_empty() || admit(&then).is_err() {
            return Err(Finding::new(
                Kind::Differs,
                format!("{:?}: it is not valid until {}", scenario.moment, admission.valid_until),
            ));
        }
    }
    let signers = gates.signers(release, &circumstances).into_iter().map(|signer| signer.key.to_string());
    let (signers, expected) = (signers.collect::<Vec<_>>(), rules::signers(scenario));
    if signers != expected {
        return Err(Finding::new(Kind::Differs, format!("the signers are {signers:?}, not {expected:?}")));
    }
    let moment = match scenario.moment {
        Moment::Upload => "upload",
        Moment::Install => "install",
        Moment::Upgrade => "upgrade",
        Moment::Execute => "execute",
    };
    Ok(format!("{moment} {seen} {}", signers.len()))
}

fn seeds() -> Vec<Seed> {
    let package = assay_fixtures::Recipe::new("com.example.fuzz", assay_fixtures::Behaviour::Echo).build();
    let release = assay_fixtures::Release {
        issued_at: scenario::NOW,
        expires_at: scenario::NOW + SignedDuration::from_hours(1),
        previous: None,
    };
    let keys = [1_u8, 2].map(|seed| assay_fixtures::Key::from_seed([seed; 32]));
    let parts = keys.map(|key| package.clone().signed_with(&key, release.clone()).signatures.concat());
    let seed = |(number, part): (usize, Vec<u8>)| Seed {
        name: format!("signed-{number}"),
        bytes: [&[AS_IT_IS][..], &part].concat(),
    };
    parts.into_iter().enumerate().map(seed).collect()
}

//! Envelopes of which it is known who really signed them.

use assay_fixtures::{Envelope, PAYLOAD_TYPE, Release, Statement, hostile_keys, pae};
use assay_package::{Digest, Offer};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    form::{self, Read},
    scenario::KEYS,
};
use crate::source::{Source, mutate};

/// Names under which keys are trusted, and which `keyid` may say of another.
pub(super) const NAMES: [&str; 4] = ["key-a", "key-b", "key-c", "key-d"];

/// What a statement says.
pub(super) struct Terms {
    pub subject: String,
    pub digest: String,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub previous: Option<Digest>,
}

/// An envelope, and what is known of it.
pub struct Sealed {
    /// The part.
    pub bytes: Vec<u8>,
    /// For each signature, the key that made it, by number, if it is a right one.
    pub(super) signers: Vec<Option<usize>>,
    /// What is in it, if it is an envelope for certain.
    pub(super) read: Option<Read>,
}

/// An envelope for some terms: mostly right, with a wrong signature, or of a wrong form.
pub(super) fn envelope(source: &mut Source<'_>, terms: Terms) -> Sealed {
    let release = Release {
        issued_at: terms.issued_at,
        expires_at: terms.expires_at,
        previous: terms.previous.map(|digest| digest.to_string()),
    };
    let wrong_form = source.one_in(8);
    let mut statement = Statement::of(&terms.subject, &terms.digest, &release);
    if wrong_form && source.one_in(2) {
        statement = misstated(source, statement);
    }
    let payload = statement.to_bytes();
    let mut envelope = Envelope::new(PAYLOAD_TYPE, payload.clone());
    let mut signers = Vec::new();
    for _ in 0..source.pick(&[1_usize, 1, 1, 2, 2, 3, 4]) {
        let number = source.below(KEYS.len());
        let (signature, right) = signature(source, number, &payload);
        signers.push(right.then_some(number));
        envelope = match source.below(3) {
            0 => envelope.signature(signature),
            _ => envelope.signature_with_keyid(signature, source.pick(&NAMES)),
        };
    }
    if source.one_in(4) {
        envelope = envelope.url_safe();
    }
    if wrong_form {
        envelope = malformed(source, envelope);
    }
    let mut bytes = envelope.to_bytes();
    let offer = Offer::default();
    if wrong_form && source.one_in(4) {
        // Who signed is known only of what was not changed, so that a changed one that is still an envelope is of no use.
        let right = bytes.clone();
        mutate(source, &mut bytes, 2);
        if !matches!(form::judge(&bytes, &offer), form::Form::Wrong) {
            bytes = right;
        }
    }
    let read = form::read(&bytes, &offer);
    Sealed { bytes, signers, read }
}

/// A signature by a key, and whether it is one of exactly this payload as the contract wants it.
fn signature(source: &mut Source<'_>, number: usize, payload: &[u8]) -> (Vec<u8>, bool) {
    let key = &KEYS[number];
    let signed = pae(PAYLOAD_TYPE, payload);
    let types = ["application/json", "", "text/plain", "application/vnd.dsse+json"];
    match source.below(16) {
        8 => (key.sign(payload).to_vec(), false),
        9 => (key.sign(&pae(source.pick(&types), payload)).to_vec(), false),
        10 => (hostile_keys::s_plus_l(key.sign(&signed)).to_vec(), false),
        11 => (hostile_keys::small_order_r_signature(key, &signed).to_vec(), false),
        12 => (hostile_keys::non_canonical_r_signature(key, &signed).to_vec(), false),
        13 => (key.sign(&signed)[..63].to_vec(), false),
        14 => (key.sign(b"something else").to_vec(), false),
        15 => (source.bytes(64), false),
        _ => (key.sign(&signed).to_vec(), true),
    }
}

fn misstated(source: &mut Source<'_>, statement: Statement) -> Statement {
    let subject = json!({"name": "a.b@1.0.0", "digest": {"sha256": "0".repeat(64)}});
    let times = [
        "2026-01-01",
        "2026-01-01T00:00:00+00:00",
        "2026-02-29T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00z",
    ];
    match source.below(14) {
        0 => statement.set("/extra", 1),
        1 => statement.set("/subject", json!([])),
        2 => statement.set("/subject", json!([subject.clone(), subject])),
        3 => statement.set("/subject", json!([{"name": 1, "digest": {"sha256": "0".repeat(64)}}])),
        4 => statement.set("/subject", json!([{"name": "a", "digest": {"sha256": "A".repeat(64)}}])),
        5 => statement.set("/subject", json!([{"name": "a", "digest": {"sha256": "0".repeat(64), "sha512": "0"}}])),
        6 => statement.set("/predicateType", "urn:assay:release:0.2"),
        7 => statement.set("/_type", "https://in-toto.io/Statement/v0.1"),
        8 => statement.set("/predicate/previous", source.pick(&["", "sha256:0", "null"])),
        9 => statement.remove("/predicate/previous"),
        10 => statement.set("/predicate/extra", Value::Null),
        11 => statement.set("/predicate/issued_at", source.pick(&times)),
        12 => statement.set("/predicate/expires_at", source.pick(&times)),
        _ => statement.remove(source.pick(&["/_type", "/subject", "/predicateType", "/predicate"])),
    }
}

fn malformed(source: &mut Source<'_>, envelope: Envelope) -> Envelope {
    match source.below(10) {
        0 => envelope.set("/extra", 1),
        1 => envelope.set("/payloadType", "application/json"),
        2 => envelope.remove(source.pick(&["/payloadType", "/payload", "/signatures"])),
        3 => envelope.set("/signatures", json!([])),
        4 => envelope.set("/signatures", json!([{"sig": "", "keyid": 1}])),
        5 => envelope.set("/signatures", json!([{"sig": "", "extra": 1}])),
        6 => envelope.set("/signatures", json!([{"keyid": "a"}])),
        7 => envelope.set("/signatures", Value::from(vec![json!({"sig": "AAAA"}); 5])),
        8 => envelope.set("/payload", source.pick(&["e30", "e30=", "!!!!", "e30==", "bnVsbA==", " e30="])),
        _ => envelope,
    }
}

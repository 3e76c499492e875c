//! Signatures: their form (core.md 5.1 and 5.2), what they are about (5.3 and 5.4) and whether they are in date (section 6).

use assay_fixtures::{PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, pae, sha256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::{SignedDuration, Timestamp};

use super::{Circumstances, Findings, has_exactly, is_digest, signature_file};
use crate::document::{Document, Kind, Node};
use crate::{Fault, Offer};

/// An envelope that is of its form.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    payload: Vec<u8>,
    signatures: Vec<Vec<u8>>,
    subject: String,
    digits: String,
    issued_at: Timestamp,
    expires_at: Timestamp,
    previous: Option<String>,
}

impl Envelope {
    /// Reads an envelope with its statement.
    ///
    /// # Errors
    /// The first thing that is not of its form.
    pub fn read(bytes: &[u8], offer: &Offer) -> Result<Envelope, String> {
        let depth = offer.bound("json_depth");
        let read = |bytes: &[u8]| Document::read(bytes, depth).map_err(|fault| fault.detail);
        let envelope = read(bytes)?;
        let envelope = envelope.root();
        has_exactly(envelope, &["payloadType", "payload", "signatures"], &[])?;
        is(envelope, "payloadType", PAYLOAD_TYPE)?;
        let payload = bytes_of(envelope.member("payload"))?;
        let signatures = envelope.member("signatures").and_then(Node::items).ok_or("`signatures` is not a list")?;
        if signatures.is_empty() || signatures.len() as u64 > offer.bound("signatures") {
            return Err(format!("there are {} signatures", signatures.len()));
        }
        let mut raw = Vec::new();
        for signature in signatures {
            has_exactly(signature, &["sig"], &["keyid"])?;
            if signature.member("keyid").is_some_and(|keyid| keyid.text().is_none()) {
                return Err("`keyid` is not a text".to_owned());
            }
            raw.push(bytes_of(signature.member("sig"))?);
        }
        let statement = read(&payload)?;
        let statement = statement.root();
        has_exactly(statement, &["_type", "subject", "predicateType", "predicate"], &[])?;
        is(statement, "_type", STATEMENT_TYPE)?;
        is(statement, "predicateType", PREDICATE_TYPE)?;
        let Some([subject]) = statement.member("subject").and_then(Node::items) else {
            return Err("there is not exactly one subject".to_owned());
        };
        has_exactly(subject, &["name", "digest"], &[])?;
        let digest = subject.member("digest").ok_or("`digest` is missing")?;
        has_exactly(digest, &["sha256"], &[])?;
        let digits = text(digest, "sha256")?;
        let predicate = statement.member("predicate").ok_or("`predicate` is missing")?;
        has_exactly(predicate, &["issued_at", "expires_at", "previous"], &[])?;
        let (issued_at, expires_at) = (time(predicate, "issued_at")?, time(predicate, "expires_at")?);
        if expires_at <= issued_at {
            return Err("it expires before it was issued".to_owned());
        }
        let previous = match predicate.member("previous").map(|node| &node.kind) {
            Some(Kind::Word("null")) => None,
            Some(Kind::Text(text)) if is_digest(text) => Some(text.clone()),
            _ => return Err("`previous` is neither a package digest nor null".to_owned()),
        };
        if !is_digest(&format!("sha256:{digits}")) {
            return Err("the subject's digest is not one".to_owned());
        }
        let subject = text(subject, "name")?;
        Ok(Envelope { payload, signatures: raw, subject, digits, issued_at, expires_at, previous })
    }

    /// Whether it is about a package with this digest.
    pub fn is_about(&self, package: &str) -> bool {
        package.strip_prefix("sha256:") == Some(&self.digits)
    }

    /// Whether this key made one of its signatures.
    pub fn is_by(&self, key: &[u8; 32]) -> bool {
        let message = pae(PAYLOAD_TYPE, &self.payload);
        let Ok(key) = VerifyingKey::from_bytes(key) else { return false };
        let mut signatures = self.signatures.iter().filter_map(|raw| Signature::from_slice(raw).ok());
        signatures.any(|signature| key.verify_strict(&message, &signature).is_ok())
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// Gates 5 and 6, as far as they are about the package, and what of gate 8 is in it.
pub(super) fn judge(
    document: &Document,
    manifest: &[u8],
    envelopes: &[Envelope],
    circumstances: &Circumstances,
    offer: &Offer,
    findings: &mut Findings,
) {
    let at = |pointer| document.at(pointer).and_then(Node::text).unwrap_or_default();
    let (subject, package) = (format!("{}@{}", at("/id"), at("/version")), sha256(manifest));
    let trusted = |envelope: &&Envelope| circumstances.keys.iter().any(|key| envelope.is_by(key));
    let any_trusted = envelopes.iter().any(|envelope| trusted(&envelope));
    for (number, envelope) in envelopes.iter().enumerate() {
        let file = signature_file(number);
        let fault = |code: &str, detail: String| Fault::new(code, &file, detail).remedy("Run `package sign` again.");
        if !circumstances.keys.is_empty() && !any_trusted {
            let detail = "it was not made by the key that was given, or it was changed since".to_owned();
            findings.fault(fault("signature-invalid", detail));
        } else if envelope.subject != subject {
            findings.fault(fault(
                "subject-mismatch",
                format!("it is about {}, the package is {subject}", envelope.subject),
            ));
        } else if !envelope.is_about(&package) {
            let detail = "it is about other bytes: manifest.json was changed after it was signed".to_owned();
            findings.fault(fault("subject-mismatch", detail));
        } else if envelope.expires_at <= circumstances.now {
            findings.fault(fault("release-expired", format!("it ended at {}", envelope.expires_at)));
        } else if envelope.issued_at > latest(circumstances.now, offer) {
            findings.fault(fault("release-not-yet-valid", format!("it begins at {}", envelope.issued_at)));
        }
    }
    let one = envelopes.first().map(|envelope| &envelope.previous);
    if envelopes.iter().any(|envelope| Some(&envelope.previous) != one) {
        let detail = "the signatures name different releases before this one";
        findings.fault(
            Fault::new("chain-broken", &signature_file(0), detail).remedy("Delete the signatures and sign again."),
        );
    }
}

/// 6.2: by when a statement has to be issued.
fn latest(now: Timestamp, offer: &Offer) -> Timestamp {
    let skew = i64::try_from(offer.bound("clock_skew_ms")).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_millis(skew)).unwrap_or(Timestamp::MAX)
}

fn text(node: &Node, name: &str) -> Result<String, String> {
    node.member(name).and_then(Node::text).map(str::to_owned).ok_or_else(|| format!("`{name}` is not a text"))
}

fn is(node: &Node, name: &str, value: &str) -> Result<(), String> {
    match text(node, name)? == value {
        true => Ok(()),
        false => Err(format!("`{name}` is not `{value}`")),
    }
}

/// Base64 of either alphabet, padded.
fn bytes_of(node: Option<&Node>) -> Result<Vec<u8>, String> {
    let text = node.and_then(Node::text).ok_or("a value is not a text of base64")?;
    let url_safe = text.contains(['-', '_']);
    let decoded = if url_safe { URL_SAFE.decode(text) } else { STANDARD.decode(text) };
    decoded.map_err(|_| "a value is not base64".to_owned())
}

/// RFC 3339 in UTC with `Z`, and nine digits of fraction at the most (README.md 1.4).
fn time(node: &Node, name: &str) -> Result<Timestamp, String> {
    let written = text(node, name)?;
    let wrong = || format!("`{name}` is no time such as 2026-01-01T00:00:00Z");
    let shape: String = written.chars().map(|one| if one.is_ascii_digit() { '0' } else { one }).collect();
    let rest = shape.strip_prefix("0000-00-00T00:00:00").and_then(|rest| rest.strip_suffix('Z')).ok_or_else(wrong)?;
    let fraction = rest
        .strip_prefix('.')
        .map_or(rest.is_empty(), |digits| (1..=9).contains(&digits.len()) && digits.bytes().all(|digit| digit == b'0'));
    written.parse().ok().filter(|_| fraction).ok_or_else(wrong)
}

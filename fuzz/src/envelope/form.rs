//! Whether a signature part is an envelope with a statement (core.md 5.1, 5.2), read with its own base64 and its own calendar.

use assay_package::Offer;

use super::encoding::{Decoded, base64, instant};
use crate::document::{self, Document};

/// What the contract says about a signature part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// It is an envelope.
    Right(Read),
    /// It is none.
    Wrong,
    /// The contract leaves it open: base64 with bits that mean nothing, a leap second.
    Open,
}

/// What is in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The bytes that are signed about.
    pub payload: Vec<u8>,
    /// `keyid` and signature.
    pub signatures: Vec<(Option<String>, Vec<u8>)>,
    /// Name and digest, in hexadecimal digits.
    pub subject: (String, String),
    /// Nanoseconds since 1970.
    pub issued_at: i128,
    /// Nanoseconds since 1970.
    pub expires_at: i128,
    /// The digest of the release before it.
    pub previous: Option<String>,
}

/// The envelope, if it is one for certain.
pub fn read(bytes: &[u8], offer: &Offer) -> Option<Read> {
    match judge(bytes, offer) {
        Form::Right(read) => Some(read),
        _ => None,
    }
}

/// Judges a signature part.
pub fn judge(bytes: &[u8], offer: &Offer) -> Form {
    let mut open = false;
    match parse(bytes, offer, &mut open) {
        Some(_) if open => Form::Open,
        Some(read) => Form::Right(read),
        None => Form::Wrong,
    }
}

fn parse(bytes: &[u8], offer: &Offer, open: &mut bool) -> Option<Read> {
    let depth = offer.bounds.json_depth;
    let envelope = document::read(bytes, depth)?;
    exactly(&envelope, &["payloadType", "payload", "signatures"], &[])?;
    (envelope.member("payloadType")?.text()? == "application/vnd.in-toto+json").then_some(())?;
    let payload = decoded(envelope.member("payload")?, open)?;
    let Document::Items(items) = envelope.member("signatures")? else { return None };
    (!items.is_empty() && items.len() as u64 <= offer.bounds.signatures).then_some(())?;
    let mut signatures = Vec::new();
    for item in items {
        exactly(item, &["sig"], &["keyid"])?;
        let keyid = match item.member("keyid") {
            Some(keyid) => Some(keyid.text()?.to_owned()),
            None => None,
        };
        signatures.push((keyid, decoded(item.member("sig")?, open)?));
    }
    let statement = document::read(&payload, depth)?;
    exactly(&statement, &["_type", "subject", "predicateType", "predicate"], &[])?;
    (statement.member("_type")?.text()? == "https://in-toto.io/Statement/v1").then_some(())?;
    (statement.member("predicateType")?.text()? == "urn:assay:release:0.1").then_some(())?;
    let Document::Items(subjects) = statement.member("subject")? else { return None };
    let [subject] = subjects.as_slice() else { return None };
    exactly(subject, &["name", "digest"], &[])?;
    let digest = subject.member("digest")?;
    exactly(digest, &["sha256"], &[])?;
    let digits = digest.member("sha256")?.text()?;
    is_digits(digits).then_some(())?;
    let predicate = statement.member("predicate")?;
    exactly(predicate, &["issued_at", "expires_at", "previous"], &[])?;
    let mut time = |name| {
        let (at, leap) = instant(predicate.member(name)?.text()?)?;
        *open |= leap;
        Some(at)
    };
    let (issued_at, expires_at) = (time("issued_at")?, time("expires_at")?);
    (expires_at > issued_at).then_some(())?;
    let previous = match predicate.member("previous")? {
        Document::Word("null") => None,
        stated => {
            let text = stated.text()?;
            is_digits(text.strip_prefix("sha256:")?).then(|| Some(text.to_owned()))?
        }
    };
    let subject = (subject.member("name")?.text()?.to_owned(), digits.to_owned());
    Some(Read { payload, signatures, subject, issued_at, expires_at, previous })
}

/// An object with all of these members, perhaps some of those, and no others.
fn exactly(document: &Document, required: &[&str], optional: &[&str]) -> Option<()> {
    let Document::Members(members) = document else { return None };
    let known = |name: &str| required.contains(&name) || optional.contains(&name);
    let right =
        members.iter().all(|(name, _)| known(name)) && required.iter().all(|name| document.member(name).is_some());
    right.then_some(())
}

fn decoded(document: &Document, open: &mut bool) -> Option<Vec<u8>> {
    match base64(document.text()?) {
        Decoded::Right(bytes) => Some(bytes),
        Decoded::Loose(bytes) => {
            *open = true;
            Some(bytes)
        }
        Decoded::Wrong => None,
    }
}

fn is_digits(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
}

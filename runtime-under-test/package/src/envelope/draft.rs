//! A signature part on its way to becoming an [`Envelope`].

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Content, Envelope, Signature, Statement};
use crate::{Code, Digest, Json, Refusal, escape_pointer};

/// What is known of a signature part so far. Each rule fills in what it parses.
#[derive(Debug, Default)]
pub(crate) struct EnvelopeDraft {
    pub bytes: Vec<u8>,
    /// The envelope as JSON; an object from the first rule on.
    pub json: Option<Json>,
    pub payload_type: Option<String>,
    pub payload: Option<Vec<u8>>,
    pub signatures: Vec<Signature>,
    /// The payload as JSON; an object from its first rule on.
    pub statement: Option<Json>,
    pub subject_name: Option<String>,
    pub subject_digest: Option<Digest>,
    pub issued_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub previous: Option<Option<Digest>>,
}

impl EnvelopeDraft {
    /// A part of which nothing is known.
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), ..Self::default() }
    }

    /// The envelope, once every rule has let it pass.
    pub fn finish(self) -> Result<Envelope, Refusal> {
        let incomplete = || malformed("a member is missing", "");
        let statement = Statement {
            subject_name: self.subject_name.ok_or_else(incomplete)?,
            subject_digest: self.subject_digest.ok_or_else(incomplete)?,
            issued_at: self.issued_at.ok_or_else(incomplete)?,
            expires_at: self.expires_at.ok_or_else(incomplete)?,
            previous: self.previous.ok_or_else(incomplete)?,
        };
        Ok(Envelope::new(Content {
            bytes: self.bytes,
            payload_type: self.payload_type.ok_or_else(incomplete)?,
            payload: self.payload.ok_or_else(incomplete)?,
            signatures: self.signatures,
            statement,
        }))
    }

    /// A member of the envelope; absent is a refusal.
    pub fn member(&self, pointer: &str) -> Result<&Json, Refusal> {
        required(self.json.as_ref(), pointer)
    }

    /// A member of the statement; absent is a refusal.
    pub fn stated(&self, pointer: &str) -> Result<&Json, Refusal> {
        required(self.statement.as_ref(), pointer)
    }
}

/// A refusal of the envelope's form, at a place in the envelope or in the statement.
pub(crate) fn malformed(detail: impl Into<String>, pointer: &str) -> Refusal {
    Refusal::new(Code::EnvelopeMalformed, detail).at(pointer)
}

fn required<'a>(document: Option<&'a Json>, pointer: &str) -> Result<&'a Json, Refusal> {
    document.and_then(|json| json.at(pointer)).ok_or_else(|| malformed("the member is required", pointer))
}

/// The text at a place.
pub(crate) fn text<'a>(json: &'a Json, pointer: &str) -> Result<&'a str, Refusal> {
    json.as_str().ok_or_else(|| malformed("the member is not a string", pointer))
}

/// The members of the object at a place.
pub(crate) fn object<'a>(json: &'a Json, pointer: &str) -> Result<&'a BTreeMap<String, Json>, Refusal> {
    json.as_object().ok_or_else(|| malformed("this is not an object", pointer))
}

/// The items of the array at a place.
pub(crate) fn array<'a>(json: &'a Json, pointer: &str) -> Result<&'a [Json], Refusal> {
    json.as_array().ok_or_else(|| malformed("the member is not an array", pointer))
}

/// The object at a place has only these members. What is not an object is another rule's to refuse.
pub(crate) fn only(json: Option<&Json>, pointer: &str, known: &[&str]) -> Result<(), Refusal> {
    let Some(members) = json.and_then(Json::as_object) else {
        return Ok(());
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(malformed("the member is unknown", &format!("{pointer}/{}", escape_pointer(name)))),
        None => Ok(()),
    }
}

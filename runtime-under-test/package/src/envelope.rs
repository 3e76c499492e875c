//! Signatures as values: a DSSE envelope with a release statement, and how the registry makes one (core.md 5).

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    identity::{Digest, HandlerId, Version},
    release::StoredRelease,
    trust::PublicKey,
};

pub(crate) mod draft;
pub(crate) mod rules;

/// The payload type of every envelope of the contract.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The `predicateType` of every statement.
pub const PREDICATE_TYPE: &str = "urn:assay:release:0.1";

/// An envelope of the right form. Whether anybody trusted signed it is another question. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope(Arc<Content>);

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub bytes: Vec<u8>,
    pub payload_type: String,
    pub payload: Vec<u8>,
    pub signatures: Vec<Signature>,
    pub statement: Statement,
}

/// One signature of an envelope, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// What the signer calls its key: a hint that is never believed.
    pub keyid: Option<String>,
    /// The signature, of whatever length it came.
    pub bytes: Vec<u8>,
}

/// What an envelope states about a release (core.md 5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The name of the subject; `<id>@<version>` if it is about a release.
    pub subject_name: String,
    /// The package digest of the subject.
    pub subject_digest: Digest,
    /// When the release was signed.
    pub issued_at: Timestamp,
    /// When the statement ends; later than `issued_at`.
    pub expires_at: Timestamp,
    /// The package digest of the release that this one follows.
    pub previous: Option<Digest>,
}

impl Envelope {
    pub(crate) fn new(content: Content) -> Self {
        Self(Arc::new(content))
    }

    /// The exact bytes, as they were uploaded or made.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// What it states; parsed from exactly the bytes that are verified.
    pub fn statement(&self) -> &Statement {
        &self.0.statement
    }

    /// Its signatures, 1 or more.
    pub fn signatures(&self) -> &[Signature] {
        &self.0.signatures
    }

    /// The payload that is signed.
    pub fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// What is signed: the payload type and the payload, bound together.
    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication_encoding(&self.0.payload_type, &self.0.payload)
    }
}

/// DSSE v1.0: `"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`.
pub(crate) fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// What the subject of a statement about a release is called (core.md 5.4).
pub(crate) fn subject_name(id: &HandlerId, version: &Version) -> String {
    format!("{id}@{version}")
}

/// The key with which the runtime signs as a registry (registry.md 3.1).
pub struct RegistryKey(SigningKey);

impl RegistryKey {
    /// The key of a 32-byte seed (RFC 8032, section 5.1.5). The seed is the secret: keep it as such.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half, as discovery publishes it.
    pub fn public_key(&self) -> PublicKey {
        self.0.verifying_key().into()
    }

    /// Makes the registry's own envelope for a release; whether its terms are acceptable is the caller's to judge.
    pub fn sign_release(&self, release: &StoredRelease<'_>, terms: &Terms) -> Envelope {
        let statement = Statement {
            subject_name: subject_name(release.id, release.version),
            subject_digest: release.digest,
            issued_at: terms.issued_at,
            expires_at: terms.expires_at,
            previous: terms.previous,
        };
        let payload = statement.to_json().to_string().into_bytes();
        let signature = self.0.sign(&pre_authentication_encoding(PAYLOAD_TYPE, &payload)).to_bytes().to_vec();
        let keyid = "registry".to_owned();
        let bytes = json!({
            "payloadType": PAYLOAD_TYPE,
            "payload": STANDARD.encode(&payload),
            "signatures": [{ "keyid": keyid, "sig": STANDARD.encode(&signature) }],
        });
        Envelope::new(Content {
            bytes: bytes.to_string().into_bytes(),
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload,
            signatures: vec![Signature { keyid: Some(keyid), bytes: signature }],
            statement,
        })
    }
}

/// What the registry states about a release, besides what the release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// When the release is signed.
    pub issued_at: Timestamp,
    /// When the statement ends; must be later.
    pub expires_at: Timestamp,
    /// The package digest of the release that this one follows.
    pub previous: Option<Digest>,
}

impl Statement {
    fn to_json(&self) -> Value {
        json!({
            "_type": STATEMENT_TYPE,
            "subject": [{ "name": self.subject_name, "digest": { "sha256": self.subject_digest.hex() } }],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "issued_at": self.issued_at.to_string(),
                "expires_at": self.expires_at.to_string(),
                "previous": self.previous.map(|digest| digest.to_string()),
            },
        })
    }
}

//! Trusted keys: who may sign, for which handlers, until when (registry.md 1).

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::VerifyingKey;
use jiff::Timestamp;

use crate::{
    Code, Refusal,
    identity::{HandlerId, Malformed},
};

/// Everything that verifies a signature at one moment, the runtime's own registry key included.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    keys: Vec<TrustedKey>,
}

impl Trust {
    /// The trust in some keys. The order decides which of several names of one key is shown.
    pub fn new(keys: impl IntoIterator<Item = TrustedKey>) -> Self {
        Self { keys: keys.into_iter().collect() }
    }

    /// All trusted keys.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }
}

/// A public key with the extent of the trust in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// The name under which it is trusted.
    pub name: KeyName,
    /// The key itself.
    pub public_key: PublicKey,
    /// On whose behalf it signs.
    pub role: KeyRole,
    /// The handlers for which it may sign: 1 to [`TrustedKey::MOST_SCOPES`] entries.
    pub scope: Vec<Scope>,
    /// When the trust ends; `None` is never.
    pub not_after: Option<Timestamp>,
}

impl TrustedKey {
    /// The most entries of a scope.
    pub const MOST_SCOPES: usize = 32;

    /// The runtime's own registry key: for every handler, without end, under the name `registry` (registry.md 1.5).
    pub fn registry(public_key: PublicKey) -> Self {
        Self {
            name: KeyName("registry".to_owned()),
            public_key,
            role: KeyRole::Registry,
            scope: vec![Scope::Every],
            not_after: None,
        }
    }

    /// Whether it may sign for a handler.
    pub fn covers(&self, id: &HandlerId) -> bool {
        self.scope.iter().any(|entry| entry.covers(id))
    }

    /// Whether the trust still stands at an instant: its end is in the future, or it has none.
    pub fn is_in_date(&self, now: Timestamp) -> bool {
        self.not_after.is_none_or(|end| end > now)
    }
}

/// What `PUT /admin/trust/keys/{key}` asks for; [`crate::Gates::trusted_key`] judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequest {
    /// The name, out of the path.
    pub name: KeyName,
    /// Padded base64 of the public key.
    pub public_key: String,
    /// On whose behalf it signs.
    pub role: KeyRole,
    /// The entries of the scope as text.
    pub scope: Vec<String>,
    /// When the trust ends.
    pub not_after: Option<Timestamp>,
}

/// A key on its way into the trust: what was asked for, and what of it is judged.
pub(crate) struct KeyCandidate<'a> {
    pub request: &'a KeyRequest,
    pub public_key: Option<PublicKey>,
    pub scope: Vec<Scope>,
}

impl<'a> KeyCandidate<'a> {
    pub fn new(request: &'a KeyRequest) -> Self {
        Self { request, public_key: None, scope: Vec::new() }
    }

    /// The key, once every rule has let it pass.
    pub fn finish(self) -> Result<TrustedKey, Refusal> {
        let KeyRequest { name, role, not_after, .. } = self.request.clone();
        let public_key = self.public_key.ok_or_else(|| Refusal::new(Code::KeyInvalid, "no key").at("/public_key"))?;
        Ok(TrustedKey { name, public_key, role, scope: self.scope, not_after })
    }
}

/// The public key is 32 bytes of a canonical point that is not of small order (core.md 5.3).
pub(crate) fn public_key(key: &mut KeyCandidate<'_>) -> Result<(), Refusal> {
    let judged = key.request.public_key.parse();
    let refuse = |fault: Malformed| Refusal::new(Code::KeyInvalid, fault.to_string()).at("/public_key");
    key.public_key = Some(judged.map_err(refuse)?);
    Ok(())
}

/// A scope has 1 to 32 entries (registry.md 1.2).
pub(crate) fn scope_length(key: &mut KeyCandidate<'_>) -> Result<(), Refusal> {
    if (1..=TrustedKey::MOST_SCOPES).contains(&key.request.scope.len()) {
        return Ok(());
    }
    Err(Refusal::new(Code::KeyInvalid, "a scope has 1 to 32 entries").at("/scope"))
}

/// Each entry is a handler id, a prefix of one and `.*`, or `*` (registry.md 1.2).
pub(crate) fn scope_forms(key: &mut KeyCandidate<'_>) -> Result<(), Refusal> {
    for (index, entry) in key.request.scope.iter().enumerate() {
        let refuse = |fault: Malformed| Refusal::new(Code::KeyInvalid, fault.to_string()).at(format!("/scope/{index}"));
        key.scope.push(entry.parse().map_err(refuse)?);
    }
    Ok(())
}

/// Only role `registry` may sign for all handlers (registry.md 1.2).
pub(crate) fn scope_every(key: &mut KeyCandidate<'_>) -> Result<(), Refusal> {
    let every = key.scope.iter().position(|entry| *entry == Scope::Every);
    match every {
        Some(index) if key.request.role == KeyRole::Publisher => {
            Err(Refusal::new(Code::KeyInvalid, "only role `registry` may sign for all").at(format!("/scope/{index}")))
        }
        _ => Ok(()),
    }
}

/// The name of a trusted key: `[a-z0-9][a-z0-9._-]{0,63}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let right = text.len() <= 64
            && text.as_bytes().first().is_some_and(word)
            && text.as_bytes().iter().all(|byte| word(byte) || b"._-".contains(byte));
        if right { Ok(Self(text.to_owned())) } else { Err(Malformed("a key name, `[a-z0-9][a-z0-9._-]{0,63}`")) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// On whose behalf a key signs (registry.md 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyRole {
    /// Somebody who publishes handlers.
    Publisher,
    /// Another registry whose releases are accepted here, or this one.
    Registry,
}

impl KeyRole {
    /// The name in requests and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyRole::Publisher => "publisher",
            KeyRole::Registry => "registry",
        }
    }
}

impl FromStr for KeyRole {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "publisher" => Ok(KeyRole::Publisher),
            "registry" => Ok(KeyRole::Registry),
            _ => Err(Malformed("a role of keys, `publisher` or `registry`")),
        }
    }
}

/// One entry of a key's scope (registry.md 1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// `*`: every handler.
    Every,
    /// `com.example.*`: every handler below; the prefix itself is not covered. Holds the prefix without the dot.
    Below(String),
    /// One handler.
    One(HandlerId),
}

impl Scope {
    /// Whether it covers a handler.
    pub fn covers(&self, id: &HandlerId) -> bool {
        match self {
            Scope::Every => true,
            Scope::Below(prefix) => id.as_str().strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('.')),
            Scope::One(handler) => handler == id,
        }
    }
}

impl FromStr for Scope {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WRONG: Malformed = Malformed("a handler id, a prefix of one and `.*`, or `*`");
        if text == "*" {
            return Ok(Scope::Every);
        }
        let Some(prefix) = text.strip_suffix(".*") else {
            return text.parse().map(Scope::One).map_err(|_| WRONG);
        };
        // A prefix is right if it begins an id; one label is enough (`com.*`).
        match format!("{prefix}.x").parse::<HandlerId>() {
            Ok(_) => Ok(Scope::Below(prefix.to_owned())),
            Err(_) => Err(WRONG),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Every => out.write_str("*"),
            Scope::Below(prefix) => write!(out, "{prefix}.*"),
            Scope::One(handler) => handler.fmt(out),
        }
    }
}

/// An Ed25519 public key: a canonically encoded point that is not of small order (core.md 5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(pub(crate) VerifyingKey);

impl PublicKey {
    /// Judges 32 bytes.
    ///
    /// # Errors
    /// If they are not the one encoding of a curve point, or a point of small order, under which some signatures hold
    /// for every message.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Malformed> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| Malformed("a point of the curve"))?;
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(Malformed("the canonical encoding of a point"));
        }
        if key.is_weak() {
            return Err(Malformed("a key that an Ed25519 key generator makes: its order is small"));
        }
        Ok(Self(key))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether a signature is one of this key over exactly these bytes, verified strictly (core.md 5.3).
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = ed25519_dalek::Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

impl From<VerifyingKey> for PublicKey {
    /// A key that was derived from a secret is right by construction.
    fn from(key: VerifyingKey) -> Self {
        Self(key)
    }
}

impl FromStr for PublicKey {
    type Err = Malformed;

    /// Reads padded base64 of 32 bytes.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = STANDARD.decode(text).map_err(|_| Malformed("padded base64"))?;
        Self::from_bytes(bytes.as_slice().try_into().map_err(|_| Malformed("32 bytes"))?)
    }
}

impl fmt::Display for PublicKey {
    /// Padded base64.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&STANDARD.encode(self.as_bytes()))
    }
}

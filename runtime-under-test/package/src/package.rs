//! What comes out of the first four gates: a package of which every value is right.

use serde_json::Value;

use crate::{
    envelope::Envelope,
    host_rule::HostRule,
    identity::{Digest, HandlerId, Version},
    offer::Abi,
};

/// One part of an upload, as it came. Nothing about it is judged yet, but the server stops reading at its bound + 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name in `Content-Disposition`.
    pub name: String,
    /// The `Content-Type` header, if there is one.
    pub content_type: Option<String>,
    /// The content, or more than its bound of it.
    pub bytes: Vec<u8>,
}

/// A package that is well-formed, complete, of one piece and in bounds (core.md 2.1).
#[derive(Debug, Clone)]
pub struct Package {
    /// What the handler is.
    pub manifest: Manifest,
    /// The exact bytes of the manifest.
    pub manifest_bytes: Vec<u8>,
    /// The package digest: the SHA-256 of `manifest_bytes`.
    pub digest: Digest,
    /// The module, valid for the manifest's `abi`.
    pub module: Vec<u8>,
    /// The signatures, in the order in which they came.
    pub envelopes: Vec<Envelope>,
}

/// A manifest whose every field is right (core.md 3).
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The handler.
    pub id: HandlerId,
    /// Its version.
    pub version: Version,
    /// For people, 1 to 80 characters.
    pub name: String,
    /// For people, at most 1000 characters; empty where the manifest has none.
    pub description: String,
    /// What lists are filtered by.
    pub category: String,
    /// The packaging.
    pub abi: Abi,
    /// The digest of the module.
    pub module_digest: Digest,
    /// The size of the module, in bytes.
    pub module_size: u64,
    /// The JSON Schema of inputs; [`crate::compile_schema`] takes it.
    pub input: Value,
    /// The JSON Schema of outputs.
    pub output: Value,
    /// What the handler may use.
    pub permissions: Permissions,
    /// What the handler may use up.
    pub limits: Limits,
}

/// The capabilities that a manifest asks for (core.md 3.7).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Durable state, if asked for.
    pub state: Option<StatePermission>,
    /// Rules for hosts, if asked for.
    pub egress: Option<Vec<HostRule>>,
    /// Functions of the vault, if asked for.
    pub vault: Option<Vec<String>>,
}

/// The permission to keep state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatePermission {
    /// The quota: the bytes of all keys and values.
    pub max_bytes: u64,
}

/// The limits of an execution, with the bounds where the manifest states none (core.md 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All linear memories together, and 8 for each table element.
    pub memory_bytes: u64,
    /// Wall-clock time, in milliseconds.
    pub timeout_ms: u64,
    /// All log messages together, in bytes.
    pub log_bytes: u64,
    /// The output, in bytes.
    pub output_bytes: u64,
    /// Limits of egress.
    pub egress: EgressLimits,
}

/// The limits of all executions of the handler together on their requests to other hosts (egress.md 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressLimits {
    /// Requests that start in a minute.
    pub requests_per_minute: u64,
    /// Bytes of bodies in a minute, in both directions together.
    pub bytes_per_minute: u64,
    /// Requests that may wait for their turn.
    pub queue: u64,
    /// One exchange, in milliseconds.
    pub timeout_ms: u64,
}

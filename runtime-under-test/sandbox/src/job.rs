//! What one execution is given: everything that the handler may learn, and the limits that it has to keep.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::outside::Outside;

/// One execution to do: a [`Prepared`](crate::Prepared) handler takes it once.
#[derive(Debug, Clone)]
pub struct Job {
    /// What the handler is told about the execution.
    pub context: Context,
    /// JSON text of the input, in UTF-8; handed on as it is. For a migration the version that is replaced.
    pub input: Vec<u8>,
    /// What the handler has to keep.
    pub limits: Limits,
    /// The committed state of the handler, if its manifest asks for the permission `state`.
    pub state: Option<StateSnapshot>,
    /// Who sends its requests to other hosts, if its manifest asks for the permission `egress`.
    pub egress: Option<Arc<dyn Outside>>,
}

/// The record `context` of handler.wit (core.md, 9.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Identifier of the execution.
    pub execution: String,
    /// Identifier of the handler.
    pub handler: String,
    /// Version of the handler.
    pub version: String,
    /// Role of the caller.
    pub caller: String,
    /// When the execution was admitted, in milliseconds since 1970-01-01T00:00:00Z.
    pub admitted_at_ms: u64,
    /// The `context` member of the request; the handler sees it in ascending order of the names.
    pub attributes: BTreeMap<String, String>,
}

/// The limits of one execution, from the manifest and the bounds of the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All linear memories together, and 8 bytes for each table element, in bytes (9.8).
    pub memory_bytes: u64,
    /// Wall-clock time from the start of the handler (9.7).
    pub timeout: Duration,
    /// Messages of the log together, in bytes (9.10).
    pub log_bytes: u64,
    /// The output, and the message of a failure, in bytes (9.6).
    pub output_bytes: u64,
}

/// The state of a handler as last committed, and the rules for changing it (9.11).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateSnapshot {
    /// The committed values.
    pub values: BTreeMap<String, Vec<u8>>,
    /// `/permissions/state/max_bytes`: all keys and values together, in bytes.
    pub max_bytes: u64,
    /// Longest key, in bytes: the bound `state_key_bytes`.
    pub max_key_bytes: u64,
    /// Most keys: the bound `state_keys`.
    pub max_keys: u64,
}

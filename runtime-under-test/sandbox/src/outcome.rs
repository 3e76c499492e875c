//! What became of an execution, as the caller of the sandbox sees it.

use std::collections::BTreeMap;

/// An execution that is over, whatever its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// How it ended.
    pub outcome: Outcome,
    /// Every line that the handler wrote, in order, up to `log_bytes`; kept whatever the outcome (9.10).
    pub logs: Vec<LogLine>,
    /// Whether lines were dropped.
    pub logs_truncated: bool,
    /// What it cost.
    pub usage: Usage,
    /// Changes to the state: a value to set, or none for a key to remove. Present only when the handler returned an
    /// output and has the permission; the caller commits them once it has accepted that output (9.11).
    pub state_changes: Option<BTreeMap<String, Option<Vec<u8>>>>,
}

/// How an execution ended (9.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The handler returned an output, at most `output_bytes` long. Nobody has looked at it yet. Of a migration: it
    /// succeeded, and there are no bytes.
    Output(Vec<u8>),
    /// The handler returned a failure, its message at most `output_bytes` long.
    Failure {
        /// Which of the three.
        kind: FailureKind,
        /// The handler's own words.
        message: String,
    },
    /// It ran past its time and was ended.
    Timeout,
    /// It asked for memory past its limit and was ended.
    MemoryExceeded,
    /// It trapped, or handed over values that the canonical ABI does not allow. In words: at most 200 bytes, without
    /// addresses and paths of the host.
    Trap(String),
    /// It returned an output longer than `output_bytes`, or a failure whose message is.
    OutputTooLarge,
}

/// The cases of the variant `failure` of handler.wit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The input makes no sense to the handler.
    InvalidInput,
    /// Something that the handler needs cannot be had now.
    Unavailable,
    /// Anything else.
    Internal,
}

impl FailureKind {
    /// The name in the response's `failure.kind` and in handler.wit.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::InvalidInput => "invalid-input",
            FailureKind::Unavailable => "unavailable",
            FailureKind::Internal => "internal",
        }
    }
}

/// One line that a handler wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its level.
    pub level: Level,
    /// Its text.
    pub message: String,
}

/// The enum `level` of handler.wit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `trace`
    Trace,
    /// `debug`
    Debug,
    /// `info`
    Info,
    /// `warn`
    Warn,
    /// `error`
    Error,
}

impl Level {
    /// The name in the response's `logs` and in handler.wit.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// What an execution cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time that the handler took, in microseconds: neither waiting for a turn nor being preempted counts
    /// (sandbox.md, 8.1).
    pub cpu_us: u64,
    /// The largest sum of all linear memories and 8 bytes for each table element, in bytes (9.9).
    pub memory_bytes: u64,
}

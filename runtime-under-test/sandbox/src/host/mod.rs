//! What the host holds for one execution: the two packagings reach it through thin adapters, so a
//! line logged or a value set means the same in both.

mod log;
mod state;

use std::time::Instant;

pub(crate) use log::{Log, LogRule};
pub(crate) use state::{QuotaRule, State, StateError};

use crate::ended::Ended;
use crate::limiter::MemoryMeter;

/// What a handler returns and `output_bytes` bounds (core.md, 9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An output.
    Output,
    /// The message of a failure.
    FailureMessage,
}

/// Decides whether an answer of `length` bytes is within the limit.
pub(crate) type OutputRule = fn(answer: Answer, length: u64, limit: u64) -> bool;

/// The data of a store: one execution, seen from the host.
pub(crate) struct Host {
    /// Lines written so far.
    pub(crate) log: Log,
    /// The state, if the handler has the permission.
    pub(crate) state: Option<State>,
    /// Memory used so far.
    pub(crate) memory: MemoryMeter,
    /// When the handler is ended.
    pub(crate) deadline: Instant,
    /// Limit of the output and of a failure's message, in bytes.
    pub(crate) output_bytes: u64,
    /// What that limit means.
    pub(crate) output_rule: OutputRule,
    /// Whether the guest may call an import now. Not while it allocates for the host or cleans up
    /// after it: the canonical ABI's `may_leave`. The component runtime keeps its own.
    pub(crate) may_leave: bool,
}

impl Host {
    /// The state; a handler without the permission that calls it all the same is ended.
    pub(crate) fn state(&mut self) -> Result<&mut State, Ended> {
        self.state.as_mut().ok_or_else(|| Ended::breach("the handler has no permission for state"))
    }

    /// Whether an answer of this many bytes may be returned.
    pub(crate) fn admits(&self, answer: Answer, length: usize) -> bool {
        (self.output_rule)(answer, length as u64, self.output_bytes)
    }
}

//! What the contract says about an execution whose handler is known.

use std::collections::BTreeMap;

use assay_fixtures::{FailureKind, LogLevel};
use assay_sandbox::{Execution, Job, Outcome};

use super::job::PAGE;
use crate::finding::{Finding, Kind};

/// How it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With this output, unless it is past its limit.
    Output(Vec<u8>),
    /// With this failure, unless its message is past the limit.
    Failure(FailureKind, String),
    /// It runs past its time.
    Timeout,
    /// It asks for memory past its limit.
    MemoryExceeded,
    /// It traps.
    Trap,
}

/// Everything about the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    end: End,
    output_bytes: u64,
    lines: Vec<(LogLevel, String)>,
    truncated: bool,
    /// The most memory that it had, if the contract tells.
    memory: Option<u64>,
    /// The state afterwards, over that before.
    state: Option<BTreeMap<String, Vec<u8>>>,
    before: BTreeMap<String, Vec<u8>>,
}

impl Known {
    /// A handler that ends in this way, without log and without changes.
    pub fn new(job: &Job, end: End) -> Self {
        Self {
            end,
            output_bytes: job.limits.output_bytes,
            lines: Vec::new(),
            truncated: false,
            memory: None,
            state: job.state.as_ref().map(|state| state.values.clone()),
            before: job.state.as_ref().map(|state| state.values.clone()).unwrap_or_default(),
        }
    }

    /// The echo that runs beside others: one page, and nothing else.
    pub fn echo(job: &Job) -> Self {
        Self::new(job, End::Output(job.input.clone())).memory(PAGE)
    }

    /// It wrote these lines before: the first that does not fit and all after it are dropped (core.md 9.10).
    pub fn lines(mut self, job: &Job, lines: &[(LogLevel, String)]) -> Self {
        let mut room = job.limits.log_bytes;
        for line in lines {
            match room.checked_sub(line.1.len() as u64).filter(|_| !self.truncated) {
                Some(left) => {
                    room = left;
                    self.lines.push(line.clone());
                }
                None => self.truncated = true,
            }
        }
        self
    }

    /// It had so much memory at most.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// It left this state.
    pub fn state(mut self, values: BTreeMap<String, Vec<u8>>) -> Self {
        self.state = Some(values);
        self
    }

    /// Compares with an answer.
    pub fn compare(&self, execution: &Execution, when: &str) -> Result<(), Finding> {
        let wrong = |what: &str| {
            Err(Finding::new(Kind::Differs, format!("{when}, {what}: {execution:?}; the contract says {self:?}")))
        };
        if !self.ends(&execution.outcome) {
            return wrong("the outcome");
        }
        let level = |level: LogLevel| level.as_str();
        let same = |(one, other): (&(LogLevel, String), &assay_sandbox::LogLine)| {
            level(one.0) == other.level.as_str() && one.1 == other.message
        };
        let whole = self.lines.len() == execution.logs.len() && self.truncated == execution.logs_truncated;
        if !whole || !self.lines.iter().zip(&execution.logs).all(same) {
            return wrong("the log");
        }
        if self.memory.is_some_and(|bytes| bytes != execution.usage.memory_bytes) {
            return wrong("the memory");
        }
        let after = execution.state_changes.as_ref().map(|changes| {
            let mut values = self.before.clone();
            for (key, value) in changes {
                match value {
                    Some(value) => values.insert(key.clone(), value.clone()),
                    None => values.remove(key),
                };
            }
            values
        });
        let expected = self.state.as_ref().filter(|_| matches!(execution.outcome, Outcome::Output(_)));
        if after.as_ref() != expected { wrong("the state") } else { Ok(()) }
    }

    fn ends(&self, outcome: &Outcome) -> bool {
        let fits = |length: usize| length as u64 <= self.output_bytes;
        match (&self.end, outcome) {
            (End::Output(output), Outcome::Output(found)) => fits(output.len()) && output == found,
            (End::Output(output), Outcome::OutputTooLarge) => !fits(output.len()),
            (End::Failure(kind, message), Outcome::Failure { kind: found, message: told }) => {
                fits(message.len()) && kind.as_str() == found.as_str() && message == told
            }
            (End::Failure(_, message), Outcome::OutputTooLarge) => !fits(message.len()),
            (End::Timeout, Outcome::Timeout)
            | (End::MemoryExceeded, Outcome::MemoryExceeded)
            | (End::Trap, Outcome::Trap(_)) => true,
            _ => false,
        }
    }
}

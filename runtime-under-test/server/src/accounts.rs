//! What the executions of an installed handler came to so far (core.md, 9.20).

use std::sync::{Mutex, MutexGuard, PoisonError};

use assay_package::{HandlerId, Version};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::policy::Policy;

/// How an execution ended (core.md 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
    Timeout,
    MemoryExceeded,
    Trap,
    OutputRejected,
}

impl Outcome {
    const ALL: [Outcome; 6] = [
        Outcome::Success,
        Outcome::Failure,
        Outcome::Timeout,
        Outcome::MemoryExceeded,
        Outcome::Trap,
        Outcome::OutputRejected,
    ];

    /// As it is answered.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Timeout => "timeout",
            Outcome::MemoryExceeded => "memory-exceeded",
            Outcome::Trap => "trap",
            Outcome::OutputRejected => "output-rejected",
        }
    }
}

/// The account of one installation. It goes with it from version to version, and ends with it.
#[derive(Debug)]
pub struct Account {
    /// Which account this is; no other has the number.
    pub number: u64,
    /// Since when it counts.
    since: Timestamp,
    totals: Mutex<Totals>,
}

/// One execution, as an account takes it.
#[derive(Clone, Copy, Debug)]
pub struct Used<'a> {
    /// The handler.
    pub handler: &'a HandlerId,
    /// The version that ran.
    pub version: &'a Version,
    /// How it ended.
    pub outcome: Outcome,
    /// Its CPU time, in microseconds.
    pub cpu_us: u64,
    /// Its largest sum of memory, in bytes.
    pub memory_bytes: u64,
}

/// The totals of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Executions by their outcome, in the order of [`Outcome::ALL`].
    outcomes: [u64; Outcome::ALL.len()],
    /// The sum of their CPU time, in microseconds.
    pub cpu_us: u64,
    /// The largest memory of one of them, in bytes.
    pub memory_bytes: u64,
}

impl Account {
    /// An account without executions. `number` is one that no other account has.
    pub fn new(number: u64, since: Timestamp) -> Self {
        Self { number, since, totals: Mutex::default() }
    }

    /// Takes an execution in.
    pub fn charge(&self, used: &Used<'_>, policy: &dyn Policy) {
        policy.charge(&mut self.locked(), used);
    }

    /// The account as it is answered.
    pub fn shown(&self) -> Value {
        // A copy, so that what is shown belongs together and nobody waits for the showing.
        let totals = *self.locked();
        let outcomes: Map<String, Value> = Outcome::ALL
            .iter()
            .zip(totals.outcomes)
            .map(|(name, count)| (name.as_str().to_owned(), count.into()))
            .collect();
        json!({
            "since": self.since.to_string(),
            "executions": totals.outcomes.iter().sum::<u64>(),
            "outcomes": outcomes,
            "cpu_us": totals.cpu_us,
            "memory_bytes": totals.memory_bytes,
        })
    }

    fn locked(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Totals {
    /// Adds an execution.
    pub fn add(&mut self, used: &Used<'_>) {
        self.outcomes[used.outcome as usize] += 1;
        self.cpu_us = self.cpu_us.saturating_add(used.cpu_us);
        self.memory_bytes = self.memory_bytes.max(used.memory_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Contract;

    #[test]
    fn totals_are_sums_and_the_largest_memory() {
        let account = Account::new(1, Timestamp::UNIX_EPOCH);
        let (handler, version) = ("com.example.a".parse().unwrap(), "1.0.0".parse().unwrap());
        for (outcome, cpu_us, memory_bytes) in [(Outcome::Trap, 7, 300), (Outcome::Success, 5, 100)] {
            account.charge(&Used { handler: &handler, version: &version, outcome, cpu_us, memory_bytes }, &Contract);
        }
        let expected = json!({
            "since": "1970-01-01T00:00:00Z",
            "executions": 2,
            "outcomes": {
                "success": 1, "failure": 0, "timeout": 0, "memory-exceeded": 0, "trap": 1, "output-rejected": 0,
            },
            "cpu_us": 12,
            "memory_bytes": 300,
        });
        assert_eq!(account.shown(), expected);
    }
}

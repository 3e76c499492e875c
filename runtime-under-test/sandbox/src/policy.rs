//! Every decision of the sandbox in one place. The contract fixes each of them; they are values, so
//! that a deliberate defect can take the place of exactly one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::{Arguments, Call, FreshInstance, Returned};
use crate::ended::Ended;
use crate::host::{Log, LogRule, OutputRule, QuotaRule};
use crate::job::Context;
use crate::limiter::{MemoryRule, end_past_the_limit};
use crate::outcome::{FailureKind, Outcome};

/// How far a deadline can lie ahead, where the clock cannot say more: thirty years.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// The decisions.
#[derive(Clone)]
pub(crate) struct Policy {
    /// Executions under way at once, from the setting.
    pub(crate) places: fn(max_concurrent: u32) -> u32,
    /// What the handler is told.
    pub(crate) arguments: fn(Context, Vec<u8>) -> Arguments,
    /// From which instance an answer comes.
    pub(crate) call: Arc<dyn Call>,
    /// When a handler that starts now is ended.
    pub(crate) deadline: fn(start: Instant, timeout: Duration) -> Instant,
    /// Whether memory may grow.
    pub(crate) memory: MemoryRule,
    /// Which memory is reported, from the peak and the limit.
    pub(crate) memory_used: fn(peak: u64, limit: u64) -> u64,
    /// What becomes of a line that the handler writes.
    pub(crate) log: LogRule,
    /// Which log is kept after an outcome.
    pub(crate) logs_kept: fn(&Outcome, Log) -> Log,
    /// Whether state fits its quota.
    pub(crate) quota: QuotaRule,
    /// After which outcomes changes to the state are handed out.
    pub(crate) commits: fn(&Outcome) -> bool,
    /// Whether an output or a failure's message may be returned.
    pub(crate) output: OutputRule,
    /// What the caller is told about a failure.
    pub(crate) failure: fn(FailureKind, String) -> Outcome,
    /// What the caller is told about a handler that was ended.
    pub(crate) ended: fn(Ended) -> Outcome,
}

impl Policy {
    /// The decisions that the contract asks for.
    pub(crate) fn honest() -> Self {
        Policy {
            places: |max_concurrent| max_concurrent.max(1),
            arguments: |context, input| Arguments { context, input },
            call: Arc::new(FreshInstance),
            deadline,
            memory: end_past_the_limit,
            memory_used: |peak, _limit| peak,
            log: Log::append_within_the_limit,
            logs_kept: |_outcome, log| log,
            quota: |sum, quota| sum <= quota,
            commits: |outcome| matches!(outcome, Outcome::Output(_)),
            output: |_answer, length, limit| length <= limit,
            failure: |kind, message| Outcome::Failure { kind, message },
            ended,
        }
    }

    /// What the caller is told.
    pub(crate) fn outcome(&self, end: Result<Returned, Ended>) -> Outcome {
        match end {
            Ok(Returned::Output(output)) => Outcome::Output(output),
            Ok(Returned::Oversized) => Outcome::OutputTooLarge,
            Ok(Returned::Failure(kind, message)) => (self.failure)(kind, message),
            Err(ended) => (self.ended)(ended),
        }
    }
}

fn deadline(start: Instant, timeout: Duration) -> Instant {
    start.checked_add(timeout.min(FAR)).unwrap_or(start)
}

fn ended(ended: Ended) -> Outcome {
    match ended {
        Ended::Timeout => Outcome::Timeout,
        Ended::MemoryExceeded => Outcome::MemoryExceeded,
        Ended::Trap(what) => Outcome::Trap(what),
    }
}

//! Every decision of the sandbox in one place. The contract fixes each of them; they are values, so
//! that a deliberate defect can take the place of exactly one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::abi::Abi;
use crate::call::{Arguments, Call, FreshInstance, Returned};
use crate::ended::Ended;
use crate::engine::{Linkers, STACK_BYTES};
use crate::error::PrepareError;
use crate::execution::{self, OverdueRule};
use crate::host::{CallRule, EgressRules, Host, Log, LogRule, OutputRule, StateRules};
use crate::job::Context;
use crate::limiter::{MemoryRule, SumRule, all_together, end_past_the_limit};
use crate::outcome::{FailureKind, Outcome};
use crate::prepared::Prepared;

/// How far a deadline can lie ahead, where the clock cannot say more: thirty years.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// Makes a module ready.
pub(crate) type Compile = fn(&Linkers, Abi, [u8; 32], &[u8]) -> Result<Prepared, PrepareError>;

/// The decisions.
#[derive(Clone)]
pub(crate) struct Policy {
    /// Executions under way at once, from the setting.
    pub(crate) places: fn(max_concurrent: u32) -> u32,
    /// What is compiled.
    pub(crate) module: fn(&[u8]) -> Vec<u8>,
    /// How a module is made ready, on a thread of its own.
    pub(crate) compile: Compile,
    /// What the handler is told.
    pub(crate) arguments: fn(Context, Vec<u8>) -> Arguments,
    /// From which instance an answer comes.
    pub(crate) call: Arc<dyn Call>,
    /// When a handler that starts now is ended.
    pub(crate) deadline: fn(start: Instant, timeout: Duration) -> Instant,
    /// When a handler that waits for the host is given up, from its deadline.
    pub(crate) waits_until: fn(Instant) -> Instant,
    /// Whether a handler that is interrupted is to be ended.
    pub(crate) overdue: OverdueRule,
    /// What a handler that calls the host has to let happen first.
    pub(crate) host_call: CallRule,
    /// Stack of a handler, in bytes.
    pub(crate) stack_bytes: usize,
    /// What memories and tables come to.
    pub(crate) memory_sum: SumRule,
    /// Whether memory may grow.
    pub(crate) memory: MemoryRule,
    /// Which memory is reported, from the peak and the limit.
    pub(crate) memory_used: fn(peak: u64, limit: u64) -> u64,
    /// Which CPU time is reported, from what the handler took, the time from its start to its end, and how it ended.
    pub(crate) cpu_used: fn(busy: Duration, elapsed: Duration, &Outcome) -> Duration,
    /// What becomes of a line that the handler writes.
    pub(crate) log: LogRule,
    /// Which log is kept after an outcome.
    pub(crate) logs_kept: fn(&Outcome, Log) -> Log,
    /// What a handler may do to its state, and what it sees of it.
    pub(crate) state: StateRules,
    /// What becomes of its requests to other hosts.
    pub(crate) egress: EgressRules,
    /// After which outcomes changes to the state are handed out.
    pub(crate) commits: fn(&Outcome) -> bool,
    /// After which outcomes of a migration they are.
    pub(crate) migration_commits: fn(&Outcome) -> bool,
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
            module: <[u8]>::to_vec,
            compile: Prepared::compile,
            arguments: Arguments::of_handle,
            call: Arc::new(FreshInstance),
            deadline,
            waits_until: |deadline| deadline,
            overdue: execution::past_its_deadline,
            host_call: Host::in_time_and_in_turn,
            stack_bytes: STACK_BYTES,
            memory_sum: all_together,
            memory: end_past_the_limit,
            memory_used: |peak, _limit| peak,
            cpu_used: |busy, _elapsed, _outcome| busy,
            log: Log::append_within_the_limit,
            logs_kept: |_outcome, log| log,
            state: StateRules::honest(),
            egress: EgressRules::honest(),
            commits: |outcome| matches!(outcome, Outcome::Output(_)),
            migration_commits: |outcome| matches!(outcome, Outcome::Output(_)),
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

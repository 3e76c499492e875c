//! Deliberate defects for `cargo xtask prove`: each takes the place of one decision and leaves the
//! rest as it is. The list is conformance/proof/sabotages.toml, where `crate` is `sandbox`.

mod border;
mod calls;
mod crowds;
mod floods;
mod limits;
mod outside;
mod remains;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use calls::{InputReturned, PoisonedByTraps, ReusedInstance};
use crowds::{KeepsOutputs, LosesOutputs, SharedLog, SharedOutput};

use crate::call::Arguments;
use crate::ended::Ended;
use crate::error::StartError;
use crate::host::{Answer, Log};
use crate::outcome::{FailureKind, Level, Outcome};
use crate::policy::Policy;
use crate::sandbox::Sandbox;
use crate::settings::Settings;

/// One page of linear memory, in bytes.
const PAGE: u64 = 65_536;
/// How long a handler runs whose deadline is not enforced: a suite must be able to wait for it.
const UNENFORCED: Duration = Duration::from_secs(4);
/// The limits of every handler where the manifest's are not looked at.
const TIMEOUT: Duration = Duration::from_secs(1);
const MEMORY: u64 = 1 << 20;
const QUOTA: u64 = 1000;
/// The lines that a log has where their number is bounded by themselves.
const LINES: usize = 500;

/// A name, and what it does to the honest decisions.
type Defect = (&'static str, fn(&mut Policy));

const DEFECTS: &[Defect] = &[
    ("compilations-hold-up-executions", |policy| {
        policy.compile = calls::compile_alone;
        policy.call = Arc::new(calls::WaitsForCompilers);
    }),
    ("input-not-passed", |policy| {
        policy.arguments = |context, _input| Arguments::of_handle(context, b"null".to_vec());
    }),
    ("input-returned-without-running", |policy| policy.call = Arc::new(InputReturned)),
    ("failure-kinds-flattened", |policy| {
        policy.failure = |_kind, message| Outcome::Failure { kind: FailureKind::Internal, message };
    }),
    ("traps-are-null", |policy| {
        policy.ended = |ended| match ended {
            Ended::Trap(_) => Outcome::Output(b"null".to_vec()),
            other => (Policy::honest().ended)(other),
        };
    }),
    ("deadline-unenforced", |policy| {
        policy.deadline = |start, timeout| start + timeout.max(UNENFORCED);
        policy.ended = |ended| match ended {
            Ended::Timeout => Outcome::Output(b"null".to_vec()),
            other => (Policy::honest().ended)(other),
        };
    }),
    ("deadline-cut-short", |policy| policy.deadline = |start, timeout| start + timeout / 40),
    ("timeout-constant", |policy| policy.deadline = |start, _timeout| start + TIMEOUT),
    ("one-execution-at-a-time", |policy| policy.places = |_| 1),
    ("output-limit-ignored", |policy| {
        policy.output = |answer, length, limit| answer == Answer::Output || length <= limit;
    }),
    ("output-at-the-limit-refused", |policy| {
        policy.output = |answer, length, limit| length < limit || (answer != Answer::Output && length == limit);
    }),
    ("failure-message-unbounded", |policy| {
        policy.output = |answer, length, limit| answer == Answer::FailureMessage || length <= limit;
    }),
    ("context-attributes-lost", |policy| {
        policy.arguments = |mut context, input| {
            context.attributes.clear();
            Arguments::of_handle(context, input)
        };
    }),
    ("instances-reused", |policy| {
        policy.places = |places| places.saturating_sub(calls::KEPT).max(1);
        policy.call = Arc::new(ReusedInstance::new(|_, _| true));
    }),
    ("traps-poison-the-handler", |policy| policy.call = Arc::new(PoisonedByTraps::default())),
    ("outputs-share-a-buffer", |policy| policy.call = Arc::new(SharedOutput::default())),
    ("logs-share-a-buffer", |policy| policy.call = Arc::new(SharedLog::default())),
    ("some-outputs-lost", |policy| policy.call = Arc::new(LosesOutputs::default())),
    ("outputs-kept-forever", |policy| policy.call = Arc::new(KeepsOutputs::default())),
    ("log-lines-dropped", |policy| {
        policy.log = |log, line| {
            if log.lines.is_empty() {
                log.append_within_the_limit(line);
            }
        };
    }),
    ("log-levels-flattened", |policy| {
        policy.log = |log, mut line| {
            line.level = Level::Info;
            log.append_within_the_limit(line);
        };
    }),
    ("logs-lost-at-a-trap", |policy| {
        policy.logs_kept = |outcome, log| match outcome {
            Outcome::Trap(_) => Log::new(0, Log::append_within_the_limit),
            _ => log,
        };
    }),
    ("log-lost-at-timeout", |policy| {
        policy.logs_kept = |outcome, log| match outcome {
            Outcome::Timeout => Log::new(0, Log::append_within_the_limit),
            _ => log,
        };
    }),
    ("log-lines-bounded", |policy| {
        policy.log = |log, line| {
            if log.lines.len() < LINES {
                log.append_within_the_limit(line);
            }
        };
    }),
    ("log-limit-ignored", |policy| policy.log = |log, line| log.lines.push(line)),
    ("memory-limit-off-by-one", |policy| {
        policy.memory = |sum, limit| (Policy::honest().memory)(sum, limit + PAGE);
    }),
    ("memory-limit-exclusive", |policy| {
        policy.memory = |sum, limit| (Policy::honest().memory)(sum, limit.saturating_sub(1));
    }),
    ("memory-limit-constant", |policy| {
        policy.memory = |sum, _limit| (Policy::honest().memory)(sum, MEMORY);
    }),
    ("memory-limit-ignored", |policy| policy.memory = |sum, limit| Ok(sum <= limit)),
    ("memory-use-misreported", |policy| policy.memory_used = |_peak, limit| limit),
    ("cpu-constant", |policy| policy.cpu_used = |_busy, _elapsed, _outcome| Duration::from_micros(500)),
    ("cpu-is-wall-time", |policy| policy.cpu_used = |_busy, elapsed, _outcome| elapsed),
    ("cpu-in-nanoseconds", |policy| policy.cpu_used = |busy, _elapsed, _outcome| busy * 1000),
    ("cpu-in-milliseconds", |policy| policy.cpu_used = |busy, _elapsed, _outcome| busy / 1000),
    ("cpu-of-traps-forgotten", |policy| {
        policy.cpu_used = |busy, _elapsed, outcome| match outcome {
            Outcome::Trap(_) => Duration::ZERO,
            _ => busy,
        };
    }),
    ("cpu-of-timeouts-forgotten", |policy| {
        policy.cpu_used = |busy, _elapsed, outcome| match outcome {
            Outcome::Timeout => Duration::ZERO,
            _ => busy,
        };
    }),
    ("state-committed-at-failure", |policy| policy.commits = |_| true),
    ("migration-half-kept", |policy| policy.migration_commits = |_| true),
    ("quota-constant", |policy| policy.state.quota = |sum, _quota| sum <= QUOTA),
    ("quota-ignored", |policy| policy.state.quota = |_, _| true),
    ("state-committed-at-a-timeout", |policy| {
        policy.commits = |outcome| matches!(outcome, Outcome::Output(_) | Outcome::Timeout);
    }),
    ("state-committed-at-too-much-memory", |policy| {
        policy.commits = |outcome| matches!(outcome, Outcome::Output(_) | Outcome::MemoryExceeded);
    }),
    ("own-changes-unseen", |policy| policy.state.seen = |_, _| None),
    ("keys-listed-backwards", |policy| policy.state.order = |keys| keys.sort_unstable_by(|a, b| b.cmp(a))),
    ("replaced-values-count", |policy| policy.state.replaced = |_| 0),
    ("removed-values-count", |policy| policy.state.removed = |_| 0),
    ("quota-at-the-limit-refused", |policy| policy.state.quota = |sum, quota| sum < quota),
];

/// Every defect of the crate.
fn defects() -> impl Iterator<Item = &'static Defect> {
    [DEFECTS, border::DEFECTS, floods::DEFECTS, limits::DEFECTS, outside::DEFECTS, remains::DEFECTS]
        .into_iter()
        .flatten()
}

static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| defects().map(|(name, _)| *name).collect());

/// The names of all defects of this crate.
pub fn sabotages() -> &'static [&'static str] {
    &NAMES
}

impl Sandbox {
    /// A sandbox with the defect `id`, or none if there is no such defect here.
    pub fn sabotaged(settings: Settings, id: &str) -> Option<Result<Self, StartError>> {
        let (_, spoil) = defects().find(|(name, _)| *name == id)?;
        let mut policy = Policy::honest();
        spoil(&mut policy);
        Some(Self::with_policy(settings, policy))
    }
}

//! Deliberate defects for `cargo xtask prove`: each takes the place of one decision and leaves the
//! rest as it is. The list is conformance/proof/sabotages.toml, where `crate` is `sandbox`.

mod calls;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use calls::{InputReturned, PoisonedByTraps, ReusedInstance};

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

/// A name, and what it does to the honest decisions.
type Defect = (&'static str, fn(&mut Policy));

const DEFECTS: &[Defect] = &[
    ("input-not-passed", |policy| {
        policy.arguments = |context, _input| Arguments { context, input: b"null".to_vec() };
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
    ("deadline-cut-short", |policy| policy.deadline = |start, timeout| start + timeout / 100),
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
            Arguments { context, input }
        };
    }),
    ("instances-reused", |policy| {
        policy.places = |places| places.saturating_sub(calls::KEPT).max(1);
        policy.call = Arc::new(ReusedInstance::default());
    }),
    ("traps-poison-the-handler", |policy| policy.call = Arc::new(PoisonedByTraps::default())),
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
    ("state-committed-at-failure", |policy| policy.commits = |_| true),
    ("quota-constant", |policy| policy.quota = |sum, _quota| sum <= QUOTA),
    ("quota-ignored", |policy| policy.quota = |_, _| true),
    ("quota-at-the-limit-refused", |policy| policy.quota = |sum, quota| sum < quota),
];

static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| DEFECTS.iter().map(|(name, _)| *name).collect());

/// The names of all defects of this crate.
pub fn sabotages() -> &'static [&'static str] {
    &NAMES
}

impl Sandbox {
    /// A sandbox with the defect `id`, or none if there is no such defect here.
    pub fn sabotaged(settings: Settings, id: &str) -> Option<Result<Self, StartError>> {
        let (_, spoil) = DEFECTS.iter().find(|(name, _)| *name == id)?;
        let mut policy = Policy::honest();
        spoil(&mut policy);
        Some(Self::with_policy(settings, policy))
    }
}

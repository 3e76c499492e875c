//! The target `execute`: handlers in the sandbox against core.md 9 and sandbox.md.
//!
//! Half of them are behaviours of the fixtures with limits near to what they need, so that the contract tells every member of
//! the answer. The others are modules of wasm-smith, of which nobody knows what they do: their answers have to be some of the
//! contract's, within their limits, and the same a second time. Beside each, echoes run, whose answers must be right.

use std::time::{Duration, Instant};

use assay_fixtures::{Behaviour, Packaging, Recipe};
use assay_sandbox::{Execution, Job, Outcome, Prepared, Sandbox, Settings};
use sha2::{Digest as _, Sha256};
use tokio::runtime::{Builder, Runtime};

use crate::{
    finding::{Finding, Kind},
    source::Source,
    target::{Seed, Subject, Target},
};

mod generate;
mod job;
mod known;
mod rules;
mod script;
mod smith;

/// The target.
pub const EXECUTE: Target = Target {
    name: "execute",
    purpose: "handlers in the sandbox against core.md 9 and sandbox.md; wasm-smith's against their limits",
    subject,
    seeds,
    words: &[],
    planted: &[
        "traps-are-null",
        "input-not-passed",
        "input-returned-without-running",
        "failure-kinds-flattened",
        "deadline-unenforced",
        "timeouts-reported-as-traps",
        "output-limit-ignored",
        "output-at-the-limit-refused",
        "failure-message-unbounded",
        "answers-cut",
        "context-attributes-lost",
        "attribute-added",
        "attributes-kept",
        "instances-reused",
        "instances-kept-for-the-handler",
        "handle-called-twice",
        "traps-poison-the-handler",
        "outputs-share-a-buffer",
        "logs-share-a-buffer",
        "log-lines-dropped",
        "log-levels-flattened",
        "log-line-cut",
        "log-limit-ignored",
        "log-lines-shown-again",
        "logs-lost-at-a-trap",
        "log-lost-at-timeout",
        "memory-limit-off-by-one",
        "memory-limit-exclusive",
        "memory-limit-constant",
        "memory-limit-ignored",
        "memory-exceeded-is-a-trap",
        "memory-use-misreported",
        "memory-use-in-pages",
        "tables-not-counted",
        "declared-maximum-counted",
        "input-left-after-a-trap",
        "input-left-after-too-much-memory",
        "places-unchecked",
        "cases-unchecked",
        "text-unchecked",
        "start-ends-nothing",
        "trap-details-tell-of-the-host",
        "state-committed-at-failure",
        "state-committed-at-too-much-memory",
        "quota-ignored",
        "quota-at-the-limit-refused",
        "replaced-values-count",
        "removed-values-count",
        "key-bound-ignored",
        "keys-unbounded",
        "own-changes-unseen",
        "keys-listed-backwards",
    ],
    budget: 1_000,
    bare: None,
};

/// A module, and what it is run with.
struct Case {
    packaging: Packaging,
    module: Vec<u8>,
    job: Job,
    /// What the contract says about the answer, as far as anybody knows what the module does.
    known: Option<known::Known>,
}

/// A sandbox, and in it a handler that echoes, and one that tells its context.
struct Bench {
    sandbox: Sandbox,
    runtime: Runtime,
    echo: Prepared,
    teller: Prepared,
}

/// More executions at once than a defect keeps instances (32): a pool that is used up would be another defect.
const PLACES: u32 = 40;
/// The most memory of any handler here, in bytes.
const MEMORY: u64 = 4 << 20;
/// What an execution may take beyond ten times its limit: nothing of the contract, but no machine is as slow as that.
const PATIENCE: Duration = Duration::from_secs(10);

fn subject(defect: Option<&str>) -> Option<Subject> {
    let settings = Settings { max_memory_bytes: MEMORY, max_concurrent: PLACES, ..Settings::default() };
    let sandbox = match defect {
        None => Sandbox::new(settings),
        #[cfg(feature = "sabotage")]
        Some(id) => Sandbox::sabotaged(settings, id)?,
        #[cfg(not(feature = "sabotage"))]
        Some(_) => return None,
    };
    let (sandbox, runtime) = (sandbox.ok()?, Builder::new_current_thread().enable_time().build().ok()?);
    let prepare = |behaviour| {
        let module = Recipe::new("com.example.fuzz", behaviour).build().module;
        runtime.block_on(sandbox.prepare(assay_sandbox::Abi::Core, digest(&module), &module)).ok()
    };
    let (echo, teller) = (prepare(Behaviour::Echo)?, prepare(Behaviour::Context)?);
    let bench = Bench { sandbox, runtime, echo, teller };
    Some(Subject::new(move |bytes| judge(bytes, &bench)))
}

fn digest(module: &[u8]) -> [u8; 32] {
    Sha256::digest(module).into()
}

fn judge(bytes: &[u8], bench: &Bench) -> Result<String, Finding> {
    let Case { packaging, module, job, known } = generate::case(&mut Source::new(bytes));
    let abi = match packaging {
        Packaging::Core => assay_sandbox::Abi::Core,
        Packaging::Component => assay_sandbox::Abi::Component,
    };
    bench.runtime.block_on(async {
        let prepared = bench.sandbox.prepare(abi, digest(&module), &module).await;
        let handler = prepared.map_err(|fault| Finding::new(Kind::Refused, format!("{packaging:?}: {fault}")))?;
        let beside = [job::echo("\"left\""), job::echo("\"right\"")];
        let started = Instant::now();
        let (first, left, right) = tokio::join!(
            bench.sandbox.execute(&handler, job.clone()),
            bench.sandbox.execute(&bench.echo, beside[0].clone()),
            bench.sandbox.execute(&bench.echo, beside[1].clone()),
        );
        if started.elapsed() > job.limits.timeout * 10 + PATIENCE {
            return Err(Finding::new(Kind::Unbounded, format!("{:?} took {:?}", job.limits, started.elapsed())));
        }
        for (job, execution) in beside.iter().zip([left, right]) {
            known::Known::echo(job).compare(&execution, "an echo beside it")?;
        }
        rules::judge(&job, &first)?;
        if let Some(known) = &known {
            known.compare(&first, "the first time")?;
        }
        if first.outcome != Outcome::Timeout {
            let second = bench.sandbox.execute(&handler, job.clone()).await;
            match &known {
                Some(known) => known.compare(&second, "the second time")?,
                None => same(&first, &second)?,
            }
        }
        let after = bench.sandbox.execute(&bench.teller, beside[0].clone()).await;
        let context = known::End::Output(generate::told(&beside[0].context));
        known::Known::new(&beside[0], context).compare(&after, "the next one")?;
        Ok(seen(packaging, &first, known.is_some()))
    })
}

/// sandbox.md 6: nothing of an execution is left for the next one, so the next one is answered the same.
fn same(first: &Execution, second: &Execution) -> Result<(), Finding> {
    let comparable = |execution: &Execution| {
        let Execution { outcome, logs, logs_truncated, usage, state_changes } = execution.clone();
        (outcome, logs, logs_truncated, usage.memory_bytes, state_changes)
    };
    // How far it comes until its time is over is left open.
    if second.outcome == Outcome::Timeout || comparable(first) == comparable(second) {
        return Ok(());
    }
    Err(Finding::new(Kind::Differs, format!("first {first:?}, then {second:?}")))
}

fn seen(packaging: Packaging, execution: &Execution, known: bool) -> String {
    let outcome = match &execution.outcome {
        Outcome::Output(_) => "an output is accepted".to_owned(),
        Outcome::Failure { kind, .. } => format!("failure {}", kind.as_str()),
        Outcome::Trap(words) => format!("trap {words}"),
        other => format!("{other:?}"),
    };
    let logs = if execution.logs_truncated { "cut" } else { "whole" };
    format!("{packaging:?} {known} {outcome}, log {logs}, state {}", execution.state_changes.is_some())
}

fn seeds() -> Vec<Seed> {
    // Every byte is a choice here: the seeds are the first choices of each kind.
    (0..16_u8).map(|kind| Seed { name: format!("choices-{kind}"), bytes: vec![kind, 1, 0, 1, 2, 0, 1, 1] }).collect()
}

//! Executions (core.md, 9.4 to 9.13).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use assay_package::{Code, Limits, Moment};
use assay_sandbox::{Context, Execution, Job, Outcome, Prepared, StateSnapshot};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;

use super::{detail, install, json as answer};
use crate::app::{App, Call};
use crate::body::RequestBody;
use crate::input::Question;
use crate::installations::{Installed, StateCell, Values};
use crate::output;
use crate::policy::StateChanges;
use crate::problem::{Answer, Problem};
use crate::request::read_bytes;

/// The committed values, for whoever has the turn.
type Turn = OwnedMutexGuard<Option<Values>>;

/// `POST /handlers/{id}/executions`
pub async fn execute(call: &Call, body: &mut RequestBody) -> Answer {
    let (app, id) = (&call.app, call.handler()?);
    let body = read_bytes(body, &app.offer.bounds, &*app.policy).await?;
    let installed = install::installed(app, &id)?;
    admit(app, &installed)?;
    let question = Question::parse(&body, &app.offer.bounds, &*app.policy)?;
    question.judge(&installed.running.input, &*app.policy)?;
    let prepared = compiled(app, &installed).await?;
    let mut turn = match installed.running.manifest.permissions.state {
        Some(_) => Some(take_turn(app, &installed).await?),
        None => None,
    };
    let _place = app.executions.clone().try_acquire_owned().map_err(|_| overloaded())?;
    // What was admitted when the request came may be revoked by now.
    admit(app, &installed)?;
    let context = context(call, &installed, question.attributes);
    let execution = context.execution.clone();
    let job = Job {
        context,
        input: question.text,
        limits: limits(&installed.running.manifest.limits),
        state: turn.as_ref().map(|turn| snapshot(app, &installed, turn)),
    };
    let Execution { outcome, logs, logs_truncated, usage, state_changes } = app.sandbox.execute(&prepared, job).await;
    let result = judge(app, &installed, outcome)?;
    let kept = !matches!(result, Ended::OutputRejected { .. });
    // The sandbox hands over changes only of an execution that returned an output; here only the output is judged.
    if let (true, Some(turn), Some(changes)) = (kept, turn.take(), state_changes) {
        commit(app, &installed, turn, app.policy.committed_changes(changes)).await?;
    }
    let release = &installed.release;
    answer(
        StatusCode::OK,
        &Answered {
            execution: &execution,
            handler: release.handler.as_str(),
            version: release.version.as_str(),
            package: release.package.to_string(),
            result,
            logs: logs.iter().map(|line| json!({ "level": line.level.as_str(), "message": line.message })).collect(),
            logs_truncated,
            usage: json!({ "cpu_us": usage.cpu_us, "memory_bytes": usage.memory_bytes }),
        },
    )
}

/// The answer (9.6).
#[derive(Serialize)]
struct Answered<'a> {
    execution: &'a str,
    handler: &'a str,
    version: &'a str,
    package: String,
    #[serde(flatten)]
    result: Ended,
    logs: Vec<Value>,
    logs_truncated: bool,
    usage: Value,
}

/// How an execution ended, with what belongs to it.
#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
enum Ended {
    Success { output: Box<RawValue> },
    Failure { failure: Value },
    Timeout { detail: String },
    MemoryExceeded { detail: String },
    Trap { detail: String },
    OutputRejected { detail: String },
}

/// The gates at an execution: asked again when trust, revocations or time have moved since the last verdict.
fn admit(app: &App, installed: &Installed) -> Result<(), Problem> {
    let generation = app.registry.generation();
    if installed.running.is_admitted(generation, app.clock.now()) {
        return Ok(());
    }
    let release = &installed.release;
    // As it is stored now: it may have been signed again since it was installed.
    let stored = app.registry.catalogue().release(&release.handler, &release.version).cloned();
    let stored = stored.ok_or_else(|| detail::unknown_release(&release.handler, &release.version))?;
    let verdict = install::judge(app, Moment::Execute, &stored, None)?;
    installed.running.admit(generation, verdict);
    Ok(())
}

/// The compiled module. After a restart whoever comes first compiles it, and the others wait for that.
async fn compiled(app: &Arc<App>, installed: &Installed) -> Result<Prepared, Problem> {
    let make = || install::prepare(app, &installed.release);
    installed.running.prepared.get_or_try_init(make).await.cloned()
}

/// Waits for the handler's turn and makes sure that its state is read.
async fn take_turn(app: &Arc<App>, installed: &Installed) -> Result<Turn, Problem> {
    let owner = app.policy.state_owner(installed.release.handler.as_str());
    let StateCell { turn, queue } = &*app.installations.state(&owner, app.executions_at_most());
    let _waiting = queue.clone().try_acquire_owned().map_err(|_| overloaded())?;
    let mut turn = turn.clone().lock_owned().await;
    if turn.is_none() {
        *turn = Some(app.blocking(move |app| Ok(app.store.state(&owner)?)).await?);
    }
    Ok(turn)
}

fn overloaded() -> Problem {
    Problem::refused(Code::Overloaded, "as many executions are under way as the runtime allows")
}

fn context(call: &Call, installed: &Installed, attributes: BTreeMap<String, String>) -> Context {
    let policy = &call.app.policy;
    Context {
        execution: policy.execution_id(),
        handler: installed.release.handler.to_string(),
        version: installed.release.version.to_string(),
        caller: policy.told_caller(call.role).name().to_owned(),
        admitted_at_ms: u64::try_from(call.app.clock.now().as_millisecond()).unwrap_or_default(),
        attributes,
    }
}

fn limits(limits: &Limits) -> assay_sandbox::Limits {
    assay_sandbox::Limits {
        memory_bytes: limits.memory_bytes,
        timeout: Duration::from_millis(limits.timeout_ms),
        log_bytes: limits.log_bytes,
        output_bytes: limits.output_bytes,
    }
}

fn snapshot(app: &App, installed: &Installed, turn: &Turn) -> StateSnapshot {
    let permission = installed.running.manifest.permissions.state;
    StateSnapshot {
        values: turn.as_ref().cloned().unwrap_or_default(),
        max_bytes: permission.map_or(0, |state| state.max_bytes),
        max_key_bytes: usize::try_from(app.offer.bounds.state_key_bytes).unwrap_or(usize::MAX),
    }
}

/// What the outcome of the sandbox is called in the answer; an output is judged first.
fn judge(app: &App, installed: &Installed, outcome: Outcome) -> Result<Ended, Problem> {
    let limits = &installed.running.manifest.limits;
    Ok(match outcome {
        Outcome::Output(bytes) => match output::judge(bytes, &installed.running.output, &*app.policy) {
            Ok(text) => {
                let output = RawValue::from_string(text).map_err(|error| Problem::Failed(error.into()))?;
                Ended::Success { output }
            }
            Err(detail) => Ended::OutputRejected { detail },
        },
        Outcome::Failure { kind, message } => {
            Ended::Failure { failure: json!({ "kind": kind.as_str(), "message": message }) }
        }
        Outcome::Timeout => Ended::Timeout { detail: format!("it ran past its limit of {} ms", limits.timeout_ms) },
        Outcome::MemoryExceeded => Ended::MemoryExceeded {
            detail: format!("it asked for more memory than its limit of {} bytes", limits.memory_bytes),
        },
        Outcome::Trap(detail) => Ended::Trap { detail },
        Outcome::OutputTooLarge => Ended::OutputRejected {
            detail: format!("the output is larger than its limit of {} bytes", limits.output_bytes),
        },
    })
}

/// Makes the changes durable, then shows them to whoever has the turn next. Once begun it is carried through, also if
/// the caller goes away. Where the installation is gone, its state is gone as well and nothing is kept.
async fn commit(
    app: &Arc<App>,
    installed: &Arc<Installed>,
    mut turn: Turn,
    changes: StateChanges,
) -> Result<(), Problem> {
    if changes.is_empty() {
        return Ok(());
    }
    let installed = installed.clone();
    app.blocking(move |app| {
        let owner = app.policy.state_owner(installed.release.handler.as_str());
        let committed = app.store.write().commit_state(installed.number, &owner, &changes);
        let Some(values) = turn.as_mut() else {
            return Ok(());
        };
        match committed {
            Ok(true) => {
                for (key, value) in changes {
                    match value {
                        Some(value) => values.insert(key, value),
                        None => values.remove(&key),
                    };
                }
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => {
                // Whether it is on the disk is not known: whoever comes next reads it again.
                *turn = None;
                Err(error.into())
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_an_outcome_is_answered_with_it() {
        let success = Ended::Success { output: RawValue::from_string("1.0e2".to_owned()).unwrap() };
        assert_eq!(serde_json::to_string(&success).unwrap(), r#"{"outcome":"success","output":1.0e2}"#);
        let ended = Ended::MemoryExceeded { detail: "d".to_owned() };
        assert_eq!(serde_json::to_string(&ended).unwrap(), r#"{"outcome":"memory-exceeded","detail":"d"}"#);
    }
}

//! Executions (core.md, 9.4 to 9.13).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use assay_package::{Code, HandlerId, Limits, Moment};
use assay_sandbox::{Context, Execution, Job, Outcome, Prepared, StateSnapshot};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::{detail, install, json as answer};
use crate::app::{App, Call};
use crate::body::RequestBody;
use crate::catalogue::Release;
use crate::input::Question;
use crate::installations::{Installed, Running, Turn};
use crate::output;
use crate::policy::StateChanges;
use crate::problem::{Answer, Problem};
use crate::request::read_bytes;

/// How often an execution begins again because another version was installed while it waited.
const BEGINNINGS: usize = 8;

/// `POST /handlers/{id}/executions`
pub async fn execute(call: &Call, body: &mut RequestBody) -> Answer {
    let (app, id) = (&call.app, call.handler()?);
    let body = read_bytes(body, &app.offer.bounds, &*app.policy).await?;
    for _ in 0..BEGINNINGS {
        if let Some(ready) = make_ready(app, &id, &body).await? {
            return run(call, ready).await;
        }
    }
    Err(overloaded())
}

/// An execution that may start.
struct Ready {
    installed: Arc<Installed>,
    running: Arc<Running>,
    question: Question,
    prepared: Prepared,
    /// Held if the handler uses state.
    turn: Option<Turn>,
    /// Its place among those under way.
    _place: OwnedSemaphorePermit,
}

/// Does and waits for everything that comes before the start; none if what is installed has changed meanwhile.
async fn make_ready(app: &Arc<App>, id: &HandlerId, body: &[u8]) -> Result<Option<Ready>, Problem> {
    let installed = install::installed(app, id)?;
    let running = runnable(&installed)?;
    admit(app, &installed, &running)?;
    let question = Question::parse(body, &app.offer.bounds, &*app.policy)?;
    let question = judge_input(app, &running, question).await?;
    let prepared = compiled(app, &installed, &running).await?;
    let turn = match running.manifest.permissions.state {
        Some(_) => Some(take_turn(app, &installed).await?),
        None => None,
    };
    let place = app.executions.clone().try_acquire_owned().map_err(|_| overloaded())?;
    // What was admitted and installed when the request came may be revoked, uninstalled or upgraded by now. From here on
    // an execution with the turn keeps what is installed from changing.
    if !Arc::ptr_eq(&installed, &install::installed(app, id)?) {
        return Ok(None);
    }
    admit(app, &installed, &running)?;
    Ok(Some(Ready { installed, running, question, prepared, turn, _place: place }))
}

/// Executes and commits.
async fn run(call: &Call, ready: Ready) -> Answer {
    let app = &call.app;
    let Ready { installed, running, question, prepared, mut turn, _place } = ready;
    let context = context(call, &installed, question.attributes);
    let execution = context.execution.clone();
    let job = Job {
        context,
        input: question.text,
        limits: limits(&running.manifest.limits),
        state: turn.as_ref().map(|turn| snapshot(app, &running, turn)),
    };
    let Execution { outcome, logs, logs_truncated, usage, state_changes } = app.sandbox.execute(&prepared, job).await;
    let result = judge(app, &running, outcome).await?;
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

/// What runs for an installation.
fn runnable(installed: &Installed) -> Result<Arc<Running>, Problem> {
    let Release { handler, version, .. } = &*installed.release;
    let failed = || Problem::Failed(anyhow::anyhow!("{handler} {version} could not be made ready at the start"));
    installed.running.clone().ok_or_else(failed)
}

/// The gates at an execution: asked again when trust, revocations or time have moved since the last verdict.
fn admit(app: &App, installed: &Installed, running: &Running) -> Result<(), Problem> {
    let generation = app.registry.generation();
    if running.is_admitted(generation, app.clock.now()) {
        return Ok(());
    }
    let release = &installed.release;
    // As it is stored now: it may have been signed again since it was installed.
    let stored = app.registry.catalogue().release(&release.handler, &release.version).cloned();
    let stored = stored.ok_or_else(|| detail::unknown_release(&release.handler, &release.version))?;
    let verdict = install::judge(app, Moment::Execute, &stored, None)?;
    running.admit(generation, verdict);
    Ok(())
}

/// Judges the input by the handler's schema.
async fn judge_input(app: &Arc<App>, running: &Arc<Running>, question: Question) -> Result<Question, Problem> {
    let (by, bytes) = (running.clone(), question.text.len());
    let judge = move |app: &App| {
        question.judge(&by.input, &*app.policy)?;
        Ok(question)
    };
    app.judging.judge(app, &running.input, bytes, judge).await
}

/// The compiled module. After a restart whoever comes first compiles it, and the others wait for that.
async fn compiled(app: &Arc<App>, installed: &Installed, running: &Running) -> Result<Prepared, Problem> {
    let make = || install::prepare(app, &installed.release);
    running.prepared.get_or_try_init(make).await.cloned()
}

/// Waits for the handler's turn and makes sure that its state is read.
async fn take_turn(app: &Arc<App>, installed: &Installed) -> Result<Turn, Problem> {
    let owner = app.policy.state_owner(installed.release.handler.as_str());
    let cell = app.installations.state(&owner, app.executions_at_most());
    let _waiting = cell.queue.clone().try_acquire_owned().map_err(|_| overloaded())?;
    let mut turn = cell.turn().await;
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

fn snapshot(app: &App, running: &Running, turn: &Turn) -> StateSnapshot {
    let permission = running.manifest.permissions.state;
    StateSnapshot {
        values: turn.as_ref().cloned().unwrap_or_default(),
        max_bytes: permission.map_or(0, |state| state.max_bytes),
        max_key_bytes: usize::try_from(app.offer.bounds.state_key_bytes).unwrap_or(usize::MAX),
    }
}

/// What the outcome of the sandbox is called in the answer; an output is judged first.
async fn judge(app: &Arc<App>, running: &Arc<Running>, outcome: Outcome) -> Result<Ended, Problem> {
    let limits = &running.manifest.limits;
    Ok(match outcome {
        Outcome::Output(bytes) => {
            let (by, size) = (running.clone(), bytes.len());
            let judge = move |app: &App| Ok(output::judge(bytes, &by.output, &*app.policy));
            match app.judging.judge(app, &running.output, size, judge).await? {
                Ok(text) => {
                    let output = RawValue::from_string(text).map_err(|error| Problem::Failed(error.into()))?;
                    Ended::Success { output }
                }
                Err(detail) => Ended::OutputRejected { detail },
            }
        }
        Outcome::Failure { kind, message } => {
            Ended::Failure { failure: json!({ "kind": kind.as_str(), "message": message }) }
        }
        Outcome::Timeout => Ended::Timeout { detail: format!("it ran past its limit of {} ms", limits.timeout_ms) },
        Outcome::MemoryExceeded => Ended::MemoryExceeded {
            detail: format!("it asked for more memory than its limit of {} bytes", limits.memory_bytes),
        },
        Outcome::Trap(detail) => Ended::Trap { detail },
        Outcome::OutputTooLarge => Ended::OutputRejected {
            detail: format!("the output or the message is larger than its limit of {} bytes", limits.output_bytes),
        },
    })
}

/// Makes the changes durable, then shows them to whoever has the turn next. Once begun it is carried through, also if
/// the caller goes away. What is installed does not change while somebody has the turn; should the installation be gone
/// all the same, nothing was kept, and that is no success.
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
        if !matches!(committed, Ok(true)) {
            // What is on the disk is not known: whoever comes next reads it again.
            *turn = None;
        }
        if !committed? {
            return Err(install::not_installed(&installed.release.handler));
        }
        if let Some(values) = turn.as_mut() {
            for (key, value) in changes {
                match value {
                    Some(value) => values.insert(key, value),
                    None => values.remove(&key),
                };
            }
        }
        Ok(())
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

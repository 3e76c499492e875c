//! Executions (core.md, 9.4 to 9.13).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use assay_package::{Code, HandlerId, Limits, Manifest, Moment};
use assay_sandbox::{Context, Execution, Job, Prepared, StateSnapshot};
use axum::body::Bytes;
use serde_json::json;
use serde_json::value::RawValue;

use super::answered::{Answered, Ended, Failure, Lines, Said, redact};
use super::{detail, install, record};
use crate::accounts::Used;
use crate::app::{App, Call};
use crate::body::RequestBody;
use crate::catalogue::Release;
use crate::input::Question;
use crate::installations::{Installed, Running, Turn, Values};
use crate::output;
use crate::policy::{KeptAnswer, Place, StateChanges};
use crate::problem::{Answer, Problem};
use crate::records::Record;
use crate::redaction::{Redactor, Secrets};
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
    place: Place,
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
    let place = app.policy.take_place(&app.executions)?;
    // What was admitted and installed when the request came may be revoked, uninstalled or upgraded by now. From here on
    // an execution with the turn keeps what is installed from changing.
    if !Arc::ptr_eq(&installed, &install::installed(app, id)?) {
        return Ok(None);
    }
    admit(app, &installed, &running)?;
    Ok(Some(Ready { installed, running, question, prepared, turn, place }))
}

/// Executes and commits.
async fn run(call: &Call, ready: Ready) -> Answer {
    let app = &call.app;
    let Ready { installed, running, question, prepared, mut turn, place } = ready;
    let context = context(call, &installed, question.attributes);
    let execution = context.execution.clone();
    // A credential may be replaced while the handler runs: both values are kept out of its words.
    let hidden = credentials(app, &running);
    let job = Job {
        context,
        input: question.text,
        limits: limits(&running.manifest.limits),
        state: turn.as_ref().map(|turn| snapshot(app, &running.manifest, turn.as_ref().cloned().unwrap_or_default())),
        egress: app.outside.of(&execution, &running.manifest),
    };
    let Execution { outcome, logs, logs_truncated, usage, state_changes } = app.sandbox.execute(&prepared, job).await;
    app.outside.settled(&execution).await;
    let (result, told) = judge(app, &running, outcome).await?;
    let kept = app.policy.keeps_changes(matches!(result, Ended::OutputRejected { .. }));
    // The sandbox hands over changes only of an execution that returned an output; here only the output is judged.
    if let (true, Some(turn), Some(changes)) = (kept, turn.take(), state_changes) {
        commit(app, &installed, turn, app.policy.committed_changes(changes)).await?;
    }
    app.policy.give_back(place);
    let hidden = hidden.into_iter().chain(credentials(app, &running));
    let secrets = question.secrets.into_iter().chain(told).chain(hidden).chain(call.secrets()).collect();
    let Said { result, logs } = redact(app, Redactor::new(&secrets), Said { result, logs }).await?;
    let release = &installed.release;
    let answered = Answered {
        execution: &execution,
        handler: release.handler.as_str(),
        version: release.version.as_str(),
        package: release.package.to_string(),
        result,
        logs: Lines(&logs),
        logs_truncated,
        usage: json!({ "cpu_us": usage.cpu_us, "memory_bytes": usage.memory_bytes }),
    };
    let body = Bytes::from(serde_json::to_vec(&answered).map_err(|error| Problem::Failed(error.into()))?);
    let used = Used {
        handler: &release.handler,
        version: &release.version,
        outcome: answered.result.outcome(),
        cpu_us: usage.cpu_us,
        memory_bytes: usage.memory_bytes,
    };
    // Before the answer: whoever has it finds it in the account and among the records.
    installed.account.charge(&used, &*app.policy);
    let kept =
        KeptAnswer { whole: &body, abridged: &|| serde_json::to_vec(&answered.abridged()).map(Bytes::from).ok() };
    if let Some(kept) = app.policy.kept_answer(&kept, &app.offer.bounds) {
        let record =
            Record { handler: release.handler.clone(), execution: execution.clone(), role: call.role, body: kept };
        app.records.keep(installed.account.number, record);
    }
    Ok(record::response(body))
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
    let mut question = question;
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
    let cell = app.installations.state(&app.policy.turns_of(&owner), app.executions_at_most());
    let _waiting = cell.queue.clone().try_acquire_owned().map_err(|_| overloaded())?;
    let mut turn = cell.turn().await;
    if turn.is_none() {
        *turn = Some(app.blocking(move |app| Ok(app.store.state(&owner)?)).await?);
    }
    Ok(turn)
}

/// Too many executions are under way.
pub fn overloaded() -> Problem {
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

/// The limits of a manifest, for the sandbox.
pub fn limits(limits: &Limits) -> assay_sandbox::Limits {
    assay_sandbox::Limits {
        memory_bytes: limits.memory_bytes,
        timeout: Duration::from_millis(limits.timeout_ms),
        log_bytes: limits.log_bytes,
        output_bytes: limits.output_bytes,
    }
}

/// The committed values with the rules of a manifest.
pub fn snapshot(app: &App, manifest: &Manifest, values: Values) -> StateSnapshot {
    let permission = manifest.permissions.state;
    StateSnapshot {
        values,
        max_bytes: permission.map_or(0, |state| state.max_bytes),
        max_key_bytes: app.offer.bounds.state_key_bytes,
        max_keys: app.offer.bounds.state_keys,
    }
}

/// The credentials that a response to the handler may tell of, as of now.
pub fn credentials(app: &App, running: &Running) -> Secrets {
    match running.manifest.permissions.egress {
        Some(_) => app.outside.sensitive(&running.manifest.id),
        None => Secrets::new(),
    }
}

/// What the outcome of the sandbox is called in the answer, and what of the output must not be seen elsewhere; an output
/// is judged first.
async fn judge(
    app: &Arc<App>,
    running: &Arc<Running>,
    outcome: assay_sandbox::Outcome,
) -> Result<(Ended, Secrets), Problem> {
    let limits = &running.manifest.limits;
    let mut secrets = Secrets::new();
    let ended = match outcome {
        assay_sandbox::Outcome::Output(bytes) => {
            let (by, size) = (running.clone(), bytes.len());
            let judge = move |app: &App| Ok(output::judge(bytes, &by.output, &*app.policy));
            let (judged, found) = app.judging.judge(app, &running.output, size, judge).await?;
            secrets = found;
            match judged {
                Ok(text) => {
                    let output = RawValue::from_string(text).map_err(|error| Problem::Failed(error.into()))?;
                    Ended::Success { output }
                }
                Err(detail) => Ended::OutputRejected { detail },
            }
        }
        other => without_output(other, limits).unwrap_or_else(Ended::nothing),
    };
    Ok((ended, secrets))
}

/// What an outcome without an output is called; none if there is one.
pub fn without_output(outcome: assay_sandbox::Outcome, limits: &Limits) -> Option<Ended> {
    Some(match outcome {
        assay_sandbox::Outcome::Output(_) => return None,
        assay_sandbox::Outcome::Failure { kind, message } => {
            Ended::Failure { failure: Failure { kind: kind.as_str(), message } }
        }
        assay_sandbox::Outcome::Timeout => {
            Ended::Timeout { detail: format!("it ran past its limit of {} ms", limits.timeout_ms) }
        }
        assay_sandbox::Outcome::MemoryExceeded => Ended::MemoryExceeded {
            detail: format!("it asked for more memory than its limit of {} bytes", limits.memory_bytes),
        },
        assay_sandbox::Outcome::Trap(detail) => Ended::Trap { detail },
        assay_sandbox::Outcome::OutputTooLarge => Ended::OutputRejected {
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
        let now = app.installations.get(&installed.release.handler);
        let number = app.policy.commits_to(&installed, now.as_deref());
        let committed = app.store.write().commit_state(number, &owner, &changes);
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

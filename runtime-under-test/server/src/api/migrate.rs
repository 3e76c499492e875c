//! The migration of a handler's state at an upgrade (core.md, 9.30 to 9.36).

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_package::{Code, Manifest, Refusal};
use assay_sandbox::{Context, Execution, Job, Prepared, StateSnapshot};
use axum::response::Response;
use serde_json::{Value, json};

use super::answered::{Ended, Failure, Lines, Said, redact};
use super::execute;
use crate::accounts::Used;
use crate::app::{App, Call};
use crate::catalogue::Release;
use crate::installations::{Installed, Running};
use crate::policy::StateChanges;
use crate::problem::{self, Problem};
use crate::redaction::Redactor;

/// What became of a migration.
pub struct Migrated {
    /// Why the upgrade is refused, if it is.
    pub failed: Option<Refusal>,
    /// What is answered of it.
    pub report: Option<Value>,
    /// What it changed. Only of one that succeeded the sandbox says so.
    pub changes: Option<StateChanges>,
}

/// Runs `migrate` of a release once, over the state that the installed version left. Nothing is committed here. Whoever calls
/// holds the turn; if the caller of the upgrade goes away, the migration ends and nothing has happened.
///
/// # Errors
/// `overloaded`; if the store fails.
pub async fn migrate(
    call: &Call,
    before: &Installed,
    release: &Release,
    running: &Running,
    prepared: &Prepared,
) -> Result<Migrated, Problem> {
    let (app, migrations) = (&call.app, &call.app.migrations);
    let place = migrations.take_place(&*app.policy, &app.executions)?;
    let replaced = before.running.as_ref().map(|running| &running.manifest);
    let manifest = migrations.manifest(replaced, &running.manifest);
    let told = migrations.own(&before.release.version, &release.version).to_string();
    let context = context(call, release, told);
    let execution = context.execution.clone();
    let hidden = execute::credentials(app, running);
    let from = migrations.from(&before.release.version, &release.version);
    let job = Job {
        context,
        input: from.as_str().as_bytes().to_vec(),
        limits: migrations.limits(execute::limits(&manifest.limits)),
        state: state(app, &running.manifest, manifest).await?,
        egress: app.outside.of_migration(&execution, &running.manifest, &**migrations),
    };
    let Execution { outcome, logs, logs_truncated, usage, state_changes } = app.sandbox.migrate(prepared, job).await;
    app.outside.settled(&execution).await;
    app.policy.give_back(place);
    let secrets = hidden.into_iter().chain(execute::credentials(app, running)).chain(call.secrets()).collect();
    let redactor = Redactor::new(&migrations.sensitive(secrets));
    let result = execute::without_output(outcome, &manifest.limits).unwrap_or_else(Ended::nothing);
    let Said { result, logs } = redact(app, redactor, Said { result, logs }).await?;
    let outcome = result.outcome();
    if migrations.is_charged() {
        let (handler, version) = (&release.handler, &release.version);
        let (cpu_us, memory_bytes) = (usage.cpu_us, usage.memory_bytes);
        before.account.charge(&Used { handler, version, outcome, cpu_us, memory_bytes }, &*app.policy);
    }
    let report = json!({
        "execution": execution,
        "from": before.release.version.as_str(),
        "logs": Lines(&logs),
        "logs_truncated": logs_truncated,
        "usage": { "cpu_us": usage.cpu_us, "memory_bytes": usage.memory_bytes },
    });
    let failed = words(&result).map(|words| {
        let name = migrations.outcome(outcome);
        Refusal::new(Code::MigrationFailed, format!("{name}: {}", app.policy.quote(words))).named(name)
    });
    Ok(Migrated { failed, report: migrations.report(report), changes: state_changes })
}

/// The refusal of an upgrade, with what its migration wrote.
pub fn refused(refusal: &Refusal, report: Option<Value>) -> Response {
    let mut members = problem::members(refusal);
    if let Some(report) = report {
        members.insert("migration".to_owned(), report);
    }
    problem::response(refusal.code, "application/problem+json", &members)
}

/// Why a migration failed, in its own words or in ours; none if it succeeded.
fn words(ended: &Ended) -> Option<&str> {
    match ended {
        Ended::Success { .. } => None,
        Ended::Failure { failure: Failure { message, .. } } => Some(message),
        ended => ended.detail(),
    }
}

fn context(call: &Call, release: &Release, version: String) -> Context {
    let policy = &call.app.policy;
    Context {
        execution: policy.execution_id(),
        handler: release.handler.to_string(),
        version,
        caller: policy.told_caller(call.role).name().to_owned(),
        admitted_at_ms: u64::try_from(call.app.clock.now().as_millisecond()).unwrap_or_default(),
        attributes: BTreeMap::new(),
    }
}

/// The state as it is on the disk, for a release that uses it.
async fn state(app: &Arc<App>, uses: &Manifest, limits: &Manifest) -> Result<Option<StateSnapshot>, Problem> {
    if uses.permissions.state.is_none() {
        return Ok(None);
    }
    let owner = app.policy.state_owner(uses.id.as_str());
    let values = app.blocking(move |app| Ok(app.store.state(&owner)?)).await?;
    Ok(Some(app.migrations.state(execute::snapshot(app, limits, values))))
}

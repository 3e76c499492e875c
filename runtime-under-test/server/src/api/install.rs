//! Install, upgrade, show, uninstall (core.md, 9.1 to 9.3).

use std::sync::Arc;

use anyhow::Context as _;
use assay_package::{Abi, Code, HandlerId, Moment, Refusal, Version};
use assay_sandbox::{PrepareError, Prepared};
use axum::http::StatusCode;
use serde_json::Value;

use super::installed::{acknowledgement, upgraded};
use super::migrate::{Migrated, migrate, refused};
use super::{detail, no_content};
use crate::app::{App, Call};
use crate::body::RequestBody;
use crate::catalogue::Release;
use crate::installations::{Installed, Running, TurnToChange};
use crate::policy::StateChanges;
use crate::problem::{Answer, Problem};
use crate::request::Members;
use crate::retries::{self, Retry};

/// `POST /handlers/{id}/install`
pub async fn install(call: &Call, body: &mut RequestBody) -> Answer {
    let (app, id) = (&call.app, call.handler()?);
    let (bytes, retry) = retries::read(call, body).await?;
    retries::answer(app, retry, async |retry| {
        let release = stored(app, &id, &version(app, &bytes)?)?;
        if let Some(installed) = app.installations.get(&id) {
            app.policy.install_again(&installed)?;
        }
        judge(app, Moment::Install, &release, None)?;
        let (_, running) = make_ready(app, &release).await?;
        app.blocking(move |app| install_ready(app, release, running, retry.as_ref())).await
    })
    .await
}

fn install_ready(app: &App, release: Arc<Release>, running: Arc<Running>, retry: Option<&Retry>) -> Answer {
    let id = &release.handler;
    let mut writer = app.store.write();
    let (answer, installed) = retries::once(app, &mut writer, retry, |writer| {
        // Both may have changed while the module was compiled.
        let before = app.installations.get(id);
        if let Some(installed) = &before {
            app.policy.install_again(installed)?;
        }
        judge(app, Moment::Install, &release, None)?;
        let installed_at = app.clock.now();
        let (number, account) = match before {
            None => (writer.install(id, &release.version, installed_at)?, app.open_account(installed_at)),
            Some(before) => {
                writer.upgrade(before.number, &release.version, installed_at, id.as_str(), &StateChanges::new())?;
                (before.number, before.account.clone())
            }
        };
        let release = release.clone();
        let installed = Installed { number, release, installed_at, running: Some(running), account };
        Ok((acknowledgement(StatusCode::CREATED, &installed)?, installed))
    })?;
    if let Some(installed) = installed {
        app.installations.put(installed);
    }
    answer.into_response()
}

/// `POST /handlers/{id}/upgrade`
pub async fn upgrade(call: &Call, body: &mut RequestBody) -> Answer {
    let (app, id) = (&call.app, call.handler()?);
    let (bytes, retry) = retries::read(call, body).await?;
    retries::answer(app, retry, async |retry| {
        let version = version(app, &bytes)?;
        let asked = installed(app, &id)?;
        let release = stored(app, &id, &version)?;
        judge(app, Moment::Upgrade, &release, Some(&asked))?;
        replace(call, asked, release, retry).await
    })
    .await
}

async fn replace(call: &Call, asked: Arc<Installed>, release: Arc<Release>, retry: Option<Retry>) -> Answer {
    let (app, id) = (&call.app, &release.handler);
    let (prepared, running) = make_ready(app, &release).await?;
    let turn = turn_to_change(app, id).await;
    // Somebody else may have had the turn before. From here on nobody but this upgrade changes what is installed.
    let before = app.migrations.replaced(asked, installed(app, id)?);
    if !app.migrations.migrates(prepared.migrates()) {
        let changes = StateChanges::new();
        return switch(app, Switch { before, release, running, turn, changes, report: None, retry }).await;
    }
    judge(app, Moment::Upgrade, &release, Some(&before))?;
    let turn = app.migrations.held(turn);
    let migrated = migrate(call, &before, &release, &running, &prepared).await?;
    let turn = match turn {
        Some(turn) => turn,
        None => turn_to_change(app, id).await,
    };
    let Migrated { failed, report, changes } = migrated;
    if let Some(Err(refusal)) = failed.map(|refusal| app.migrations.failed(refusal)) {
        let changes = app.migrations.kept_of_a_failure(changes);
        change(app, before, turn, changes).await?;
        return Ok(refused(&refusal, report));
    }
    let changes = changes.unwrap_or_default();
    switch(app, Switch { before, release, running, turn, changes, report, retry }).await
}

/// An upgrade whose turn has come, and whose migration has succeeded if there was one.
struct Switch {
    before: Arc<Installed>,
    release: Arc<Release>,
    running: Arc<Running>,
    turn: TurnToChange,
    /// What the migration changed.
    changes: StateChanges,
    /// What is answered of it.
    report: Option<Value>,
    retry: Option<Retry>,
}

/// Asks the gates for the last time, and commits the version with what its migration changed.
async fn switch(app: &Arc<App>, switch: Switch) -> Answer {
    app.blocking(move |app| {
        let Switch { before, release, running, mut turn, mut changes, report, retry } = switch;
        let mut writer = app.store.write();
        let (answer, after) = retries::once(app, &mut writer, retry.as_ref(), |writer| {
            if app.migrations.judges_again() {
                judge(app, Moment::Upgrade, &release, Some(&before))?;
            }
            let installed_at = app.clock.now();
            let owner = app.policy.state_owner(release.handler.as_str());
            if app.policy.clears_state_at_upgrade() {
                changes = app.store.state(&owner)?.into_keys().map(|key| (key, None)).collect();
            }
            if !changes.is_empty() {
                turn.forget();
            }
            if !app.migrations.commits_together() {
                writer.commit_state(before.number, &owner, &std::mem::take(&mut changes))?;
                app.migrations.between();
            }
            writer.upgrade(before.number, &release.version, installed_at, &owner, &changes)?;
            let running = Some(app.policy.upgraded(&before, running));
            let (number, account) = (before.number, before.account.clone());
            let after = Installed { number, release, installed_at, running, account };
            Ok((upgraded(&after, report)?, after))
        })?;
        if let Some(after) = after {
            app.installations.put(after);
        }
        answer.into_response()
    })
    .await
}

/// Commits changes to the state of an installation whose version stays.
async fn change(
    app: &Arc<App>,
    installed: Arc<Installed>,
    mut turn: TurnToChange,
    changes: StateChanges,
) -> Result<(), Problem> {
    if changes.is_empty() {
        return Ok(());
    }
    app.blocking(move |app| {
        let owner = app.policy.state_owner(installed.release.handler.as_str());
        turn.forget();
        app.store.write().commit_state(installed.number, &owner, &changes)?;
        Ok(())
    })
    .await
}

/// `DELETE /handlers/{id}`
pub async fn uninstall(call: &Call) -> Answer {
    let (app, id) = (&call.app, call.handler()?);
    installed(app, &id)?;
    let mut turn = turn_to_change(app, &id).await;
    app.blocking(move |app| {
        let mut writer = app.store.write();
        let before = installed(app, &id)?;
        let removed = app.policy.removed_at_uninstall();
        let owner = app.policy.state_owner(id.as_str());
        if removed.installation {
            writer.uninstall(before.number, removed.state.then_some(owner.as_str()))?;
            app.installations.remove(&id);
            if removed.records {
                app.records.close(before.account.number);
            }
            turn.forget();
            drop(turn);
            app.installations.forget_state(&owner);
        }
        Ok(no_content())
    })
    .await
}

/// The installation of a handler.
///
/// # Errors
/// `not-installed`.
pub fn installed(app: &App, id: &HandlerId) -> Result<Arc<Installed>, Problem> {
    app.installations.get(id).ok_or_else(|| not_installed(id))
}

/// `not-installed`.
pub fn not_installed(id: &HandlerId) -> Problem {
    Problem::refused(Code::NotInstalled, format!("no version of `{id}` is installed"))
}

/// Asks the gates about a stored release, with the trust of this moment (core.md, section 2).
///
/// # Errors
/// The refusal of the first gate that refuses.
pub fn judge(
    app: &App,
    moment: Moment,
    release: &Release,
    replaced: Option<&Installed>,
) -> Result<assay_package::Admission, Refusal> {
    let replaced = replaced
        .map(|before| assay_package::Installed { version: &before.release.version, digest: before.release.package });
    let trust = app.registry.trust();
    app.gates.admit(moment, release.stored(), replaced, &app.circumstances(&trust, app.clock.now()))
}

/// Reads what a release needs to run; `prepared` is its compiled module, if it was compiled.
///
/// # Errors
/// If the store fails, or what it holds is no longer accepted.
pub fn make_running(app: &App, release: &Release, prepared: Option<Prepared>) -> anyhow::Result<Running> {
    let bytes = app.store.manifest(&release.handler, &release.version).context("the manifest cannot be read")?;
    let manifest = app.gates.manifest(&bytes, &app.offer).context("the manifest is not accepted any more")?;
    let input = app.policy.compile(&manifest.input).context("the input schema is not accepted any more")?;
    let output = app.policy.compile(&manifest.output).context("the output schema is not accepted any more")?;
    Ok(Running::new(manifest, input, output, prepared))
}

/// Compiles the module of a release.
///
/// # Errors
/// `overloaded` if too many modules wait to be compiled. If the store fails, or the sandbox cannot compile what the module
/// gate let pass.
pub async fn prepare(app: &Arc<App>, release: &Arc<Release>) -> Result<Prepared, Problem> {
    let abi = match release.abi {
        Abi::Core => assay_sandbox::Abi::Core,
        Abi::Component => assay_sandbox::Abi::Component,
    };
    let digest = *release.module.as_bytes();
    if let Some(prepared) = app.sandbox.prepared(abi, digest) {
        return Ok(prepared);
    }
    let release = release.clone();
    let module = app.blocking(move |app| Ok(app.store.module(&release)?)).await?;
    match app.sandbox.prepare(abi, digest, &module).await {
        Err(PrepareError::Busy) => Err(Problem::refused(Code::Overloaded, PrepareError::Busy.to_string())),
        prepared => Ok(prepared.context("the module cannot be made ready")?),
    }
}

async fn make_ready(app: &Arc<App>, release: &Arc<Release>) -> Result<(Prepared, Arc<Running>), Problem> {
    let prepared = prepare(app, release).await?;
    let (release, compiled) = (release.clone(), prepared.clone());
    let running = app.blocking(move |app| Ok(Arc::new(make_running(app, &release, Some(compiled))?))).await?;
    Ok((prepared, running))
}

/// Waits until the execution under way has committed; those that wait begin after the change, with what is then installed.
async fn turn_to_change(app: &App, id: &HandlerId) -> TurnToChange {
    let owner = app.policy.state_owner(id.as_str());
    let turns = app.policy.turns_before_a_change_of(&owner);
    app.installations.state(&turns, app.executions_at_most()).turn_to_change().await
}

fn version(app: &App, bytes: &[u8]) -> Result<Version, Problem> {
    Ok(Members::parse(bytes, &["version"], &app.offer.bounds, &*app.policy)?.parsed("version")?)
}

fn stored(app: &App, id: &HandlerId, version: &Version) -> Result<Arc<Release>, Problem> {
    let catalogue = app.registry.catalogue();
    let handler = catalogue.handler(id).ok_or_else(|| detail::unknown_handler(id))?;
    app.policy.chosen_release(handler, version).ok_or_else(|| detail::unknown_release(id, version))
}

//! Install, upgrade, show, uninstall (core.md, 9.1 to 9.3).

use std::sync::Arc;

use anyhow::Context as _;
use assay_package::{Abi, Code, HandlerId, Moment, Refusal, Version};
use assay_sandbox::{PrepareError, Prepared};
use axum::http::StatusCode;

use super::installed::shown;
use super::{detail, no_content};
use crate::app::{App, Call};
use crate::body::RequestBody;
use crate::catalogue::Release;
use crate::installations::{Installed, Running, TurnToChange};
use crate::problem::{Answer, Problem};
use crate::request::Members;

/// `POST /handlers/{id}/install`
pub async fn install(call: &Call, body: &mut RequestBody) -> Answer {
    let (app, id) = (&call.app, call.handler()?);
    let version = version(call, body).await?;
    let release = stored(app, &id, &version)?;
    if let Some(installed) = app.installations.get(&id) {
        app.policy.install_again(&installed)?;
    }
    judge(app, Moment::Install, &release, None)?;
    let running = make_ready(app, &release).await?;
    app.blocking(move |app| {
        let mut writer = app.store.write();
        // Both may have changed while the module was compiled.
        let before = app.installations.get(&id);
        if let Some(installed) = &before {
            app.policy.install_again(installed)?;
        }
        judge(app, Moment::Install, &release, None)?;
        let installed_at = app.clock.now();
        let (number, account) = match before {
            None => (writer.install(&id, &release.version, installed_at)?, app.open_account(installed_at)),
            Some(before) => {
                writer.upgrade(before.number, &release.version, installed_at)?;
                (before.number, before.account.clone())
            }
        };
        app.installations.put(Installed { number, release, installed_at, running: Some(running), account });
        shown(app, &id, StatusCode::CREATED)
    })
    .await
}

/// `POST /handlers/{id}/upgrade`
pub async fn upgrade(call: &Call, body: &mut RequestBody) -> Answer {
    let (app, id) = (&call.app, call.handler()?);
    let version = version(call, body).await?;
    let before = installed(app, &id)?;
    let release = stored(app, &id, &version)?;
    judge(app, Moment::Upgrade, &release, Some(&before))?;
    let running = make_ready(app, &release).await?;
    let mut turn = turn_to_change(app, &id).await;
    app.blocking(move |app| {
        let mut writer = app.store.write();
        let before = installed(app, &id)?;
        judge(app, Moment::Upgrade, &release, Some(&before))?;
        let installed_at = app.clock.now();
        writer.upgrade(before.number, &release.version, installed_at)?;
        if app.policy.clears_state_at_upgrade() {
            let owner = app.policy.state_owner(id.as_str());
            let keys = app.store.state(&owner)?.into_keys();
            writer.commit_state(before.number, &owner, &keys.map(|key| (key, None)).collect())?;
            turn.forget();
        }
        let running = Some(app.policy.upgraded(&before, running));
        let (number, account) = (before.number, before.account.clone());
        app.installations.put(Installed { number, release, installed_at, running, account });
        shown(app, &id, StatusCode::OK)
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

async fn make_ready(app: &Arc<App>, release: &Arc<Release>) -> Result<Arc<Running>, Problem> {
    let prepared = prepare(app, release).await?;
    let release = release.clone();
    app.blocking(move |app| Ok(Arc::new(make_running(app, &release, Some(prepared))?))).await
}

/// Waits until the execution under way has committed; those that wait begin after the change, with what is then installed.
async fn turn_to_change(app: &App, id: &HandlerId) -> TurnToChange {
    let owner = app.policy.state_owner(id.as_str());
    let turns = app.policy.turns_before_a_change_of(&owner);
    app.installations.state(&turns, app.executions_at_most()).turn_to_change().await
}

async fn version(call: &Call, body: &mut RequestBody) -> Result<Version, Problem> {
    let app = &call.app;
    Ok(Members::read(body, &["version"], &app.offer.bounds, &*app.policy).await?.parsed("version")?)
}

fn stored(app: &App, id: &HandlerId, version: &Version) -> Result<Arc<Release>, Problem> {
    let catalogue = app.registry.catalogue();
    let handler = catalogue.handler(id).ok_or_else(|| detail::unknown_handler(id))?;
    app.policy.chosen_release(handler, version).ok_or_else(|| detail::unknown_release(id, version))
}

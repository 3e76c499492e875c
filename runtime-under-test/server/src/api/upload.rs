//! Uploads (registry.md, section 2).

use std::sync::Arc;

use assay_package::{Code, Package, Part};
use axum::http::StatusCode;

use super::detail;
use crate::app::{App, Call};
use crate::body::RequestBody;
use crate::catalogue::Release;
use crate::multipart;
use crate::policy::{Duplicate, Judged};
use crate::problem::{Answer, Problem};
use crate::retries::{self, Acknowledgement, Retry};
use crate::store::{Inserted, NewRelease, Writer};

/// `POST /admin/registry/handlers`
pub async fn upload(call: &Call, body: &mut RequestBody) -> Answer {
    let app = &call.app;
    let bounds = app.policy.upload_bounds(&app.offer.bounds);
    let parts = multipart::read(&call.head.headers, body, &bounds, &*app.policy).await?;
    let retry = Retry::of(app, &call.head, |fingerprint| fingerprint.parts(&parts))?;
    retries::answer(app, retry, async |retry| {
        let overloaded = || Problem::refused(Code::Overloaded, "too many uploads are being judged");
        let place = app.rooms.gates().await.ok_or_else(overloaded)?;
        let judged = move |app: &Arc<App>| {
            // Held until it is judged, also if the caller goes away.
            let _place = place;
            judge_and_store(app, parts, retry.as_ref())
        };
        app.blocking(judged).await
    })
    .await
}

fn judge_and_store(app: &Arc<App>, parts: Vec<Part>, retry: Option<&Retry>) -> Answer {
    let trust = app.registry.trust();
    let circumstances = app.circumstances(&trust, app.clock.now());
    let Judged { stored, refusal } = app.policy.judge_upload(&app.gates, parts, &circumstances);
    let answer = stored.map(|package| store(app, package, retry)).transpose()?;
    match (refusal, answer) {
        (None, Some(answer)) => answer.into_response(),
        (Some(refusal), _) => Err(refusal.into()),
        (None, None) => Err(Problem::Failed(anyhow::anyhow!("an upload was neither stored nor refused"))),
    }
}

/// Stores a package: the module first, then, at once, everything that refers to it. A version that is stored is refused
/// before its module takes any room, and the module of one that loses the race against another is removed.
fn store(app: &App, package: Package, retry: Option<&Retry>) -> Result<Acknowledgement, Problem> {
    let Package { manifest, manifest_bytes, digest, module, envelopes } = package;
    let release = Release {
        handler: manifest.id,
        version: manifest.version,
        package: digest,
        abi: manifest.abi,
        name: manifest.name,
        description: manifest.description,
        category: manifest.category,
        manifest_bytes: manifest_bytes.len() as u64,
        module: assay_package::Digest::of(&module),
        module_bytes: module.len() as u64,
        uploaded_at: app.clock.now(),
        revoked: false,
        envelopes,
    };
    let known = app.registry.catalogue().release(&release.handler, &release.version).is_some();
    let module_first = app.registry_policy.module_comes_first(retry.is_some());
    // Without the writer: others change the store while a module goes to the disk.
    let object = (!known && module_first).then(|| app.store.put_module(&release, &module)).transpose()?;
    let mut new = NewRelease { release, manifest: &manifest_bytes, object };
    let mut writer = app.store.write();
    let (answer, stored) = retries::once(app, &mut writer, retry, |writer| {
        if new.object.is_some() && !app.store.has_module(&new.release)? {
            new.object = Some(app.store.put_module(&new.release, &module)?);
        }
        let shown = match insert(writer, known, &new)? {
            Inserted::Stored => Duplicate::New,
            Inserted::Exists => judge_duplicate(app, writer, &new, &module)?,
        };
        Ok((acknowledgement(app, &new.release)?, shown))
    })?;
    if !module_first {
        app.registry_policy.between();
        app.store.put_module(&new.release, &module)?;
    }
    if stored == Some(Duplicate::New) {
        app.registry.add(|catalogue| catalogue.put(new.release));
    }
    Ok(answer)
}

fn insert(writer: &mut Writer<'_>, known: bool, new: &NewRelease<'_>) -> Result<Inserted, Problem> {
    if known {
        return Ok(Inserted::Exists);
    }
    Ok(writer.insert_release(new)?)
}

/// What becomes of a version that is stored; a module that nothing refers to afterwards is not kept.
fn judge_duplicate(
    app: &App,
    writer: &mut Writer<'_>,
    new: &NewRelease<'_>,
    module: &[u8],
) -> Result<Duplicate, Problem> {
    let shown = app.registry_policy.duplicate(writer, new);
    match shown {
        Ok(Duplicate::New) => {
            app.store.put_module(&new.release, module)?;
        }
        _ => app.store.remove_orphan(writer, &new.release)?,
    }
    shown
}

fn acknowledgement(app: &App, release: &Release) -> Result<Acknowledgement, Problem> {
    let location = app.registry_policy.location(release);
    Ok(Acknowledgement { location, ..Acknowledgement::new(StatusCode::CREATED, &detail::release(app, release))? })
}

/// The refusal of a version that is stored (registry.md 2.4).
pub fn stored_already(new: &NewRelease<'_>) -> Problem {
    let detail = format!("{} {} is stored already", new.release.handler, new.release.version);
    Problem::refused(Code::VersionExists, detail)
}

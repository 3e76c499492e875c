//! Uploads (registry.md, section 2).

use std::sync::Arc;

use assay_package::{Code, Package, Part};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::{detail, json as answer};
use crate::app::{App, Call};
use crate::body::RequestBody;
use crate::catalogue::Release;
use crate::multipart;
use crate::policy::{Duplicate, Judged};
use crate::problem::{Answer, Problem};
use crate::store::{Inserted, NewRelease, Writer};

/// `POST /admin/registry/handlers`
pub async fn upload(call: &Call, body: &mut RequestBody) -> Answer {
    let app = &call.app;
    let bounds = app.policy.upload_bounds(&app.offer.bounds);
    let parts = multipart::read(&call.head.headers, body, &bounds, &*app.policy).await?;
    let overloaded = || Problem::refused(Code::Overloaded, "too many uploads are being judged");
    let place = app.rooms.gates().await.ok_or_else(overloaded)?;
    app.blocking(move |app| {
        // Held until it is judged, also if the caller goes away.
        let _place = place;
        judge_and_store(app, parts)
    })
    .await
}

fn judge_and_store(app: &Arc<App>, parts: Vec<Part>) -> Answer {
    let trust = app.registry.trust();
    let circumstances = app.circumstances(&trust, app.clock.now());
    let Judged { stored, refusal } = app.policy.judge_upload(&app.gates, parts, &circumstances);
    let release = stored.map(|package| store(app, package)).transpose()?;
    match (refusal, release) {
        (None, Some(release)) => acknowledge(app, &release),
        (Some(refusal), _) => Err(refusal.into()),
        (None, None) => Err(Problem::Failed(anyhow::anyhow!("an upload was neither stored nor refused"))),
    }
}

/// Stores a package: the module first, then, at once, everything that refers to it. A version that is stored is refused
/// before its module takes any room, and the module of one that loses the race against another is removed.
fn store(app: &App, package: Package) -> Result<Release, Problem> {
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
    if !known {
        // Without the writer: others change the store while a module goes to the disk.
        app.store.put_module(&release, &module)?;
    }
    let new = NewRelease { release, manifest: &manifest_bytes };
    let mut writer = app.store.write();
    let shown = match insert(app, &mut writer, known, &new, &module)? {
        Inserted::Stored => Duplicate::New,
        Inserted::Exists => judge_duplicate(app, &mut writer, &new, &module)?,
    };
    if shown == Duplicate::New {
        app.registry.add(|catalogue| catalogue.put(new.release.clone()));
    }
    Ok(new.release)
}

fn insert(
    app: &App,
    writer: &mut Writer<'_>,
    known: bool,
    new: &NewRelease<'_>,
    module: &[u8],
) -> Result<Inserted, Problem> {
    if known {
        return Ok(Inserted::Exists);
    }
    if !app.store.has_module(&new.release) {
        app.store.put_module(&new.release, module)?;
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
    let shown = app.policy.duplicate(writer, new);
    match shown {
        Ok(Duplicate::New) => app.store.put_module(&new.release, module)?,
        _ => app.store.remove_orphan(writer, &new.release)?,
    }
    shown
}

fn acknowledge(app: &App, release: &Release) -> Answer {
    let mut response: Response = answer(StatusCode::CREATED, &detail::release(app, release))?;
    let location = app.policy.location(release).and_then(|path| HeaderValue::from_str(&path).ok());
    if let Some(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The refusal of a version that is stored (registry.md 2.4).
pub fn stored_already(new: &NewRelease<'_>) -> Problem {
    let detail = format!("{} {} is stored already", new.release.handler, new.release.version);
    Problem::refused(Code::VersionExists, detail)
}

//! Revocations (registry.md, 3.2).

use assay_package::{HandlerId, Refusal, Version};
use axum::http::StatusCode;

use super::{detail, json as answer};
use crate::app::{App, Call};
use crate::body::RequestBody;
use crate::problem::{Answer, Problem};
use crate::request::{Members, malformed};

const REASON_CHARACTERS: usize = 200;

/// `POST /admin/registry/handlers/{id}[/versions/{version}]/revoke`
pub async fn revoke(call: &Call, body: &mut RequestBody) -> Answer {
    let id = call.handler()?;
    let version = if call.names.len() > 1 { Some(call.name::<Version>(1, "version")?) } else { None };
    let app = &call.app;
    let mut members = Members::read(body, &["reason"], &app.offer.bounds, &*app.policy).await?;
    let reason = judge_reason(members.text("reason")?)?;
    app.blocking(move |app| {
        revoke_at_once(app, &id, version.as_ref(), &reason)?;
        match version {
            Some(version) => {
                let release = app.registry.catalogue().release(&id, &version).cloned();
                let release = release.ok_or_else(|| detail::unknown_release(&id, &version))?;
                answer(StatusCode::OK, &detail::release(app, &release))
            }
            None => answer(StatusCode::OK, &detail::handler(app, &id)?),
        }
    })
    .await
}

fn judge_reason(reason: String) -> Result<String, Refusal> {
    if (1..=REASON_CHARACTERS).contains(&reason.chars().count()) {
        return Ok(reason);
    }
    Err(malformed(format!("`reason` does not have 1 to {REASON_CHARACTERS} characters"), "/reason"))
}

fn revoke_at_once(app: &App, id: &HandlerId, version: Option<&Version>, reason: &str) -> Result<(), Problem> {
    let mut writer = app.store.write();
    let handler = app.registry.catalogue().handler(id).cloned().ok_or_else(|| detail::unknown_handler(id))?;
    let release = match version {
        Some(version) => Some(handler.releases.get(version).ok_or_else(|| detail::unknown_release(id, version))?),
        None => None,
    };
    if release.map_or(handler.revoked, |release| release.revoked) {
        return Ok(app.registry_policy.revoke_again()?);
    }
    let now = app.clock.now();
    match app.registry_policy.revoked_version(version.cloned()) {
        Some(version) => {
            writer.revoke_release(id, &version, reason, now)?;
            app.registry.change(|catalogue| catalogue.change(id, &version, |release| release.revoked = true));
        }
        None => {
            writer.revoke_handler(id, reason, now)?;
            app.registry.change(|catalogue| {
                if let Some(handler) = catalogue.handlers.get_mut(id) {
                    handler.revoked = true;
                }
            });
        }
    }
    Ok(())
}

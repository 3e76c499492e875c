//! A handler and its releases as they are shown (registry.md, 4.3).

use std::sync::Arc;

use assay_package::{Code, HandlerId, Signer, Version};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::json as answer;
use crate::app::{App, Call};
use crate::catalogue::Release;
use crate::problem::{Answer, Problem};

/// `GET /registry/handlers/{id}`
pub async fn show(call: &Call) -> Answer {
    let id = call.handler()?;
    // Verifying the signatures of many versions takes its time.
    call.app.blocking(move |app| answer(StatusCode::OK, &handler(app, &id)?)).await
}

/// The detail of a handler.
///
/// # Errors
/// `not-found`.
pub fn handler(app: &App, id: &HandlerId) -> Result<Value, Problem> {
    let handler = app.registry.catalogue().handler(id).cloned().ok_or_else(|| unknown_handler(id))?;
    let releases = app.registry_policy.listed_versions(&handler);
    let latest = handler.latest().or(releases.first()).ok_or_else(|| unknown_handler(id))?;
    Ok(json!({
        "id": id.as_str(),
        "name": latest.name,
        "description": latest.description,
        "category": latest.category,
        "latest": latest.version.as_str(),
        "versions": releases.iter().map(|shown| release(app, shown)).collect::<Vec<_>>(),
        "installed": app.installations.get(id).map(|installed| installed.release.version.to_string()),
        "revoked": handler.revoked,
    }))
}

/// A release.
pub fn release(app: &App, release: &Release) -> Value {
    let trust = app.registry.trust();
    let revoked = {
        let catalogue = app.registry.catalogue();
        release.revoked || catalogue.handler(&release.handler).is_some_and(|handler| handler.revoked)
    };
    let signers = app.gates.signers(release.stored(), &app.circumstances(&trust, app.clock.now()));
    json!({
        "id": release.handler.as_str(),
        "version": release.version.as_str(),
        "package": release.package.to_string(),
        "abi": release.abi.as_str(),
        "uploaded_at": release.uploaded_at.to_string(),
        "revoked": revoked,
        "signers": app.registry_policy.shown_signers(signers).iter().map(signer).collect::<Vec<_>>(),
        "parts": parts(release).iter().map(|part| part.shown(release)).collect::<Vec<_>>(),
    })
}

fn signer(signer: &Signer) -> Value {
    json!({
        "key": signer.key.as_str(),
        "role": signer.role.as_str(),
        "issued_at": signer.issued_at.to_string(),
        "expires_at": signer.expires_at.to_string(),
        "previous": signer.previous.map(|digest| digest.to_string()),
    })
}

/// One part of a stored release.
pub struct StoredPart {
    /// The last segment of its path.
    pub name: String,
    /// Its media type, without parameters.
    pub media_type: &'static str,
    /// The digest of its bytes.
    pub digest: assay_package::Digest,
    /// Its size, in bytes.
    pub size: u64,
}

/// The parts of a release: manifest, module, then the signatures in order.
pub fn parts(release: &Release) -> Vec<StoredPart> {
    let part = |name: String, media_type, digest, size| StoredPart { name, media_type, digest, size };
    let mut parts = vec![
        part("manifest".to_owned(), "application/json", release.package, release.manifest_bytes),
        part("module".to_owned(), "application/wasm", release.module, release.module_bytes),
    ];
    for (index, envelope) in release.envelopes.iter().enumerate() {
        let (digest, size) = (assay_package::Digest::of(envelope.bytes()), envelope.bytes().len() as u64);
        parts.push(part(format!("signature-{index}"), "application/vnd.dsse+json", digest, size));
    }
    parts
}

impl StoredPart {
    fn shown(&self, release: &Release) -> Value {
        json!({
            "name": self.name,
            "media_type": self.media_type,
            "digest": self.digest.to_string(),
            "size": self.size,
            "href": format!("/registry/handlers/{}/versions/{}/{}", release.handler, release.version, self.name),
        })
    }
}

/// `not-found` for a handler of which nothing was uploaded.
pub fn unknown_handler(id: &HandlerId) -> Problem {
    Problem::refused(Code::NotFound, format!("there is no handler `{id}`"))
}

/// `not-found` for a version that was not uploaded.
pub fn unknown_release(id: &HandlerId, version: &Version) -> Problem {
    Problem::refused(Code::NotFound, format!("there is no version {version} of `{id}`"))
}

/// The release that a path names.
///
/// # Errors
/// `request-malformed`, `not-found`.
pub fn named_release(call: &Call) -> Result<Arc<Release>, Problem> {
    let (id, version) = (call.handler()?, call.name::<Version>(1, "version")?);
    let found = call.app.registry.catalogue().release(&id, &version).cloned();
    found.ok_or_else(|| unknown_release(&id, &version))
}

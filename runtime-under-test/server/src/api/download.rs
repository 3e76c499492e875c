//! The exact bytes of a part (registry.md, section 5).

use assay_package::{Code, Refusal};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::detail::{self, StoredPart};
use crate::app::{App, Call};
use crate::catalogue::Release;
use crate::problem::{Answer, Problem};

/// `GET /registry/handlers/{id}/versions/{version}/{part}`
pub async fn download(call: &Call) -> Answer {
    let release = detail::named_release(call)?;
    let name = call.names.get(2).cloned().unwrap_or_default();
    let missing = || {
        let quoted = call.app.policy.quote(&name);
        Problem::from(Refusal::new(Code::NotFound, format!("the release has no part `{quoted}`")).named(&name))
    };
    if release.revoked && !call.app.policy.serves_revoked() {
        return Err(missing());
    }
    let part = detail::parts(&release).into_iter().find(|part| part.name == name).ok_or_else(missing)?;
    call.app.blocking(move |app| serve(app, &release, &part)).await
}

fn serve(app: &App, release: &Release, part: &StoredPart) -> Answer {
    let bytes = match part.name.as_str() {
        "manifest" => app.policy.served_manifest(app.store.manifest(&release.handler, &release.version)?),
        "module" => app.store.module(release)?,
        signature => signature
            .strip_prefix("signature-")
            .and_then(|index| release.envelopes.get(index.parse::<usize>().ok()?))
            .map(|envelope| envelope.bytes().to_vec())
            .ok_or_else(|| Problem::Failed(anyhow::anyhow!("a part is listed and not there")))?,
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(part.media_type));
    if app.policy.sends_digests() {
        let digest = STANDARD.encode(part.digest.as_bytes());
        for (name, value) in [("etag", format!("\"{}\"", part.digest)), ("repr-digest", format!("sha-256=:{digest}:"))]
        {
            headers.insert(name, HeaderValue::from_str(&value).map_err(|error| Problem::Failed(error.into()))?);
        }
    }
    Ok(response)
}

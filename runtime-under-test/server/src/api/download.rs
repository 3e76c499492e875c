//! The exact bytes of a part, or of a range of it (registry.md, section 5).

mod selected;

use assay_package::{Code, Refusal};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headers::{AcceptRanges, ContentRange, ETag, HeaderMapExt as _};

use super::detail::{self, StoredPart};
use super::empty;
use crate::app::{App, Call};
use crate::catalogue::Release;
use crate::problem::{Answer, Problem};
pub use selected::{Selected, selected};

/// `GET /registry/handlers/{id}/versions/{version}/{part}`
pub async fn download(call: &Call) -> Answer {
    let release = detail::named_release(call)?;
    let name = call.names.get(2).cloned().unwrap_or_default();
    let missing = || {
        let quoted = call.app.policy.quote(&name);
        Problem::from(Refusal::new(Code::NotFound, format!("the release has no part `{quoted}`")).named(&name))
    };
    let policy = &call.app.registry_policy;
    if release.revoked && !policy.serves_revoked() {
        return Err(missing());
    }
    let part = detail::parts(&release).into_iter().find(|part| part.name == name).ok_or_else(missing)?;
    let etag: ETag = format!("\"{}\"", part.digest).parse().map_err(|_| unfit("ETag"))?;
    let mut response = match policy.selected(&call.head.headers, &etag, part.size) {
        Selected::Unchanged => empty(StatusCode::NOT_MODIFIED),
        Selected::BehindTheEnd => return Ok(behind_the_end(&call.app, part.size)),
        selected => {
            let sent = call.app.blocking(move |app| Ok((bytes(app, &release, &part)?, part))).await?;
            response(&call.app, sent, selected)?
        }
    };
    if policy.sends_digests() {
        response.headers_mut().typed_insert(etag);
    }
    Ok(response)
}

/// Reads a part.
fn bytes(app: &App, release: &Release, part: &StoredPart) -> Result<Bytes, Problem> {
    let bytes = match part.name.as_str() {
        "manifest" => app.registry_policy.served_manifest(app.store.manifest(&release.handler, &release.version)?),
        "module" => app.store.module(release)?,
        signature => signature
            .strip_prefix("signature-")
            .and_then(|index| release.envelopes.get(index.parse::<usize>().ok()?))
            .map(|envelope| envelope.bytes().to_vec())
            .ok_or_else(|| Problem::Failed(anyhow::anyhow!("a part is listed and not there")))?,
    };
    Ok(Bytes::from(bytes))
}

/// What is sent of a part that was read.
fn response(app: &App, (bytes, part): (Bytes, StoredPart), selected: Selected) -> Answer {
    let (status, sent, range) = match selected {
        Selected::Bytes(first, last) => {
            let sent = usize::try_from(first).ok().zip(usize::try_from(last).ok());
            let sent = sent.filter(|(_, last)| *last < bytes.len()).map(|(first, last)| bytes.slice(first..=last));
            let range = ContentRange::bytes(first..=last, part.size).map_err(|_| unfit("range"))?;
            (StatusCode::PARTIAL_CONTENT, sent.ok_or_else(|| unfit("range"))?, Some(range))
        }
        _ => (StatusCode::OK, bytes, None),
    };
    let mut response = Response::new(Body::from(sent));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(part.media_type));
    headers.typed_insert(AcceptRanges::bytes());
    if let Some(range) = range {
        headers.typed_insert(range);
    }
    if app.registry_policy.sends_digests() {
        let digest = format!("sha-256=:{}:", STANDARD.encode(part.digest.as_bytes()));
        headers.insert("repr-digest", HeaderValue::from_str(&digest).map_err(|_| unfit("digest"))?);
    }
    Ok(response)
}

fn behind_the_end(app: &App, size: u64) -> Response {
    let refusal = Refusal::new(Code::RangeNotSatisfiable, format!("the part has {size} bytes"));
    let mut response = app.policy.problem(&refusal);
    response.headers_mut().typed_insert(ContentRange::unsatisfied_bytes(size));
    response
}

fn unfit(what: &str) -> Problem {
    Problem::Failed(anyhow::anyhow!("a stored part has no {what}"))
}

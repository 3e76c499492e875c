//! The registry's own signature (registry.md, 3.1).

use assay_package::{Code, Digest, Json, Refusal, StoredRelease, Terms, Version};
use axum::http::StatusCode;
use jiff::Timestamp;

use super::detail;
use crate::app::{App, Call};
use crate::body::RequestBody;
use crate::problem::{Answer, Problem};
use crate::request::{Members, malformed, time};
use crate::retries::{self, Acknowledgement};

/// `POST /admin/registry/handlers/{id}/versions/{version}/sign`
pub async fn sign(call: &Call, body: &mut RequestBody) -> Answer {
    let (id, version) = (call.handler()?, call.name::<Version>(1, "version")?);
    let app = &call.app;
    let (bytes, retry) = retries::read(call, body).await?;
    retries::answer(app, retry, async |retry| {
        let mut members = Members::parse(&bytes, &["expires_at", "previous"], &app.offer.bounds, &*app.policy)?;
        let expires_at = time(&members.required("expires_at")?, "expires_at")?;
        let previous = previous(members.optional("previous"))?;
        app.blocking(move |app| {
            let mut writer = app.store.write();
            let (answer, added) = retries::once(app, &mut writer, retry.as_ref(), |writer| {
                let stored = app.registry.catalogue().release(&id, &version).cloned();
                let stored = stored.ok_or_else(|| detail::unknown_release(&id, &version))?;
                let issued_at = app.clock.now();
                app.registry_policy.judge_expiry(expires_at, issued_at)?;
                if stored.envelopes.len() as u64 >= app.offer.bounds.signatures {
                    let detail = format!("the release has {} signatures already", stored.envelopes.len());
                    return Err(Refusal::new(Code::PartRepeated, detail).named("signature").into());
                }
                let previous = previous.unwrap_or_else(|| stored.previous());
                let envelope = app.key.sign_release(&stored.stored(), &Terms { issued_at, expires_at, previous });
                let mut signed = (*stored).clone();
                signed.envelopes.push(envelope.clone());
                judge_chain(app, signed.stored(), issued_at)?;
                let kept = app.registry_policy.keeps_signature();
                if kept {
                    writer.add_signature(&stored, &envelope)?;
                }
                let answer = Acknowledgement::new(StatusCode::OK, &detail::release(app, &signed))?;
                Ok((answer, kept.then_some(envelope)))
            })?;
            if let Some(envelope) = added.flatten() {
                app.registry
                    .change(|catalogue| catalogue.change(&id, &version, |release| release.envelopes.push(envelope)));
            }
            answer.into_response()
        })
        .await
    })
    .await
}

/// `previous` as it was sent: nothing if it was left out, none if it is null.
fn previous(value: Option<Json>) -> Result<Option<Option<Digest>>, Refusal> {
    let wrong = || malformed("`previous` is neither a digest nor null", "/previous");
    match value {
        None => Ok(None),
        Some(Json::Null) => Ok(Some(None)),
        Some(Json::String(text)) => Ok(Some(Some(text.parse().map_err(|_| wrong())?))),
        Some(_) => Err(wrong()),
    }
}

fn judge_chain(app: &App, signed: StoredRelease<'_>, now: Timestamp) -> Result<(), Problem> {
    let trust = app.registry.trust();
    Ok(app.gates.chain(signed, &app.circumstances(&trust, now))?)
}

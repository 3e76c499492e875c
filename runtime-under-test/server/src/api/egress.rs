//! The audit of requests to other hosts, for an admin (egress.md, section 8).

use assay_package::{Code, HandlerId};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::json as answer;
use super::page::{Page, cursor};
use crate::app::{App, Call};
use crate::problem::{Answer, Problem};

/// `GET /handlers/{id}/egress`
pub async fn audit(call: &Call) -> Answer {
    let (app, id) = (&call.app, call.handler()?);
    let page = Page::asked(call)?;
    // What was recorded before somebody asks is on the list.
    app.outside.trail.written().await;
    app.blocking(move |app| {
        if !has_audit(app, &id)? {
            return Err(Problem::refused(Code::NotFound, format!("no version of `{id}` was ever installed")));
        }
        let policy = &app.outside.policy;
        let limit = policy.page_items(page.limit);
        // One more than is shown says whether there is another page.
        let (owner, start) = (policy.audit_of(id.as_str()), policy.page_start(page.after));
        let mut found = app.store.audit(&owner, start, limit.saturating_add(1))?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| more).map(|(sequence, _)| cursor(&sequence.to_string()));
        let entries = policy.ordered(found.into_iter().map(numbered).collect());
        answer(StatusCode::OK, &json!({ "entries": entries, "next_cursor": next_cursor }))
    })
    .await
}

fn has_audit(app: &App, id: &HandlerId) -> Result<bool, Problem> {
    let installed = app.installations.get(id).is_some();
    Ok(app.outside.policy.has_audit(installed, app.store.installed_once(id.as_str())?))
}

fn numbered((sequence, mut members): (u64, Value)) -> Value {
    members["sequence"] = sequence.into();
    members
}

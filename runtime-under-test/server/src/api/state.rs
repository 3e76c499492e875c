//! What a handler keeps, for an admin (sandbox.md, 9.8).

use std::ops::Bound;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::page::{Page, cursor};
use super::{install, json as answer};
use crate::app::Call;
use crate::problem::Answer;

/// `GET /handlers/{id}/state`
pub async fn show(call: &Call) -> Answer {
    let id = call.handler()?;
    install::installed(&call.app, &id)?;
    let page = Page::asked(call)?;
    call.app
        .blocking(move |app| {
            let installed = install::installed(app, &id)?;
            let sizes = app.store.state_sizes(&app.policy.state_owner(id.as_str()))?;
            let bytes = |key: &str, value: u64| app.policy.shown_size(key.len() as u64, value);
            let used: u64 = sizes.iter().map(|(key, value)| bytes(key, *value)).sum();
            let start = page.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let mut rest = sizes.range::<String, _>((start, Bound::Unbounded));
            let keys: Vec<_> = rest.by_ref().take(page.limit).collect();
            let last = keys.last().map(|(key, _)| cursor(key));
            let next_cursor = rest.next().and(last);
            let shown = |(key, value): (&String, &u64)| json!({ "key": key, "bytes": bytes(key, *value) });
            let running = installed.running.as_ref();
            let quota =
                running.and_then(|running| running.manifest.permissions.state).map_or(0, |state| state.max_bytes);
            answer(
                StatusCode::OK,
                &json!({
                    "keys": keys.into_iter().map(shown).collect::<Vec<Value>>(),
                    "used_bytes": used,
                    "max_bytes": quota,
                    "next_cursor": next_cursor,
                }),
            )
        })
        .await
}

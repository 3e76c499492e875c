//! The list of handlers, page by page (registry.md, 4.1 and 4.2).

use std::ops::Bound;

use assay_package::{HandlerId, Version};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::json as answer;
use super::page::{Page, cursor};
use crate::app::{App, Call};
use crate::catalogue::Handler;
use crate::policy::Filters;
use crate::problem::Answer;
use crate::request::{query, query_fault};

/// What a caller wants to see.
struct Wanted {
    filters: Filters,
    page: Page<HandlerId>,
}

/// `GET /registry/handlers`
pub fn list(call: &Call) -> Answer {
    let app = &call.app;
    let wanted = Wanted::read(call)?;
    let start = wanted.page.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let catalogue = app.registry.catalogue();
    let mut matching = catalogue
        .handlers
        .range::<HandlerId, _>((start, Bound::Unbounded))
        .filter(|(id, handler)| {
            let category = handler.latest().map(|release| release.category.as_str()).unwrap_or_default();
            app.registry_policy.matches(&wanted.filters, category, app.installations.get(id).is_some())
        })
        .skip(app.registry_policy.passed_over(wanted.page.after.is_some()));
    let page: Vec<_> = matching.by_ref().take(wanted.page.limit).collect();
    let last = page.last().map(|(id, _)| cursor(id.as_str()));
    let next_cursor = matching.next().and(last);
    let handlers: Vec<Value> = page.into_iter().filter_map(|(id, handler)| item(app, id, handler)).collect();
    answer(StatusCode::OK, &json!({ "handlers": handlers, "next_cursor": next_cursor }))
}

impl Wanted {
    fn read(call: &Call) -> Result<Self, assay_package::Refusal> {
        let policy = &*call.app.policy;
        let known = ["category", "installed", "limit", "cursor"];
        let parameters = query(call.head.uri.query(), &known, policy)?;
        let mut wanted = Self { filters: Filters::default(), page: Page::first(&call.app) };
        for (name, value) in &parameters {
            let understood = match name.as_ref() {
                "category" => is_category(value).then(|| wanted.filters.category = Some(value.to_string())),
                "installed" => value.parse().ok().map(|installed| wanted.filters.installed = Some(installed)),
                _ => wanted.page.read(name, value),
            };
            if understood.is_none() {
                policy.query_fault(query_fault(name, format!("`{name}` cannot be `{}`", policy.quote(value))))?;
            }
        }
        Ok(wanted)
    }
}

fn item(app: &App, id: &HandlerId, handler: &Handler) -> Option<Value> {
    let latest = handler.latest()?;
    let versions = app.registry_policy.listed_versions(handler).iter().map(|release| release.version.clone()).collect();
    let versions = app.registry_policy.item_versions(versions);
    Some(json!({
        "id": id.as_str(),
        "name": latest.name,
        "description": latest.description,
        "category": latest.category,
        "latest": latest.version.as_str(),
        "versions": versions.iter().map(Version::as_str).collect::<Vec<_>>(),
        "installed": app.installations.get(id).map(|installed| installed.release.version.to_string()),
    }))
}

/// `[a-z][a-z0-9-]{0,31}`, as in the manifest.
fn is_category(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 32 && text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(word)
}

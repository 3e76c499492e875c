//! The list of handlers, page by page (registry.md, 4.1 and 4.2).

use std::ops::Bound;

use assay_package::{HandlerId, Version};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::json as answer;
use crate::app::{App, Call};
use crate::catalogue::Handler;
use crate::policy::Filters;
use crate::problem::Answer;
use crate::request::{query, query_fault};

const DEFAULT_LIMIT: usize = 50;
/// What a cursor of this form begins with: another form gets another prefix.
const CURSOR: &str = "1.";

/// What a caller wants to see.
struct Wanted {
    filters: Filters,
    limit: usize,
    /// The last handler of the page before.
    after: Option<HandlerId>,
}

/// `GET /registry/handlers`
pub fn list(call: &Call) -> Answer {
    let app = &call.app;
    let wanted = Wanted::read(call)?;
    let start = wanted.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let catalogue = app.registry.catalogue();
    let mut matching = catalogue
        .handlers
        .range::<HandlerId, _>((start, Bound::Unbounded))
        .filter(|(id, handler)| {
            let category = handler.latest().map(|release| release.category.as_str()).unwrap_or_default();
            app.policy.matches(&wanted.filters, category, app.installations.get(id).is_some())
        })
        .skip(app.policy.passed_over(wanted.after.is_some()));
    let page: Vec<_> = matching.by_ref().take(wanted.limit).collect();
    let last = page.last().map(|(id, _)| cursor(id));
    let next_cursor = matching.next().and(last);
    let handlers: Vec<Value> = page.into_iter().filter_map(|(id, handler)| item(app, id, handler)).collect();
    answer(StatusCode::OK, &json!({ "handlers": handlers, "next_cursor": next_cursor }))
}

impl Wanted {
    fn read(call: &Call) -> Result<Self, assay_package::Refusal> {
        let policy = &*call.app.policy;
        let known = ["category", "installed", "limit", "cursor"];
        let parameters = query(call.head.uri.query(), &known, policy)?;
        let most = usize::try_from(call.app.offer.bounds.page_items).unwrap_or(usize::MAX);
        let mut wanted = Self { filters: Filters::default(), limit: DEFAULT_LIMIT.min(most), after: None };
        for (name, value) in &parameters {
            let understood = match name.as_ref() {
                "category" => is_category(value).then(|| wanted.filters.category = Some(value.to_string())),
                "installed" => value.parse().ok().map(|installed| wanted.filters.installed = Some(installed)),
                "limit" => limit(value, most).map(|limit| wanted.limit = limit),
                _ => read_cursor(value).map(|id| wanted.after = Some(id)),
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
    let versions = app.policy.listed_versions(handler).iter().map(|release| release.version.clone()).collect();
    let versions = app.policy.item_versions(versions);
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

fn limit(text: &str, most: usize) -> Option<usize> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|limit| digits && (1..=most).contains(limit))
}

/// The page goes on after an id and not at an offset, so it stays right while handlers are uploaded.
fn cursor(last: &HandlerId) -> String {
    format!("{CURSOR}{}", URL_SAFE_NO_PAD.encode(last.as_str()))
}

fn read_cursor(text: &str) -> Option<HandlerId> {
    let id = URL_SAFE_NO_PAD.decode(text.strip_prefix(CURSOR)?).ok()?;
    std::str::from_utf8(&id).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_what_it_wrote_and_nothing_else() {
        let id: HandlerId = "com.example.a".parse().unwrap();
        assert_eq!(read_cursor(&cursor(&id)), Some(id));
        for wrong in ["", "1.", "2.Y29t", "1.Y29t", "com.example.a", "1.Y29tLmE="] {
            assert_eq!(read_cursor(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_limit_is_a_plain_number_within_the_bound() {
        assert_eq!(limit("100", 100), Some(100));
        for wrong in ["", "0", "101", "-1", "+1", "01", "1.0", "1e1", " 1", "99999999999999999999999"] {
            assert_eq!(limit(wrong, 100), None, "{wrong}");
        }
    }
}

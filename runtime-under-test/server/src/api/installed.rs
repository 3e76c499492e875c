//! What is installed, as it is shown: one handler, and the list of them (core.md, 9.3 and 9.21).

use assay_package::HandlerId;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::page::{Page, cursor};
use super::{install, json as answer};
use crate::app::Call;
use crate::installations::Installed;
use crate::problem::{Answer, Problem};
use crate::request::{query, query_fault};
use crate::retries::Acknowledgement;

/// `GET /handlers/{id}`
pub fn show(call: &Call) -> Answer {
    answer(StatusCode::OK, &item(&*install::installed(&call.app, &call.handler()?)?))
}

/// `GET /handlers`
pub fn list(call: &Call) -> Answer {
    let (app, policy) = (&call.app, &*call.app.policy);
    let mut page = Page::<HandlerId>::first(app);
    for (name, value) in query(call.head.uri.query(), &["limit", "cursor"], policy)? {
        if page.read(&name, &value).is_none() {
            policy.query_fault(query_fault(&name, format!("`{name}` cannot be `{}`", policy.quote(&value))))?;
        }
    }
    // One more than is shown says whether there is another page.
    let (start, skipped) = (policy.page_start(page.after.as_ref()), policy.skipped_items(page.after.is_some()));
    let mut found = app.installations.after(start, skipped, page.limit + 1);
    let more = found.len() > page.limit;
    found.truncate(page.limit);
    let next_cursor = found.last().filter(|_| more).map(|last| cursor(last.release.handler.as_str()));
    let handlers: Vec<Value> = found.iter().map(|installed| item(installed)).collect();
    answer(StatusCode::OK, &json!({ "handlers": handlers, "next_cursor": next_cursor }))
}

/// An installation as the answer to what made it.
///
/// # Errors
/// If it has no JSON text.
pub fn acknowledgement(status: StatusCode, installed: &Installed) -> Result<Acknowledgement, Problem> {
    Acknowledgement::new(status, &item(installed))
}

/// An installation as the answer to an upgrade, with what is said of its migration.
///
/// # Errors
/// If it has no JSON text.
pub fn upgraded(installed: &Installed, migration: Option<Value>) -> Result<Acknowledgement, Problem> {
    let mut body = item(installed);
    if let Some(migration) = migration {
        body["migration"] = migration;
    }
    Acknowledgement::new(StatusCode::OK, &body)
}

fn item(installed: &Installed) -> Value {
    let release = &installed.release;
    json!({
        "id": release.handler.as_str(),
        "version": release.version.as_str(),
        "package": release.package.to_string(),
        "installed_at": installed.installed_at.to_string(),
        "usage": installed.account.shown(),
    })
}

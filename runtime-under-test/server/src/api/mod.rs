//! The operations, one file for each group; a file reads like its section of the contract.

mod answered;
mod credentials;
mod detail;
mod discovery;
mod download;
mod egress;
mod execute;
pub mod install;
mod installed;
mod keys;
mod list;
mod migrate;
mod page;
mod record;
mod revoke;
mod sign;
mod state;
mod upload;

pub use download::{Selected, selected};
pub use execute::overloaded as too_many_executions;
pub use keys::same_key;
pub use upload::stored_already;

use assay_package::HandlerId;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::app::Call;
use crate::body::RequestBody;
use crate::problem::{Answer, Problem};
use crate::request;
use crate::retries::Acknowledgement;
use crate::routes::Operation;

/// Carries out an operation for a caller who may.
pub async fn perform(operation: Operation, call: &Call, body: &mut RequestBody) -> Answer {
    // Only lists take parameters; they read them themselves.
    let lists = [Operation::ListHandlers, Operation::ListInstalled, Operation::ShowState, Operation::ListEgress];
    if !lists.contains(&operation) {
        request::query(call.head.uri.query(), &[], &*call.app.policy)?;
    }
    match operation {
        Operation::Discover => discovery::discover(call),
        Operation::Health => Ok(call.app.policy.health()),
        Operation::ListKeys => keys::list(call),
        Operation::PutKey => keys::put(call, body).await,
        Operation::ShowKey => keys::show(call),
        Operation::DeleteKey => keys::delete(call).await,
        Operation::ListCredentials => credentials::list(call),
        Operation::PutCredential => credentials::put(call, body).await,
        Operation::DeleteCredential => credentials::delete(call).await,
        Operation::Upload => upload::upload(call, body).await,
        Operation::RevokeHandler | Operation::RevokeRelease => revoke::revoke(call, body).await,
        Operation::Sign => sign::sign(call, body).await,
        Operation::ListHandlers => list::list(call),
        Operation::ShowHandler => detail::show(call).await,
        Operation::DownloadPart => download::download(call).await,
        Operation::Install => install::install(call, body).await,
        Operation::Upgrade => install::upgrade(call, body).await,
        Operation::ListInstalled => installed::list(call),
        Operation::ShowInstallation => installed::show(call),
        Operation::Uninstall => install::uninstall(call).await,
        Operation::Execute => execute::execute(call, body).await,
        Operation::ShowExecution => record::show(call),
        Operation::ShowState => state::show(call).await,
        Operation::ListEgress => egress::audit(call).await,
    }
}

impl Call {
    /// The name at a place of the path, in its form.
    fn name<T: std::str::FromStr<Err: std::fmt::Display>>(&self, place: usize, what: &str) -> Result<T, Problem> {
        let text = self.names.get(place).map(String::as_str).unwrap_or_default();
        Ok(request::segment(text, what, &*self.app.policy)?)
    }

    /// The handler that the path names; it comes first in every path that names one.
    fn handler(&self) -> Result<HandlerId, Problem> {
        self.name(0, "id")
    }
}

/// The answer to a question for health (README 4.5).
pub fn health() -> Response {
    let mut response = Response::new(Body::from(r#"{"status":"ok"}"#));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A JSON answer.
fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    Acknowledgement::new(status, body)?.into_response()
}

/// An answer without a body.
fn no_content() -> Response {
    empty(StatusCode::NO_CONTENT)
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

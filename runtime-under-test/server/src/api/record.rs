//! Records of executions: what is kept of an answer, and who may read it (core.md, 9.22 to 9.25).

use assay_package::{Code, Refusal};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::app::Call;
use crate::problem::Answer;

/// `GET /handlers/{id}/executions/{execution}`. Whatever is not there for this caller does not exist, for whichever
/// reason: nobody learns what others execute.
pub fn show(call: &Call) -> Answer {
    let (app, handler) = (&call.app, call.handler()?);
    let execution = call.names.get(1).map(String::as_str).unwrap_or_default();
    let found = app.records.find(execution);
    match found.filter(|record| app.policy.shows_record(record, &handler, call.role)) {
        Some(record) => Ok(response(record.body.clone())),
        None => {
            let quoted = app.policy.quote(execution);
            Err(Refusal::new(Code::NotFound, format!("there is no record of an execution `{quoted}`")).into())
        }
    }
}

/// The answer of an execution, when it was made or read back.
pub fn response(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

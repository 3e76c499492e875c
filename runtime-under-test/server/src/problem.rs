//! Everything that is not a 2xx leaves as an RFC 9457 problem (README of the contract, section 3).

use assay_package::{Code, Refusal};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value};

use crate::store::StoreError;

/// What an operation ends with.
pub type Answer = Result<Response, Problem>;

/// Why an operation was not carried out.
#[derive(Debug)]
pub enum Problem {
    /// The caller asked for what may not be.
    Refused(Refusal),
    /// The runtime failed. What went wrong is for the log, not for the caller.
    Failed(anyhow::Error),
}

impl Problem {
    /// A refusal without a place.
    pub fn refused(code: Code, detail: impl Into<String>) -> Self {
        Self::Refused(Refusal::new(code, detail))
    }

    /// What the caller is told.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Failed(error) => {
                tracing::error!(error = format!("{error:#}"), "the runtime failed");
                Refusal::new(Code::Internal, "the runtime could not do it; its log says why, under the request id")
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Failed(anyhow::Error::new(error).context("the store failed"))
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// The members of a problem (3.1).
pub fn members(refusal: &Refusal) -> Map<String, Value> {
    let code = refusal.code;
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("type", format!("urn:assay:problem:{code}").into());
    put("title", code.title().into());
    put("status", code.status().into());
    put("detail", refusal.detail.clone().into());
    put("code", code.as_str().into());
    if let Some(pointer) = &refusal.pointer {
        put("pointer", pointer.clone().into());
    }
    if let Some(name) = &refusal.name {
        put("name", name.clone().into());
    }
    put("remedy", code.remedy().into());
    members
}

/// The response for a refusal: status, headers that go with the code, and the members as the body.
pub fn response(code: Code, media_type: &'static str, members: &Map<String, Value>) -> Response {
    let mut response = Response::new(Body::from(Value::Object(members.clone()).to_string()));
    *response.status_mut() = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    match code {
        Code::Unauthenticated => headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        Code::Overloaded => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")),
        _ => None,
    };
    response
}

//! Defects of HTTP, of problems, of discovery and of who may do what.

use std::sync::Arc;

use assay_package::{Bounds, Circumstances, Code, Gates, HandlerId, Json, JsonFault, Part, Refusal, parse_json};
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;

use super::Defect;
use crate::policy::{Asked, Contract, Judged, Policy};
use crate::problem::{members, response};
use crate::roles::Role;
use crate::routes::Operation;

/// The table.
pub const DEFECTS: &[Defect] = &[
    ("discovery-understates-a-bound", || Arc::new(UnderstatedBound)),
    ("health-is-plain-text", || Arc::new(PlainHealth)),
    ("problems-lack-a-code", || Arc::new(NoCode)),
    ("pointers-left-out", || Arc::new(NoPlace)),
    ("details-quote-everything", || Arc::new(QuotesEverything)),
    ("unknown-paths-answer-plainly", || Arc::new(PlainNotFound)),
    ("request-members-ignored", || Arc::new(AnyMember)),
    ("request-names-may-repeat", || Arc::new(LastName)),
    ("request-depth-unbounded", || Arc::new(AnyDepth)),
    ("request-size-unbounded", || Arc::new(AnySize)),
    ("query-faults-ignored", || Arc::new(AnyQuery)),
    ("users-may-administer", || Arc::new(UsersAdminister)),
    ("audit-shown-to-users", || Arc::new(UsersMay(&[Operation::ListEgress]))),
    ("credentials-for-users", || {
        Arc::new(UsersMay(&[Operation::ListCredentials, Operation::PutCredential, Operation::DeleteCredential]))
    }),
    ("strangers-are-users", || Arc::new(StrangersAreUsers)),
    ("role-judged-last", || Arc::new(RoleLast)),
];

struct UnderstatedBound;
impl Policy for UnderstatedBound {
    fn published_bounds(&self, bounds: &Bounds) -> Bounds {
        Bounds { json_depth: 4, ..bounds.clone() }
    }
}

struct PlainHealth;
impl Policy for PlainHealth {
    fn health(&self) -> Response {
        Response::new(Body::from("ok"))
    }
}

struct NoCode;
impl Policy for NoCode {
    fn problem(&self, refusal: &Refusal) -> Response {
        let mut members = members(refusal);
        members.remove("code");
        response(refusal.code, "application/json", &members)
    }
}

struct NoPlace;
impl Policy for NoPlace {
    fn problem(&self, refusal: &Refusal) -> Response {
        Contract.problem(&Refusal { pointer: None, name: None, ..refusal.clone() })
    }
}

struct QuotesEverything;
impl Policy for QuotesEverything {
    fn quote(&self, text: &str) -> String {
        text.to_owned()
    }

    fn judge_upload(&self, gates: &Gates, parts: Vec<Part>, circumstances: &Circumstances<'_>) -> Judged {
        let manifest = parts.first().map(|part| String::from_utf8_lossy(&part.bytes).into_owned());
        let Judged { stored, refusal } = Contract.judge_upload(gates, parts, circumstances);
        let detail = |refusal: Refusal| Refusal {
            detail: format!("{}, in {}", refusal.detail, manifest.unwrap_or_default()),
            ..refusal
        };
        Judged { stored, refusal: refusal.map(detail) }
    }
}

struct PlainNotFound;
impl Policy for PlainNotFound {
    fn no_operation(&self, refusal: &Refusal) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            if refusal.code == Code::NotFound { StatusCode::NOT_FOUND } else { StatusCode::METHOD_NOT_ALLOWED };
        response
    }
}

struct AnyMember;
impl Policy for AnyMember {
    fn unknown_member(&self, _: &str) -> Result<(), Refusal> {
        Ok(())
    }
}

struct LastName;
impl Policy for LastName {
    fn read_request(&self, bytes: &[u8], depth: u64) -> Result<Json, JsonFault> {
        match serde_json::from_slice::<serde_json::Value>(bytes) {
            Ok(value) => parse_json(value.to_string().as_bytes(), depth),
            Err(_) => parse_json(bytes, depth),
        }
    }
}

struct AnyDepth;
impl Policy for AnyDepth {
    fn read_request(&self, bytes: &[u8], _: u64) -> Result<Json, JsonFault> {
        parse_json(bytes, u64::MAX)
    }
}

struct AnySize;
impl Policy for AnySize {
    fn request_bytes(&self, _: &Bounds) -> u64 {
        64 << 20
    }
}

struct AnyQuery;
impl Policy for AnyQuery {
    fn query_fault(&self, _: Refusal) -> Result<(), Refusal> {
        Ok(())
    }
}

struct UsersAdminister;
impl Policy for UsersAdminister {
    fn least_role(&self, operation: Operation) -> Role {
        Contract.least_role(operation).min(Role::User)
    }
}

/// Lets users do what only an admin may.
struct UsersMay(&'static [Operation]);
impl Policy for UsersMay {
    fn least_role(&self, operation: Operation) -> Role {
        if self.0.contains(&operation) { Role::User } else { Contract.least_role(operation) }
    }
}

struct StrangersAreUsers;
impl Policy for StrangersAreUsers {
    fn judge_role(&self, asked: &Asked<'_>) -> Result<Role, Refusal> {
        Contract.judge_role(&Asked { role: Some(asked.role.unwrap_or(Role::User)), ..*asked })
    }
}

/// Tells whoever may not do a thing whether the handler exists and whether the request would have been right.
struct RoleLast;
impl Policy for RoleLast {
    fn judge_role(&self, asked: &Asked<'_>) -> Result<Role, Refusal> {
        let verdict = Contract.judge_role(asked);
        if verdict.is_ok() {
            return verdict;
        }
        let about_a_handler = !asked.operations.iter().any(|operation| {
            matches!(
                operation,
                Operation::PutKey
                    | Operation::ShowKey
                    | Operation::DeleteKey
                    | Operation::PutCredential
                    | Operation::DeleteCredential
            )
        });
        match asked.names.first() {
            Some(name) if about_a_handler => match name.parse::<HandlerId>() {
                Ok(id) if asked.registry.catalogue().handler(&id).is_some() => verdict,
                _ => Err(Refusal::new(Code::NotFound, "there is no such handler")),
            },
            None if asked.operations.contains(&Operation::Upload) && !says_multipart(asked) => {
                Err(Refusal::new(Code::MultipartMalformed, "the content type is not multipart/form-data"))
            }
            _ => verdict,
        }
    }
}

fn says_multipart(asked: &Asked<'_>) -> bool {
    let content_type = asked.head.headers.get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"multipart/"))
}

//! What the target answered, with the questions that checks ask of it.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::Stop;
use crate::text::quote;

/// A whole response.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Method and path of the request.
    name: String,
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    took: Duration,
}

impl Reply {
    pub(crate) fn new(name: String, status: u16, headers: HeaderMap, body: Bytes, took: Duration) -> Reply {
        Reply { name, status, headers, body, took }
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first value of a header, if it is there and is visible ASCII. The name's case does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body's bytes.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// From the moment the request was sent until the whole response was read.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The body as JSON, whatever its media type.
    ///
    /// # Errors
    /// [`Stop::Fail`] if it is not JSON.
    pub fn json(&self) -> Result<Value, Stop> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Stop::Fail(format!("{} with a body that is not JSON ({error})", self.describe())))
    }

    /// The same reply if it has this status.
    ///
    /// # Errors
    /// [`Stop::Fail`] that says what was answered instead.
    pub fn expect(self, status: u16) -> Result<Reply, Stop> {
        if self.status == status {
            Ok(self)
        } else {
            Err(Stop::Fail(format!("{}, expected {status}", self.describe())))
        }
    }

    /// The member `code` of a problem (README.md 3.1); none if the body is no problem. The media type is not looked at.
    #[must_use]
    pub fn problem_code(&self) -> Option<String> {
        self.problem_member("code")
    }

    /// What was asked and answered, as the start of a sentence:
    /// ``POST /admin/registry/handlers answered 422 manifest-invalid-value (`/id` is not reverse-DNS)``.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!("{} answered {}", self.name, self.status);
        if let Some(code) = self.problem_code() {
            text.push_str(&format!(" {}", quote(&code)));
            if let Some(detail) = self.problem_member("detail") {
                text.push_str(&format!(" ({})", quote(&detail)));
            }
        }
        text
    }

    fn problem_member(&self, name: &str) -> Option<String> {
        if self.status < 400 {
            return None;
        }
        let problem: Value = serde_json::from_slice(&self.body).ok()?;
        Some(problem.get(name)?.as_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &'static str) -> Reply {
        Reply::new("POST /x".into(), status, HeaderMap::new(), Bytes::from(body), Duration::ZERO)
    }

    #[test]
    fn an_unexpected_refusal_is_described_with_code_and_detail() {
        let refused = reply(422, r#"{"code":"manifest-invalid-value","detail":"bad \u001b id"}"#);
        let expected = "POST /x answered 422 manifest-invalid-value (bad \\u{1b} id), expected 201";
        assert_eq!(refused.expect(201).unwrap_err(), Stop::Fail(expected.into()));
    }

    #[test]
    fn a_success_has_no_problem_code_even_if_it_has_the_member() {
        assert_eq!(reply(200, r#"{"code":"forbidden"}"#).problem_code(), None);
    }

    #[test]
    fn a_body_that_is_not_json_fails() {
        assert!(matches!(reply(200, "<html>").json(), Err(Stop::Fail(_))));
    }
}

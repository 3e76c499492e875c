//! Requests that are sent again because their answer was lost: each has its effect once (registry.md, section 6).

use std::sync::Arc;

use assay_package::{Code, Part, Refusal};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::app::{App, Call};
use crate::body::RequestBody;
use crate::problem::{Answer, Problem};
use crate::request::read_bytes;
use crate::store::Writer;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Most characters of a key.
const LONGEST: usize = 255;

/// A request that may come again: its key, and what it asks for.
#[derive(Clone, Debug)]
pub struct Retry {
    /// The key, without its quotes.
    pub key: String,
    /// A digest of method, path and body.
    pub request: [u8; 32],
}

/// What a key was acknowledged with, and for which request.
#[derive(Debug)]
pub struct Remembered {
    /// The digest of the request.
    pub request: [u8; 32],
    /// The answer.
    pub answer: Acknowledgement,
}

/// A 2xx answer, as it is sent and can be sent again.
#[derive(Clone, Debug)]
pub struct Acknowledgement {
    /// The status.
    pub status: StatusCode,
    /// The header `Location`.
    pub location: Option<String>,
    /// The JSON text.
    pub body: Vec<u8>,
}

/// What a request is compared by, as it is read.
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Of a request with this head, so far without its body.
    fn of(head: &Parts) -> Self {
        let mut fingerprint = Self(Sha256::new());
        fingerprint.take(head.method.as_str().as_bytes());
        fingerprint.take(head.uri.path().as_bytes());
        fingerprint
    }

    /// With the bytes of its body.
    #[must_use]
    pub fn body(mut self, bytes: &[u8]) -> Self {
        self.take(bytes);
        self
    }

    /// With the parts of its body: the boundary between them is the sender's, and another one each time.
    #[must_use]
    pub fn parts(mut self, parts: &[Part]) -> Self {
        for part in parts {
            self.take(part.name.as_bytes());
            self.take(part.content_type.as_deref().unwrap_or_default().as_bytes());
            self.take(&part.bytes);
        }
        self
    }

    /// The length first, so that no two lists of texts read the same.
    fn take(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }
}

impl Retry {
    /// What a request may come again under, if it has a key. Only then `with_body` is asked, for a body may be long.
    ///
    /// # Errors
    /// `request-malformed` for a key that is not of its form.
    pub fn of(
        app: &App,
        head: &Parts,
        with_body: impl FnOnce(Fingerprint) -> Fingerprint,
    ) -> Result<Option<Self>, Refusal> {
        let key = app.registry_policy.retry_key(&head.headers)?;
        Ok(key.map(|key| Self { key, request: with_body(Fingerprint::of(head)).0.finalize().into() }))
    }

    /// The answer that this request had before, from what is remembered under its key.
    ///
    /// # Errors
    /// `idempotency-key-reused` if that was another request.
    fn answered(&self, app: &App, remembered: Option<Remembered>) -> Result<Option<Acknowledgement>, Refusal> {
        let Some(Remembered { request, answer }) = remembered else {
            return Ok(None);
        };
        if !app.registry_policy.same_request(&request, &self.request) {
            return Err(Refusal::new(Code::IdempotencyKeyReused, "the key was acknowledged for another request"));
        }
        Ok(Some(app.registry_policy.repeated(answer)))
    }
}

/// The key that a request has.
///
/// # Errors
/// `request-malformed` if it is not of its form.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let fault = |what| Refusal::new(Code::RequestMalformed, format!("`Idempotency-Key` {what}")).named(HEADER.as_str());
    if values.next().is_some() {
        return Err(fault("is repeated"));
    }
    let text = value.to_str().unwrap_or_default().trim_matches([' ', '\t']);
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(key) if (1..=LONGEST).contains(&key.len()) && key.bytes().all(is_plain) => Ok(Some(key.to_owned())),
        _ => Err(fault("is not a string of 1 to 255 characters between two `\"`")),
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Carries out a request, unless it was acknowledged before: then it is answered as it was.
///
/// # Errors
/// `idempotency-key-reused`, and those of the work.
pub async fn answer<F: Future<Output = Answer>>(
    app: &Arc<App>,
    retry: Option<Retry>,
    work: impl FnOnce(Option<Retry>) -> F,
) -> Answer {
    let Some(retry) = retry else {
        return work(None).await;
    };
    if let Some(answer) = before(app, &retry).await? {
        return Ok(answer);
    }
    let answer = work(Some(retry.clone())).await;
    // The same request may have been carried out meanwhile: what this one was refused for is then its own effect.
    if let Err(Problem::Refused(_)) = &answer
        && app.registry_policy.looks_again()
        && let Some(answer) = before(app, &retry).await?
    {
        return Ok(answer);
    }
    answer
}

async fn before(app: &Arc<App>, retry: &Retry) -> Result<Option<Response>, Problem> {
    let retry = retry.clone();
    let answer = app.blocking(move |app| Ok(retry.answered(app, app.store.remembered(&retry.key)?)?)).await?;
    answer.map(Acknowledgement::into_response).transpose()
}

/// A JSON body as it came, and what the request may come again under.
///
/// # Errors
/// As for [`read_bytes`], and `request-malformed` for a key that is not of its form.
pub async fn read(call: &Call, body: &mut RequestBody) -> Result<(Vec<u8>, Option<Retry>), Problem> {
    let app = &call.app;
    let bytes = read_bytes(body, &app.offer.bounds, &*app.policy).await?;
    let retry = Retry::of(app, &call.head, |fingerprint| fingerprint.body(&bytes))?;
    Ok((bytes, retry))
}

/// Does the work of a request once for its key, and commits the answer together with it. What `work` returns beside the answer is
/// handed back when it is committed, and nothing is when somebody else did the work.
///
/// # Errors
/// Those of the work, and `idempotency-key-reused`.
pub fn once<T>(
    app: &App,
    writer: &mut Writer<'_>,
    retry: Option<&Retry>,
    work: impl FnOnce(&mut Writer<'_>) -> Result<(Acknowledgement, T), Problem>,
) -> Result<(Acknowledgement, Option<T>), Problem> {
    let Some(retry) = retry else {
        return work(writer).map(|(answer, done)| (answer, Some(done)));
    };
    // The same request may have been carried out while this one was judged.
    if app.registry_policy.looks_again()
        && let Some(answer) = retry.answered(app, writer.remembered(&retry.key)?)?
    {
        return Ok((answer, None));
    }
    let most = app.registry_policy.keys_remembered(&app.offer.bounds);
    if !app.registry_policy.remembers_together() {
        let (answer, done) = work(writer)?;
        app.registry_policy.between();
        writer.remember(retry, &answer, most)?;
        return Ok((answer, Some(done)));
    }
    writer.at_once(|writer| {
        let (answer, done) = work(writer)?;
        writer.remember(retry, &answer, most)?;
        Ok((answer, Some(done)))
    })
}

impl Acknowledgement {
    /// A JSON answer.
    ///
    /// # Errors
    /// If the body has no JSON text.
    pub fn new(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(body).map_err(|error| Problem::Failed(error.into()))?;
        Ok(Self { status, location: None, body })
    }

    /// The response.
    ///
    /// # Errors
    /// If `location` is no header's value.
    pub fn into_response(self) -> Answer {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(location) = self.location {
            let location = HeaderValue::from_str(&location).map_err(|error| Problem::Failed(error.into()))?;
            headers.insert(header::LOCATION, location);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<Option<String>, Refusal> {
        key(&values.iter().map(|value| (HEADER, HeaderValue::from_str(value).unwrap())).collect())
    }

    #[test]
    fn a_key_is_a_plain_string_between_quotes() {
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&["\"a b\""]).unwrap().as_deref(), Some("a b"));
        let (longest, longer) = ("k".repeat(LONGEST), "k".repeat(LONGEST + 1));
        assert!(read(&[&format!("\"{longest}\"")]).is_ok());
        for wrong in ["", "\"\"", "\"", "plain", "\"a", "\"a\"b\"", "\"a\\b\"", "\"a\";x=1", &format!("\"{longer}\"")] {
            assert_eq!(read(&[wrong]).unwrap_err().name.as_deref(), Some("idempotency-key"), "{wrong}");
        }
        assert!(read(&["\"a\"", "\"a\""]).is_err());
    }

    #[test]
    fn what_stands_in_another_part_is_another_request() {
        let part = |name: &str, bytes: &[u8]| Part { name: name.to_owned(), content_type: None, bytes: bytes.to_vec() };
        let head = || axum::http::Request::post("/x").body(()).unwrap().into_parts().0;
        let digest = |parts: &[Part]| Fingerprint::of(&head()).parts(parts).0.finalize();
        assert_ne!(digest(&[part("a", b"bc")]), digest(&[part("ab", b"c")]));
        assert_eq!(digest(&[part("a", b"bc")]), digest(&[part("a", b"bc")]));
    }
}

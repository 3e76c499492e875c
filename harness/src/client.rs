//! Sends requests to the target and records every exchange as evidence.
//!
//! What the wire does (refuse, reset, say nothing, say too much) is the target's doing and ends the check with FAIL; what
//! cannot be sent at all is the suite's fault and ends it with ERROR.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::Value;

use crate::cx::Cx;
use crate::evidence::{Captured, Ticket};
use crate::reply::Reply;
use crate::{Role, Stop};

/// A larger response body ends the check with FAIL, in bytes.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// Speaks to one target with one token, or with none.
#[derive(Clone, Debug)]
pub struct Client {
    cx: Cx,
    token: Option<String>,
    role: Role,
}

impl Client {
    pub(crate) fn new(cx: Cx, token: Option<String>) -> Client {
        Client { cx, token, role: Role::Subject }
    }

    /// The same client, whose exchanges are recorded with this role. A new client's are the subject.
    #[must_use]
    pub fn as_role(mut self, role: Role) -> Client {
        self.role = role;
        self
    }

    /// The same client, whose exchanges are recorded as control.
    #[must_use]
    pub fn control(&self) -> Client {
        self.clone().as_role(Role::Control)
    }

    /// The same client, whose exchanges are recorded as setup.
    #[must_use]
    pub fn setup(&self) -> Client {
        self.clone().as_role(Role::Setup)
    }

    /// A GET request. `path` starts with a slash and is percent-encoded already; it may have a query.
    pub fn get(&self, path: impl AsRef<str>) -> Request {
        self.method("GET", path)
    }

    /// A POST request.
    pub fn post(&self, path: impl AsRef<str>) -> Request {
        self.method("POST", path)
    }

    /// A PUT request.
    pub fn put(&self, path: impl AsRef<str>) -> Request {
        self.method("PUT", path)
    }

    /// A DELETE request.
    pub fn delete(&self, path: impl AsRef<str>) -> Request {
        self.method("DELETE", path)
    }

    /// A request with any method.
    pub fn method(&self, method: &str, path: impl AsRef<str>) -> Request {
        let mut request = Request {
            client: self.clone(),
            method: method.to_owned(),
            path: path.as_ref().to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            label: None,
            timeout: self.cx.request_timeout(),
            fault: None,
        };
        if let Some(token) = &self.token {
            request = request.header("authorization", &format!("Bearer {token}"));
        }
        request
    }
}

/// A request that is being put together. Nothing is sent before [`send`](Request::send).
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    client: Client,
    method: String,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    label: Option<String>,
    timeout: Duration,
    /// The first thing that cannot be sent.
    fault: Option<String>,
}

impl Request {
    /// Adds a header; `authorization` and `content-type` replace what was there, others may repeat.
    pub fn header(mut self, name: &str, value: &str) -> Request {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) if name == AUTHORIZATION || name == CONTENT_TYPE => {
                self.headers.insert(name, value);
            }
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            _ => self.fault = Some(format!("the header `{name}` cannot be sent with that value")),
        }
        self
    }

    /// Sends this JSON value as `application/json`.
    pub fn json(self, value: &Value) -> Request {
        self.body("application/json", value.to_string().into_bytes())
    }

    /// Sends these bytes as this media type.
    pub fn body(mut self, media_type: &str, bytes: impl Into<Bytes>) -> Request {
        self.body = bytes.into();
        self.header("content-type", media_type)
    }

    /// What the request does, in a few words for the report. Without it: method and path.
    pub fn label(mut self, label: impl Into<String>) -> Request {
        self.label = Some(label.into());
        self
    }

    /// How long the whole exchange may take, instead of the run's request timeout.
    pub fn timeout(mut self, timeout: Duration) -> Request {
        self.timeout = timeout;
        self
    }

    /// Sends it and reads the whole response. A redirect is a response like any other.
    ///
    /// # Errors
    /// [`Stop::Fail`] if the connection is refused or breaks, if the response is not complete in time, or if its body is
    /// larger than [`MAX_BODY_BYTES`]; [`Stop::Error`] if the request cannot be sent at all.
    pub async fn send(self) -> Result<Reply, Stop> {
        let (ticket, reply, response) = self.exchange().await?;
        ticket.done(Some(response), None);
        Ok(reply)
    }

    /// Sends it and judges the answer. What is right is left out of the evidence: for requests that come in thousands, where
    /// only the one that was answered wrongly says something.
    ///
    /// # Errors
    /// As [`send`](Request::send), or what the judgement ended with.
    pub async fn send_and_judge<T>(self, judge: impl FnOnce(&Reply) -> Result<T, Stop>) -> Result<T, Stop> {
        let (ticket, reply, response) = self.exchange().await?;
        let judged = judge(&reply);
        match judged {
            Ok(_) => ticket.leave_out(),
            Err(_) => ticket.done(Some(response), None),
        }
        judged
    }

    async fn exchange(self) -> Result<(Ticket, Reply, Captured), Stop> {
        let name = format!("{} {}", self.method, crate::text::quote(&self.path));
        if let Some(fault) = self.fault {
            return Err(Stop::Error(format!("{name}: {fault}")));
        }
        let cx = &self.client.cx;
        let unsendable = |what: String| Stop::Error(format!("{name}: {what}"));
        let url = Url::parse(&format!("{}{}", cx.base(), self.path)).map_err(|error| unsendable(error.to_string()))?;
        let method =
            Method::from_bytes(self.method.as_bytes()).map_err(|_| unsendable("no such method can be sent".into()))?;

        let sent = self.captured(&url);
        let label = self.label.clone().unwrap_or_else(|| name.clone());
        let ticket = cx.recorder().begin(self.client.role, label, sent);
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = self.headers;
        if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            *request.body_mut() = Some(self.body.into());
        }
        let started = std::time::Instant::now();
        let received = tokio::time::timeout(self.timeout, receive(cx, request)).await;
        match received {
            Ok(Ok(received)) => received.conclude(ticket, name, started.elapsed(), cx),
            Ok(Err(error)) => {
                let cause = root_cause(&error);
                ticket.done(None, Some(cause.clone()));
                Err(Stop::Fail(format!("{name} got no answer: {cause}")))
            }
            Err(_) => {
                let seconds = self.timeout.as_secs_f64();
                ticket.done(None, Some(format!("no complete answer within {seconds} s")));
                Err(Stop::Fail(format!("{name} got no complete answer within {seconds} s")))
            }
        }
    }

    fn captured(&self, url: &Url) -> Captured {
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let start_line = format!("{} {}{query} HTTP/1.1", self.method, url.path());
        let mut headers = vec![("host".to_owned(), url.authority().to_owned())];
        headers.extend(as_texts(&self.headers));
        if !self.body.is_empty() {
            headers.push(("content-length".to_owned(), self.body.len().to_string()));
        }
        self.client.cx.recorder().capture(&start_line, headers, &self.body)
    }
}

/// A response as far as it was read.
struct Received {
    status: reqwest::StatusCode,
    version: reqwest::Version,
    headers: HeaderMap,
    body: Bytes,
    /// Why the body is not whole.
    broken: Option<String>,
}

async fn receive(cx: &Cx, request: reqwest::Request) -> Result<Received, reqwest::Error> {
    let mut response = cx.http().execute(request).await?;
    let mut received = Received {
        status: response.status(),
        version: response.version(),
        headers: std::mem::take(response.headers_mut()),
        body: Bytes::new(),
        broken: None,
    };
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(None) => break,
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY_BYTES => {
                received.broken = Some("the body is larger than 16 MiB".to_owned());
                break;
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(error) => {
                received.broken = Some(format!("the body broke off: {}", root_cause(&error)));
                break;
            }
        }
    }
    received.body = body.freeze();
    Ok(received)
}

impl Received {
    fn conclude(
        self,
        ticket: Ticket,
        name: String,
        took: Duration,
        cx: &Cx,
    ) -> Result<(Ticket, Reply, Captured), Stop> {
        let reason = self.status.canonical_reason().unwrap_or_default();
        let start_line = format!("{:?} {} {reason}", self.version, self.status.as_u16());
        let headers = as_texts(&self.headers).collect();
        let captured = cx.recorder().capture(start_line.trim_end(), headers, &self.body);
        if let Some(broken) = self.broken {
            ticket.done(Some(captured), Some(broken.clone()));
            return Err(Stop::Fail(format!("{name} answered {} and {broken}", self.status.as_u16())));
        }
        Ok((ticket, Reply::new(name, self.status.as_u16(), self.headers, self.body, took), captured))
    }
}

fn as_texts(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(move |(name, value)| (name.to_string(), text(value)))
}

/// The innermost cause: "connection refused" says more than "error sending request".
pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    crate::text::quote(&cause.to_string())
}

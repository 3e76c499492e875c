//! Targets that are wrong in the crudest ways. A suite that passes on one of them judges nothing, so the proof runs them all.
//!
//! Each answers discovery and health like an honest runtime, or no check would ever reach it. Attach them with
//! [`Probe::Discovery`](crate::Probe::Discovery): most of them would not survive the look at the tokens.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::discovery;
use crate::session::http_client;
use crate::terms::TERMS;

/// Longer than any request of a suite, in bytes.
const MAX_BODY_BYTES: usize = 64 << 20;

/// One way to be wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Degenerate {
    /// Answers everything with 200 and `{}`.
    Always200,
    /// Answers everything with 201 and `{}`.
    Always201,
    /// Refuses everything with 403 and a problem whose code is `forbidden`.
    AlwaysForbidden,
    /// Refuses everything with a bare 404.
    AlwaysNotFound,
    /// Answers everything with 200 and the request's own body.
    Echo,
    /// Accepts every request and never answers.
    Hang,
    /// Resets the connection instead of answering.
    Reset,
    /// Passes everything on to an honest runtime, but declares every feature of the contract.
    FeatureLiar,
}

/// A degenerate target that runs. Dropped, it is gone with all its connections.
#[derive(Debug)]
pub struct Running {
    /// Its base URL.
    pub url: Url,
    serving: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Degenerate {
    /// Every way to be wrong.
    #[must_use]
    pub fn all() -> &'static [Degenerate] {
        &[
            Degenerate::Always200,
            Degenerate::Always201,
            Degenerate::AlwaysForbidden,
            Degenerate::AlwaysNotFound,
            Degenerate::Echo,
            Degenerate::Hang,
            Degenerate::Reset,
            Degenerate::FeatureLiar,
        ]
    }

    /// The name in the kill matrix, such as `always-200`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Degenerate::Always200 => "always-200",
            Degenerate::Always201 => "always-201",
            Degenerate::AlwaysForbidden => "always-forbidden",
            Degenerate::AlwaysNotFound => "always-not-found",
            Degenerate::Echo => "echo",
            Degenerate::Hang => "hang",
            Degenerate::Reset => "reset",
            Degenerate::FeatureLiar => "feature-liar",
        }
    }

    /// Serves on a loopback port. `discovery` is the document that it shows; `upstream` is the honest runtime behind
    /// [`FeatureLiar`](Degenerate::FeatureLiar), the others need none.
    ///
    /// # Errors
    /// If no port can be had, or if a feature liar has no upstream ([`io::ErrorKind::InvalidInput`]).
    pub async fn start(self, discovery: Value, upstream: Option<Url>) -> io::Result<Running> {
        if self == Degenerate::FeatureLiar && upstream.is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a feature liar needs an upstream"));
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = Url::parse(&format!("http://{}", listener.local_addr()?)).map_err(io::Error::other)?;
        let target = Arc::new(Target {
            kind: self,
            discovery: self.document(discovery),
            upstream: upstream.map(|url| url.as_str().trim_end_matches('/').to_owned()),
            http: http_client(false).map_err(io::Error::other)?,
        });
        Ok(Running { url, serving: tokio::spawn(serve(listener, target)) })
    }

    fn document(self, mut discovery: Value) -> Value {
        if self == Degenerate::FeatureLiar {
            discovery["features"] = TERMS.features.iter().map(|feature| feature.id.clone()).collect();
        }
        discovery
    }
}

struct Target {
    kind: Degenerate,
    discovery: Value,
    upstream: Option<String>,
    http: reqwest::Client,
}

type Answer = Response<Full<Bytes>>;

async fn serve(listener: TcpListener, target: Arc<Target>) {
    // Connections live in this set, so they end with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(converse(stream, Arc::clone(&target)));
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, target: Arc<Target>) {
    if target.kind == Degenerate::Reset {
        // Closing then sends RST. An honest answer on the same connection is read before: the client keeps it open.
        let _ = stream.set_zero_linger();
    }
    let service = service_fn(|request| {
        let target = Arc::clone(&target);
        async move { target.answer(request).await }
    });
    // A connection that breaks is what some of these targets are for.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Target {
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Answer> {
        match (request.method().as_str(), request.uri().path()) {
            ("GET", discovery::PATH) => return json_answer(200, &self.discovery),
            ("GET", "/health") => return json_answer(200, &json!({ "status": "ok" })),
            _ => {}
        }
        match self.kind {
            Degenerate::Always200 => json_answer(200, &json!({})),
            Degenerate::Always201 => json_answer(201, &json!({})),
            Degenerate::AlwaysForbidden => forbidden(),
            Degenerate::AlwaysNotFound => {
                let mut answer = Response::new(Full::default());
                *answer.status_mut() = StatusCode::NOT_FOUND;
                Ok(answer)
            }
            Degenerate::Echo => echo(request).await,
            Degenerate::Hang => std::future::pending().await,
            Degenerate::Reset => Err(io::ErrorKind::ConnectionReset.into()),
            Degenerate::FeatureLiar => self.pass_on(request).await,
        }
    }

    async fn pass_on(&self, request: Request<Incoming>) -> io::Result<Answer> {
        let (parts, body) = request.into_parts();
        let upstream = self.upstream.as_deref().unwrap_or_default();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers;
        // The body is sent whole, so its framing is new.
        for name in ["host", "content-length", "transfer-encoding", "connection"] {
            headers.remove(name);
        }
        let body = whole(body).await?;
        let mut passed = self.http.request(parts.method, format!("{upstream}{path}")).headers(headers);
        if !body.is_empty() {
            passed = passed.body(body);
        }
        let response = passed.send().await.map_err(io::Error::other)?;
        let mut answer = Response::builder().status(response.status());
        for (name, value) in response.headers() {
            if !matches!(name.as_str(), "content-length" | "transfer-encoding" | "connection") {
                answer = answer.header(name, value);
            }
        }
        let body = response.bytes().await.map_err(io::Error::other)?;
        answer.body(Full::new(body)).map_err(io::Error::other)
    }
}

async fn echo(request: Request<Incoming>) -> io::Result<Answer> {
    let media_type = request.headers().get(CONTENT_TYPE).cloned();
    let mut answer = Response::new(Full::new(whole(request.into_body()).await?));
    if let Some(media_type) = media_type {
        answer.headers_mut().insert(CONTENT_TYPE, media_type);
    }
    Ok(answer)
}

fn forbidden() -> io::Result<Answer> {
    let problem = json!({
        "type": "urn:assay:problem:forbidden",
        "title": "The token's role may not do this",
        "status": 403,
        "detail": "no",
        "code": "forbidden",
    });
    let body = Full::from(problem.to_string());
    let answer = Response::builder().status(403).header(CONTENT_TYPE, "application/problem+json");
    answer.body(body).map_err(io::Error::other)
}

fn json_answer(status: u16, value: &Value) -> io::Result<Answer> {
    let body = Full::from(value.to_string());
    let answer = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    answer.body(body).map_err(io::Error::other)
}

async fn whole(body: Incoming) -> io::Result<Bytes> {
    let body = http_body_util::Limited::new(body, MAX_BODY_BYTES).collect().await;
    Ok(body.map_err(io::Error::other)?.to_bytes())
}

//! The runtime as an admin reaches it: discovery, trust keys, upload, install, execute.

use std::time::Duration;

use assay_fixtures::sha256;
use assay_harness::{Discovery, DiscoveryError, Exit};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::Parts;
use crate::fault::quote;
use crate::report::Failed;

/// Nothing that is asked here has a longer answer, in bytes.
const MOST_BYTES: usize = 16 << 20;
/// A module may have to be compiled before the answer comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a runtime is, and who asks.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// Its base URL.
    pub url: &'a str,
    /// A bearer token of the role admin.
    pub token: Option<&'a str>,
}

/// A runtime.
pub struct Target {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// What a runtime answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, null if it is no JSON.
    pub body: Value,
}

impl Answer {
    /// A text of the body.
    pub fn text(&self, member: &str) -> &str {
        self.body.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it is a refusal with this code.
    pub fn is_problem(&self, code: &str) -> bool {
        self.status >= 400 && self.text("code") == code
    }
}

impl Target {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// What of the URL or of the token cannot be sent.
    pub fn new(at: At<'_>) -> Result<Target, Failed> {
        let next = "Give the base URL: --target http://127.0.0.1:8420";
        let url: Url =
            at.url.parse().map_err(|fault| Failed::usage(format!("`{}` is no URL: {fault}", quote(at.url)), next))?;
        if !["http", "https"].contains(&url.scheme()) || !url.username().is_empty() || url.password().is_some() {
            return Err(Failed::usage("the target is no http or https URL without user information", next));
        }
        if at.token.is_some_and(|token| token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            // The token itself is never shown.
            return Err(Failed::usage("the admin token cannot be sent in a header", "Look for white space in it."));
        }
        // Somebody may have installed a provider before; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(PATIENCE)
            .user_agent(concat!("assay/", env!("CARGO_PKG_VERSION")));
        if url.scheme() == "http" {
            // A machine without root certificates can still reach a runtime over http.
            builder = builder.tls_certs_only([]).no_proxy();
        }
        let http = builder.build().map_err(|fault| {
            Failed::usage(
                format!("there is no HTTP client: {}", cause(&fault)),
                "Check the root certificates of the machine.",
            )
        })?;
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Target { http, base, token: at.token.map(str::to_owned) })
    }

    /// Where it is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What it says about itself.
    ///
    /// # Errors
    /// If it cannot be reached, or is no runtime of this contract.
    pub async fn discovery(&self) -> Result<Discovery, Failed> {
        const PATH: &str = "/.well-known/handler-runtime";
        let answer = self.ask(Method::GET, PATH, None).await?;
        let wrong = |message: String| {
            Failed::usage(message, format!("See what answers there: curl -i {}{PATH}", self.base))
                .ending(Exit::ContractMismatch)
        };
        if answer.status != 200 {
            return Err(wrong(format!(
                "what answers at {} is no handler runtime: {PATH} answers {}",
                self.base, answer.status
            )));
        }
        Discovery::parse(answer.body).map_err(|fault| match fault {
            DiscoveryError::OtherContract { found, expected } => {
                wrong(format!("{} speaks contract {found}, this is {expected}", self.base))
            }
            DiscoveryError::Faults { faults } => {
                wrong(format!("what answers at {} is no handler runtime: {}", self.base, faults.join("; ")))
            }
        })
    }

    /// `GET`
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Failed> {
        self.ask(Method::GET, path, None).await
    }

    /// `POST` of an object.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Failed> {
        self.send(Method::POST, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Answer, Failed> {
        self.ask(method, path, Some(("application/json".to_owned(), body.to_string().into_bytes()))).await
    }

    /// `PUT /admin/trust/keys/{key}`
    ///
    /// # Errors
    /// If nothing is answered.
    pub async fn trust(&self, name: &str, key: &Value) -> Result<Answer, Failed> {
        self.send(Method::PUT, &format!("/admin/trust/keys/{name}"), key).await
    }

    /// `POST /admin/registry/handlers`
    ///
    /// # Errors
    /// If nothing is answered.
    pub async fn upload(&self, parts: Parts<'_>) -> Result<Answer, Failed> {
        let boundary = format!("assay-{}", &sha256(&[parts.manifest, parts.module].concat())[7..39]);
        let signatures = parts.signatures.iter().map(|bytes| ("signature", "application/vnd.dsse+json", &bytes[..]));
        let all = [("manifest", "application/json", parts.manifest), ("module", "application/wasm", parts.module)];
        let mut body = Vec::new();
        for (name, media_type, bytes) in all.into_iter().chain(signatures) {
            let head = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {media_type}\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let body = Some((format!("multipart/form-data; boundary={boundary}"), body));
        self.ask(Method::POST, "/admin/registry/handlers", body).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<(String, Vec<u8>)>) -> Result<Answer, Failed> {
        let unreachable = |cause: String| {
            let next = format!(
                "Check that it runs: curl -i {}/health\nOr start one: cargo run --bin assay-runtime",
                self.base
            );
            Failed::usage(format!("{} cannot be reached: {cause}", self.base), next).ending(Exit::Unreachable)
        };
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some((media_type, bytes)) = body {
            request = request.header("content-type", media_type).body(bytes);
        }
        let mut response = request.send().await.map_err(|fault| unreachable(cause(&fault)))?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|fault| unreachable(cause(&fault)))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST_BYTES {
                return Err(unreachable(format!("the answer to {path} does not end")));
            }
        }
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(json!(null)) })
    }
}

/// The innermost cause says most.
fn cause(fault: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = fault;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    quote(&cause.to_string())
}

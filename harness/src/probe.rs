//! The look at a target before the run: is it there, is it a runtime of this contract, do the tokens work.
//!
//! Nothing is recorded here. What this look finds ends the attempt with an [`AttachError`]; what it does not ask is for the
//! checks to judge.

use std::time::Duration;

use serde_json::Value;

use crate::client::root_cause;
use crate::discovery::PATH;
use crate::target::Tokens;
use crate::text::quote;
use crate::{AttachError, AttachOptions, Discovery, DiscoveryError, Probe};

/// Nothing that is asked here has a longer answer, in bytes. What comes after is not read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Reads discovery, and tries the tokens if the options say so.
pub(crate) async fn probe(
    http: &reqwest::Client,
    base: &str,
    tokens: &Tokens,
    options: &AttachOptions,
) -> Result<Discovery, AttachError> {
    let target = Asked { http, base, timeout: options.request_timeout };
    let discovery = target.discovery().await?;
    if options.probe == Probe::Tokens {
        target.token("admin", &tokens.admin, "--admin-token", "GET /admin/trust/keys").await?;
        target.token("user", &tokens.user, "--user-token", "GET /registry/handlers?limit=1").await?;
    }
    Ok(discovery)
}

/// What discovery says now: for targets that a check starts for itself.
pub(crate) async fn discover(http: &reqwest::Client, base: &str, timeout: Duration) -> Result<Discovery, AttachError> {
    Asked { http, base, timeout }.discovery().await
}

/// A target that is asked, request by request.
struct Asked<'a> {
    http: &'a reqwest::Client,
    base: &'a str,
    timeout: Duration,
}

impl Asked<'_> {
    async fn discovery(&self) -> Result<Discovery, AttachError> {
        let no_runtime = |faults: Vec<String>| AttachError::NotARuntime { url: self.base.to_owned(), faults };
        let (status, body) = self.answer(PATH, None).await?;
        if status != 200 {
            return Err(no_runtime(vec![format!("GET {PATH} answered {status}")]));
        }
        let raw: Value = serde_json::from_slice(&body)
            .map_err(|error| no_runtime(vec![format!("GET {PATH} answered what is not JSON ({error})")]))?;
        Discovery::parse(raw).map_err(|error| match error {
            DiscoveryError::OtherContract { found, expected } => AttachError::ContractMismatch { found, expected },
            DiscoveryError::Faults { faults } => no_runtime(faults),
        })
    }

    /// Only 401 and 403 speak of the token.
    async fn token(
        &self,
        role: &'static str,
        token: &str,
        flag: &'static str,
        probe: &'static str,
    ) -> Result<(), AttachError> {
        let (status, body) = self.answer(probe.trim_start_matches("GET "), Some(token)).await?;
        if !matches!(status, 401 | 403) {
            return Ok(());
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = problem.get("code").and_then(Value::as_str).unwrap_or_default();
        let answer = format!("{probe} answered {status} {}", quote(code)).trim_end().to_owned();
        Err(AttachError::TokenRefused { role, flag, probe, answer })
    }

    async fn answer(&self, path: &str, token: Option<&str>) -> Result<(u16, Vec<u8>), AttachError> {
        let unreachable = |cause: String| AttachError::Unreachable { url: self.base.to_owned(), cause };
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let asking = async {
            let mut response = request.send().await?;
            let mut body = Vec::new();
            while body.len() <= MAX_ANSWER_BYTES
                && let Some(chunk) = response.chunk().await?
            {
                body.extend_from_slice(&chunk);
            }
            Ok((response.status().as_u16(), body))
        };
        let answered: Result<_, reqwest::Error> = tokio::time::timeout(self.timeout, asking)
            .await
            .map_err(|_| unreachable(format!("no answer within {} s", self.timeout.as_secs_f64())))?;
        answered.map_err(|error| unreachable(root_cause(&error)))
    }
}

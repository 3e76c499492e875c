//! A server in this process, without a socket: its data in a folder that goes with it, its clock in our hands.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use assay_server::{App, Clock as _, Conduct, ManualClock, Network, Storage, Tokens};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::step::Who;
use crate::{
    finding::{Finding, Kind},
    upload::NOW,
};

const ADMIN: &str = "admin-token-of-the-fuzzer";
const USER: &str = "user-token-of-the-fuzzer";

/// Every code, and its status.
static PROBLEMS: LazyLock<BTreeMap<String, u16>> = LazyLock::new(|| {
    let text = include_str!("../../../conformance/spec/problems.toml");
    let table: toml::Table = text.parse().unwrap_or_default();
    let status = |problem: &toml::Value| problem.get("status")?.as_integer().and_then(|status| status.try_into().ok());
    table.iter().filter_map(|(code, problem)| Some((code.clone(), status(problem)?))).collect()
});

/// The server.
pub struct World {
    app: Arc<App>,
    clock: Arc<ManualClock>,
    runtime: Runtime,
    sequences: AtomicU64,
    // Removed when all else is gone.
    _data: TempDir,
}

/// An answer.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The same as JSON; null if it is none.
    pub json: Value,
    /// What was asked for.
    pub asked: String,
}

impl World {
    /// A server as the contract says, or with a defect.
    pub fn open(defect: Option<&str>) -> Option<Self> {
        let data = tempfile::tempdir().ok()?;
        let conduct = conduct(defect)?;
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().ok()?;
        let clock = Arc::new(ManualClock::at(NOW));
        let tokens = Tokens::new(ADMIN, USER).ok()?;
        let app = {
            let _within = runtime.enter();
            App::open(&Storage::within(data.path()), tokens, clock.clone(), Network::default(), conduct).ok()?
        };
        Some(Self { app: Arc::new(app), clock, runtime, sequences: AtomicU64::new(0), _data: data })
    }

    /// A number that no other sequence has.
    pub fn next(&self) -> u64 {
        self.sequences.fetch_add(1, Ordering::Relaxed)
    }

    /// The server's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time go on.
    pub fn wait(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    /// Sends a request and judges the answer as an answer.
    pub fn send(&self, who: Who, method: &str, path: &str, media: &str, body: Vec<u8>) -> Result<Reply, Finding> {
        let asked = format!("{who:?} {method} {path}");
        let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, media);
        let token = match who {
            Who::Admin => Some(ADMIN),
            Who::User => Some(USER),
            Who::Stranger => Some("token-of-a-stranger"),
            Who::Nobody => None,
        };
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body));
        let request = request.map_err(|fault| Finding::new(Kind::Panic, format!("{asked}: {fault}")))?;
        let (head, body) = self.runtime.block_on(async {
            let (head, body) = self.app.clone().answer(request).await.into_parts();
            (head, body.collect().await)
        });
        let body = body.map_err(|fault| Finding::new(Kind::Differs, format!("{asked}: {fault}")))?.to_bytes();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        let reply = Reply { status: head.status.as_u16(), headers: head.headers, body, json, asked };
        reply.judge()?;
        Ok(reply)
    }
}

/// How the promises are kept, or one of them is not.
fn conduct(defect: Option<&str>) -> Option<Conduct> {
    match defect {
        None => Some(Conduct::default()),
        #[cfg(feature = "sabotage")]
        Some(id) => assay_server::Sabotage::find(id)?.prepare(&assay_server::Given::default()).ok(),
        #[cfg(not(feature = "sabotage"))]
        Some(_) => None,
    }
}

impl Reply {
    /// A finding about this answer.
    pub fn wrong<T>(&self, kind: Kind, what: impl std::fmt::Display) -> Result<T, Finding> {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(600).collect();
        Err(Finding::new(kind, format!("{}: {} {body}; {what}", self.asked, self.status)))
    }

    /// The code of a problem, or nothing.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// A header, as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// README 3: never a failure of the server, and every refusal a whole problem.
    fn judge(&self) -> Result<(), Finding> {
        if self.status >= 500 {
            return self.wrong(Kind::Panic, "the server fails");
        }
        if self.status < 400 {
            return Ok(());
        }
        let (code, problem) = (self.code(), &self.json);
        let whole = PROBLEMS.get(code) == Some(&self.status)
            && self.header("content-type") == "application/problem+json"
            && problem["status"] == self.status
            && problem["type"] == format!("urn:assay:problem:{code}")
            && ["title", "detail"].iter().all(|member| problem[*member].is_string());
        if !whole {
            return self.wrong(Kind::WrongReason, "this is no problem of the contract");
        }
        let also = [("unauthenticated", "www-authenticate"), ("method-not-allowed", "allow")];
        match also.iter().find(|(of, header)| *of == code && self.header(header).is_empty()) {
            Some((_, header)) => self.wrong(Kind::WrongReason, format!("the header {header} is missing")),
            None => Ok(()),
        }
    }

    /// Compares with what may be answered: a status below 400, or some codes.
    pub fn expect(&self, expected: &Result<u16, Vec<&'static str>>) -> Result<(), Finding> {
        match expected {
            Ok(status) if self.status == *status => Ok(()),
            Ok(status) => self.wrong(Kind::Refused, format!("the contract says {status}")),
            Err(codes) if codes.contains(&self.code()) => Ok(()),
            Err(codes) => {
                let kind = if self.status < 400 { Kind::Accepted } else { Kind::WrongReason };
                self.wrong(kind, format!("the contract says {codes:?}"))
            }
        }
    }
}

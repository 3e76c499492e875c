//! The harness against real sockets and real processes.

mod attach;
mod degenerate;
mod evidence;
mod launch;
mod observatory;
mod runner;

use std::collections::BTreeMap;

use assay_harness::degenerate::Running;
use assay_harness::progress::Silent;
use assay_harness::{
    Attach, AttachOptions, Check, CheckResult, Degenerate, Group, Options, Plan, Probe, RunResult, Session, TERMS, run,
};
use reqwest::Url;
use serde_json::{Value, json};

const ADMIN: &str = "the-admin-token";
const USER: &str = "the-user-token";

/// A right discovery document that declares the feature `state`.
fn document() -> Value {
    let bounds: BTreeMap<&String, u64> = TERMS.bounds.iter().map(|(name, bound)| (name, bound.least)).collect();
    json!({
        "contract": TERMS.version,
        "implementation": { "name": "test", "version": "0.0.0" },
        "profiles": ["core"],
        "features": ["state"],
        "abis": ["core", "component"],
        "bounds": bounds,
        "registry_key": { "algorithm": "ed25519", "public_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
    })
}

fn at(url: &Url) -> Attach {
    Attach::Url { url: url.clone(), admin_token: Some(ADMIN.into()), user_token: Some(USER.into()) }
}

fn unprobed() -> AttachOptions {
    AttachOptions { probe: Probe::Discovery, ..AttachOptions::default() }
}

/// A degenerate target and a session with it.
async fn session(kind: Degenerate) -> (Running, Session) {
    let target = kind.start(document(), None).await.unwrap();
    let session = Session::attach(at(&target.url), unprobed()).await.unwrap();
    (target, session)
}

fn plan(checks: &'static [Check]) -> Plan {
    let group = Group { profile: "core", name: "tests", checks };
    Plan::all(&[Box::leak(Box::new(group))])
}

/// Runs these checks against an echo.
async fn run_on_echo(checks: &'static [Check], options: &Options) -> RunResult {
    let (_target, session) = session(Degenerate::Echo).await;
    run(&session, &plan(checks), options, &Silent).await
}

/// Runs the one check of a table once, in the first packaging.
async fn only(checks: &'static [Check], options: &Options) -> CheckResult {
    let result = run_on_echo(checks, options).await;
    assert_eq!(result.checks.len(), 1);
    result.checks.into_iter().next().unwrap()
}

//! A sandbox on the bench: prepares a module and runs it with jobs that differ in one thing.

use std::collections::BTreeMap;
use std::time::Duration;

use assay_fixtures::{Behaviour, Packaging, Recipe, sha256};
use assay_sandbox::{Abi, Context, Execution, Job, Limits, Outcome, Prepared, Sandbox, Settings, StateSnapshot};

/// More time than any handler needs that ends by itself, on any machine.
pub const AMPLE: Duration = Duration::from_secs(60);

/// One page of linear memory, in bytes.
pub const PAGE: u64 = 65_536;

/// Settings small enough that a process with many sandboxes stays small.
pub fn settings() -> Settings {
    Settings { max_memory_bytes: 16 << 20, max_concurrent: 16, ..Settings::default() }
}

pub fn sandbox() -> Sandbox {
    Sandbox::new(settings()).expect("a sandbox starts")
}

/// A job with ample limits and the input `"ping"`.
pub fn job() -> Job {
    Job {
        context: Context {
            execution: "x-1".into(),
            handler: "com.example.test".into(),
            version: "1.0.0".into(),
            caller: "user".into(),
            admitted_at_ms: 1_767_225_600_123,
            attributes: BTreeMap::new(),
        },
        input: b"\"ping\"".to_vec(),
        limits: Limits { memory_bytes: 16 << 20, timeout: AMPLE, log_bytes: 4096, output_bytes: 65_536 },
        state: None,
        egress: None,
    }
}

/// The same with state: these values, and 1000 bytes of quota.
pub fn job_with_state(values: &[(&str, &str)]) -> Job {
    let entry = |(key, value): &(&str, &str)| (key.to_string(), value.as_bytes().to_vec());
    let values = values.iter().map(entry).collect();
    let state = StateSnapshot { values, max_bytes: 1000, max_key_bytes: 256, max_keys: 100 };
    Job { state: Some(state), ..job() }
}

pub fn module(behaviour: &Behaviour, packaging: Packaging) -> Vec<u8> {
    Recipe::new("com.example.test", behaviour.clone()).packaging(packaging).build().module
}

pub fn abi(packaging: Packaging) -> Abi {
    match packaging {
        Packaging::Core => Abi::Core,
        Packaging::Component => Abi::Component,
    }
}

/// A key for the module: half of the digits of its digest.
pub fn key(module: &[u8]) -> [u8; 32] {
    let digest = sha256(module);
    let digits = digest.as_bytes().iter().rev().take(32).copied().collect::<Vec<u8>>();
    digits.try_into().expect("a digest has 64 digits")
}

pub async fn prepare(sandbox: &Sandbox, behaviour: &Behaviour, packaging: Packaging) -> Prepared {
    let module = module(behaviour, packaging);
    let prepared = sandbox.prepare(abi(packaging), key(&module), &module).await;
    prepared.expect("a fixture passes the gates")
}

/// Runs the behaviour once, in each packaging, with this job.
pub async fn in_both_packagings(behaviour: Behaviour, job: Job) -> [Execution; 2] {
    let sandbox = sandbox();
    let mut executions = Vec::new();
    for packaging in Packaging::ALL {
        let handler = prepare(&sandbox, &behaviour, packaging).await;
        executions.push(sandbox.execute(&handler, job.clone()).await);
    }
    executions.try_into().expect("two packagings")
}

/// The outcomes of [`in_both_packagings`].
pub async fn outcomes(behaviour: Behaviour, job: Job) -> [Outcome; 2] {
    in_both_packagings(behaviour, job).await.map(|execution| execution.outcome)
}

pub fn output(text: &str) -> Outcome {
    Outcome::Output(text.as_bytes().to_vec())
}

//! Many executions at once, fresh instances, and what is shared between them (core.md, 9.9, 9.13).

use std::sync::Arc;
use std::time::Duration;

use assay_fixtures::{Behaviour, Packaging};
use assay_sandbox::{Abi, Outcome, PrepareError, Sandbox};

use crate::bench::{AMPLE, job, key, module, output, prepare, sandbox, settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_executions_at_once_never_mix() {
    let sandbox = Arc::new(sandbox());
    let behaviours = [
        Behaviour::LogInput(assay_fixtures::LogLevel::Info),
        Behaviour::Context,
        Behaviour::Trap,
        Behaviour::LoopForever,
    ];
    let mut running = Vec::new();
    for index in 0..64usize {
        let behaviour = behaviours[index % 4].clone();
        let packaging = Packaging::ALL[(index / 4) % 2];
        let sandbox = Arc::clone(&sandbox);
        running.push(tokio::spawn(async move {
            let handler = prepare(&sandbox, &behaviour, packaging).await;
            let nonce = format!("nonce-{index}-end");
            let mut job = job();
            job.context.execution = nonce.clone();
            job.input = format!("\"{nonce}\"").into_bytes();
            if behaviour == Behaviour::LoopForever {
                job.limits.timeout = Duration::from_millis(20);
            }
            (behaviour, nonce, sandbox.execute(&handler, job).await)
        }));
    }
    for task in running {
        let (behaviour, nonce, execution) = task.await.expect("no task panics");
        match behaviour {
            Behaviour::LogInput(_) => {
                assert_eq!(execution.outcome, output(&format!("\"{nonce}\"")));
                assert_eq!(execution.logs.len(), 1);
                assert_eq!(execution.logs[0].message, format!("\"{nonce}\""));
            }
            Behaviour::Context => {
                let Outcome::Output(told) = execution.outcome else { panic!("{execution:?}") };
                let told = String::from_utf8(told).expect("the fixture writes text");
                assert!(told.contains(&format!("\"{nonce}\"")), "{told}");
            }
            Behaviour::Trap => assert!(matches!(execution.outcome, Outcome::Trap(_))),
            _ => assert_eq!(execution.outcome, Outcome::Timeout),
        }
    }
}

#[tokio::test]
async fn every_execution_starts_from_a_fresh_instance() {
    let sandbox = sandbox();
    for packaging in Packaging::ALL {
        let handler = prepare(&sandbox, &Behaviour::Counter, packaging).await;
        for _ in 0..5 {
            assert_eq!(sandbox.execute(&handler, job()).await.outcome, output("0"));
        }
    }
}

#[tokio::test]
async fn a_handler_works_again_after_a_trap_a_timeout_and_too_much_memory() {
    let sandbox = sandbox();
    for packaging in Packaging::ALL {
        let grow = Behaviour::GrowMemory { pages: 8 };
        let handler = prepare(&sandbox, &grow, packaging).await;
        let mut short = job();
        short.limits.memory_bytes = 4 << 16;
        let ended = sandbox.execute(&handler, short).await;
        assert_eq!(ended.outcome, Outcome::MemoryExceeded);
        assert_eq!(sandbox.execute(&handler, job()).await.outcome, output("\"ping\""));
    }
}

#[tokio::test]
async fn an_execution_that_is_given_up_leaves_its_place() {
    let sandbox = Sandbox::new(assay_sandbox::Settings { max_concurrent: 1, ..settings() });
    let sandbox = sandbox.expect("a sandbox starts");
    let endless = prepare(&sandbox, &Behaviour::LoopForever, Packaging::Component).await;
    let echo = prepare(&sandbox, &Behaviour::Echo, Packaging::Component).await;
    let given_up = tokio::time::timeout(Duration::from_millis(30), sandbox.execute(&endless, job())).await;
    assert!(given_up.is_err());
    let next = tokio::time::timeout(AMPLE, sandbox.execute(&echo, job())).await;
    assert_eq!(next.map(|execution| execution.outcome), Ok(output("\"ping\"")));
}

#[tokio::test]
async fn keeps_what_it_prepared_under_its_digest() {
    let sandbox = sandbox();
    let echo = module(&Behaviour::Echo, Packaging::Core);
    assert!(sandbox.prepared(Abi::Core, key(&echo)).is_none());
    let prepared = sandbox.prepare(Abi::Core, key(&echo), &echo).await;
    assert!(prepared.is_ok());
    assert!(sandbox.prepared(Abi::Core, key(&echo)).is_some());
    assert!(sandbox.prepared(Abi::Component, key(&echo)).is_none());
}

#[tokio::test]
async fn keeps_compiled_code_in_the_folder_it_is_given() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let cached = assay_sandbox::Settings { cache_dir: Some(folder.path().join("compiled")), ..settings() };
    for _ in 0..2 {
        let sandbox = Sandbox::new(cached.clone()).expect("a sandbox starts");
        let handler = prepare(&sandbox, &Behaviour::Echo, Packaging::Component).await;
        assert_eq!(sandbox.execute(&handler, job()).await.outcome, output("\"ping\""));
    }
    let kept = std::fs::read_dir(folder.path().join("compiled")).expect("it was made").count();
    assert!(kept > 0);
}

#[tokio::test]
async fn refuses_bytes_that_are_no_module() {
    let sandbox = sandbox();
    for abi in [Abi::Core, Abi::Component] {
        let prepared = sandbox.prepare(abi, [0; 32], b"not a module").await;
        assert!(matches!(prepared, Err(PrepareError::Compile(_))));
    }
}

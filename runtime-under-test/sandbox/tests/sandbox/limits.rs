//! Time, memory and output (core.md, 9.6 to 9.9).

use std::time::Duration;

use assay_fixtures::{Behaviour, FailureKind as Made, Flaw, Packaging, Recipe};
use assay_sandbox::{FailureKind, Job, Outcome};

use crate::bench::{PAGE, abi, in_both_packagings, job, key, outcomes, output, prepare, sandbox};

fn with_memory(bytes: u64) -> Job {
    let mut job = job();
    job.limits.memory_bytes = bytes;
    job
}

fn with_output(bytes: u64) -> Job {
    let mut job = job();
    job.limits.output_bytes = bytes;
    job
}

#[tokio::test]
async fn ends_a_handler_that_runs_past_its_time() {
    let mut job = job();
    job.limits.timeout = Duration::from_millis(50);
    let ended = outcomes(Behaviour::LoopForever, job).await;
    assert_eq!(ended, [Outcome::Timeout, Outcome::Timeout]);
}

#[tokio::test]
async fn lets_a_handler_finish_that_keeps_its_time() {
    let ended = outcomes(Behaviour::LoopTurns(50_000_000), job()).await;
    assert_eq!(ended, [output("\"ping\""), output("\"ping\"")]);
}

#[tokio::test]
async fn serves_others_on_the_same_thread_while_a_handler_runs_on() {
    let sandbox = sandbox();
    let endless = prepare(&sandbox, &Behaviour::LoopForever, Packaging::Component).await;
    let echo = prepare(&sandbox, &Behaviour::Echo, Packaging::Core).await;
    // One thread only: without the yield at each tick the first future would never let go of it.
    let first = tokio::select! {
        biased;
        execution = sandbox.execute(&endless, job()) => execution,
        execution = sandbox.execute(&echo, job()) => execution,
    };
    assert_eq!(first.outcome, output("\"ping\""));
}

#[tokio::test]
async fn grants_memory_up_to_the_limit() {
    let pages = 8;
    for execution in in_both_packagings(Behaviour::GrowMemory { pages }, with_memory(u64::from(pages) * PAGE)).await {
        assert_eq!(execution.outcome, output("\"ping\""));
        assert_eq!(execution.usage.memory_bytes, u64::from(pages) * PAGE);
    }
}

#[tokio::test]
async fn ends_a_handler_that_asks_for_one_page_more() {
    let ended = outcomes(Behaviour::GrowMemory { pages: 9 }, with_memory(8 * PAGE)).await;
    assert_eq!(ended, [Outcome::MemoryExceeded, Outcome::MemoryExceeded]);
}

#[tokio::test]
async fn ends_a_handler_that_would_ignore_a_refusal() {
    let ended = outcomes(Behaviour::GrowForever, with_memory(4 * PAGE)).await;
    assert_eq!(ended, [Outcome::MemoryExceeded, Outcome::MemoryExceeded]);
}

#[tokio::test]
async fn counts_initial_memories_and_tables_at_the_start() {
    let sandbox = sandbox();
    for packaging in Packaging::ALL {
        let recipe = Recipe::new("com.example.test", Behaviour::Echo).packaging(packaging);
        let module = recipe.flaw(Flaw::InitialTable(1000)).build().module;
        let handler = sandbox.prepare(abi(packaging), key(&module), &module).await;
        let handler = handler.expect("it is well-formed");
        let enough = sandbox.execute(&handler, with_memory(PAGE + 8000)).await;
        assert_eq!(enough.outcome, output("\"ping\""));
        assert_eq!(enough.usage.memory_bytes, PAGE + 8000);
        let too_little = sandbox.execute(&handler, with_memory(PAGE + 7999)).await;
        assert_eq!(too_little.outcome, Outcome::MemoryExceeded);
    }
}

#[tokio::test]
async fn returns_an_output_of_exactly_the_limit() {
    let filled = Behaviour::Filled { byte: b'x', len: 998 };
    for outcome in outcomes(filled, with_output(1000)).await {
        assert!(matches!(outcome, Outcome::Output(bytes) if bytes.len() == 1000));
    }
}

#[tokio::test]
async fn refuses_an_output_one_byte_past_the_limit() {
    let filled = Behaviour::Filled { byte: b'x', len: 999 };
    let ended = outcomes(filled, with_output(1000)).await;
    assert_eq!(ended, [Outcome::OutputTooLarge, Outcome::OutputTooLarge]);
}

#[tokio::test]
async fn returns_a_failure_message_of_exactly_the_limit() {
    let message = "ü".repeat(500);
    let fail = Behaviour::Fail { kind: Made::InvalidInput, message: message.clone() };
    let expected = Outcome::Failure { kind: FailureKind::InvalidInput, message };
    assert_eq!(outcomes(fail, with_output(1000)).await, [expected.clone(), expected]);
}

#[tokio::test]
async fn refuses_a_failure_message_one_byte_past_the_limit() {
    let fail = Behaviour::Fail { kind: Made::Internal, message: "x".repeat(1001) };
    let ended = outcomes(fail, with_output(1000)).await;
    assert_eq!(ended, [Outcome::OutputTooLarge, Outcome::OutputTooLarge]);
}

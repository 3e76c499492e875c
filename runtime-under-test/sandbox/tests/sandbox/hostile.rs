//! Core modules whose author tries the host itself.

use std::time::Duration;

use assay_sandbox::{Abi, Execution, Job, Outcome};

use crate::bench::{PAGE, job, key, output, sandbox};
use crate::handmade::{HandMade, endless, return_the_result, write_a_line};

async fn run(module: HandMade, job: Job) -> Execution {
    let sandbox = sandbox();
    let module = module.encode();
    let handler = sandbox.prepare(Abi::Core, key(&module), &module).await;
    let handler = handler.expect("a well-formed module of the right interface");
    sandbox.execute(&handler, job).await
}

fn short() -> Job {
    let mut job = job();
    job.limits.timeout = Duration::from_millis(50);
    job
}

#[tokio::test]
async fn the_module_that_is_right_succeeds() {
    assert_eq!(run(HandMade::right(), job()).await.outcome, output(""));
}

#[tokio::test]
async fn ends_a_start_function_that_runs_on() {
    let module = HandMade { start: Some(endless), ..HandMade::right() };
    assert_eq!(run(module, short()).await.outcome, Outcome::Timeout);
}

#[tokio::test]
async fn ends_an_allocator_that_runs_on() {
    let realloc = |code: &mut wasm_encoder::InstructionSink<'_>| {
        endless(code);
        code.unreachable();
    };
    let module = HandMade { realloc, ..HandMade::right() };
    assert_eq!(run(module, short()).await.outcome, Outcome::Timeout);
}

#[tokio::test]
async fn ends_a_clean_up_that_runs_on() {
    let module = HandMade { post_handle: endless, ..HandMade::right() };
    assert_eq!(run(module, short()).await.outcome, Outcome::Timeout);
}

#[tokio::test]
async fn traps_an_allocator_that_calls_the_host() {
    let realloc = |code: &mut wasm_encoder::InstructionSink<'_>| {
        write_a_line(code);
        code.i32_const(4096);
    };
    let execution = run(HandMade { realloc, ..HandMade::right() }, job()).await;
    assert!(matches!(execution.outcome, Outcome::Trap(_)));
    assert!(execution.logs.is_empty());
}

#[tokio::test]
async fn traps_a_clean_up_that_calls_the_host() {
    let module = HandMade { post_handle: write_a_line, ..HandMade::right() };
    assert!(matches!(run(module, job()).await.outcome, Outcome::Trap(_)));
}

#[tokio::test]
async fn traps_an_allocation_outside_the_memory() {
    let realloc = |code: &mut wasm_encoder::InstructionSink<'_>| {
        code.i32_const(-8);
    };
    let module = HandMade { realloc, ..HandMade::right() };
    assert!(matches!(run(module, job()).await.outcome, Outcome::Trap(_)));
}

#[tokio::test]
async fn cleans_up_exactly_once_with_the_pointer_of_the_result() {
    // Traps at the second call, and if the parameter is not what `handle` returned.
    let post_handle = |code: &mut wasm_encoder::InstructionSink<'_>| {
        code.global_get(0).if_(wasm_encoder::BlockType::Empty).unreachable().end();
        code.i32_const(1).global_set(0);
        code.local_get(0).i32_const(1024).i32_ne();
        code.if_(wasm_encoder::BlockType::Empty).unreachable().end();
    };
    let module = HandMade { post_handle, ..HandMade::right() };
    assert_eq!(run(module, job()).await.outcome, output(""));
}

#[tokio::test]
async fn traps_a_recursion_without_end() {
    let start = |code: &mut wasm_encoder::InstructionSink<'_>| {
        code.call(4);
    };
    let execution = run(HandMade { start: Some(start), ..HandMade::right() }, job()).await;
    let Outcome::Trap(words) = execution.outcome else { panic!("{execution:?}") };
    assert!(words.contains("stack"), "{words}");
}

#[tokio::test]
async fn ends_a_table_that_grows_past_the_limit() {
    let handle = |code: &mut wasm_encoder::InstructionSink<'_>| {
        code.ref_null(wasm_encoder::HeapType::FUNC).i32_const(100_000).table_grow(0).drop();
        return_the_result(code);
    };
    let module = || HandMade { handle, ..HandMade::right() };
    let mut job = job();
    job.limits.memory_bytes = PAGE + 8 * 100_001;
    let fits = run(module(), job.clone()).await;
    assert_eq!(fits.outcome, output(""));
    assert_eq!(fits.usage.memory_bytes, job.limits.memory_bytes);
    job.limits.memory_bytes -= 1;
    assert_eq!(run(module(), job).await.outcome, Outcome::MemoryExceeded);
}

#[tokio::test]
async fn ends_a_request_for_more_memory_than_an_address_can_name() {
    let handle = |code: &mut wasm_encoder::InstructionSink<'_>| {
        code.i32_const(-1).memory_grow(0).drop();
        return_the_result(code);
    };
    let module = HandMade { handle, ..HandMade::right() };
    assert_eq!(run(module, job()).await.outcome, Outcome::MemoryExceeded);
}

#[tokio::test]
async fn runs_modules_with_external_references_without_charging_for_them() {
    let handle = |code: &mut wasm_encoder::InstructionSink<'_>| {
        code.i32_const(0).ref_null(wasm_encoder::HeapType::EXTERN).table_set(1);
        code.i32_const(0).table_get(1).ref_is_null().if_(wasm_encoder::BlockType::Empty);
        code.else_().unreachable().end();
        return_the_result(code);
    };
    let module = HandMade { handle, externref: true, ..HandMade::right() };
    let execution = run(module, job()).await;
    assert_eq!(execution.outcome, output(""));
    assert_eq!(execution.usage.memory_bytes, PAGE + 16);
}

#[tokio::test]
async fn bounds_the_log_of_a_handler_that_writes_empty_lines_without_end() {
    let handle = |code: &mut wasm_encoder::InstructionSink<'_>| {
        code.loop_(wasm_encoder::BlockType::Empty);
        write_a_line(code);
        code.br(0).end().unreachable();
    };
    let mut job = job();
    job.limits.timeout = Duration::from_millis(200);
    let execution = run(HandMade { handle, ..HandMade::right() }, job).await;
    assert_eq!(execution.outcome, Outcome::Timeout);
    assert!(execution.logs.len() <= 4096 + 1024);
}

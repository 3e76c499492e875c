//! Each deliberate defect shows, and shows as what it says.

use std::sync::Arc;
use std::time::Duration;

use assay_fixtures::exchange::{EgressError as Told, Request as Asked};
use assay_fixtures::{Behaviour, FailureKind as Made, LogLevel, Packaging};
use assay_sandbox::{
    EgressError, Execution, FailureKind, Job, Level, Outcome, Response, Sandbox, StateSnapshot, sabotages,
};

use crate::bench::{PAGE, job, job_with_state, output, prepare, settings};
use crate::egress::{Answers, Silent, answers, fetch};

/// Runs the behaviour twice in a sandbox with the defect.
async fn twice(id: &str, behaviour: Behaviour, job: Job) -> [Execution; 2] {
    let sandbox = Sandbox::sabotaged(settings(), id).expect("the defect exists");
    let sandbox = sandbox.expect("a sandbox starts");
    let handler = prepare(&sandbox, &behaviour, Packaging::Component).await;
    let first = sandbox.execute(&handler, job.clone()).await;
    [first, sandbox.execute(&handler, job).await]
}

async fn once(id: &str, behaviour: Behaviour, job: Job) -> Execution {
    let [first, _] = twice(id, behaviour, job).await;
    first
}

fn lines() -> Vec<(LogLevel, String)> {
    vec![(LogLevel::Warn, "one".into()), (LogLevel::Error, "two".into())]
}

fn with_memory(pages: u64) -> Job {
    let mut job = job();
    job.limits.memory_bytes = pages * PAGE;
    job
}

#[test]
fn there_is_no_defect_of_an_unknown_name() {
    assert!(Sandbox::sabotaged(settings(), "no-such-defect").is_none());
}

#[test]
fn offers_every_defect_that_the_proof_lists_for_this_crate() {
    let list = include_str!("../../../../conformance/proof/sabotages.toml");
    let mut listed = Vec::new();
    for entry in list.split("[[sabotage]]").filter(|entry| entry.contains("crate = \"sandbox\"")) {
        let id = entry.lines().find_map(|line| line.strip_prefix("id = ")).expect("an id");
        listed.push(id.trim_matches('"'));
    }
    let mut offered = sabotages().to_vec();
    listed.sort_unstable();
    offered.sort_unstable();
    assert_eq!(offered, listed);
}

#[tokio::test]
async fn defects_of_what_goes_in_show() {
    assert_eq!(once("input-not-passed", Behaviour::Echo, job()).await.outcome, output("null"));
    let unrun = once("input-returned-without-running", Behaviour::Trap, job()).await;
    assert_eq!(unrun.outcome, output("\"ping\""));
    let mut job = job();
    job.context.attributes.insert("a".into(), "1".into());
    let told = once("context-attributes-lost", Behaviour::Context, job).await.outcome;
    let Outcome::Output(told) = told else { panic!("{told:?}") };
    assert!(String::from_utf8_lossy(&told).contains("\"attributes\":{}"));
}

#[tokio::test]
async fn defects_of_outcomes_show() {
    let fail = Behaviour::Fail { kind: Made::Unavailable, message: "m".into() };
    let flattened = once("failure-kinds-flattened", fail, job()).await.outcome;
    assert_eq!(flattened, Outcome::Failure { kind: FailureKind::Internal, message: "m".into() });
    assert_eq!(once("traps-are-null", Behaviour::Trap, job()).await.outcome, output("null"));
    let mut job = job();
    job.limits.output_bytes = 6;
    let refused = once("output-at-the-limit-refused", Behaviour::Echo, job.clone()).await;
    assert_eq!(refused.outcome, Outcome::OutputTooLarge);
    job.limits.output_bytes = 1;
    let ignored = once("output-limit-ignored", Behaviour::Echo, job).await;
    assert_eq!(ignored.outcome, output("\"ping\""));
}

#[tokio::test]
async fn defects_of_outputs_and_of_messages_are_apart() {
    let fail = Behaviour::Fail { kind: Made::Internal, message: "six by".into() };
    let failure = Outcome::Failure { kind: FailureKind::Internal, message: "six by".into() };
    let mut job = job();
    job.limits.output_bytes = 6;
    let at_the_limit = once("output-at-the-limit-refused", fail.clone(), job.clone()).await;
    assert_eq!(at_the_limit.outcome, failure);
    job.limits.output_bytes = 5;
    let bounded = once("output-limit-ignored", fail.clone(), job.clone()).await;
    assert_eq!(bounded.outcome, Outcome::OutputTooLarge);
    let unbounded = once("failure-message-unbounded", fail, job.clone()).await;
    assert_eq!(unbounded.outcome, failure);
    let output = once("failure-message-unbounded", Behaviour::Echo, job).await;
    assert_eq!(output.outcome, Outcome::OutputTooLarge);
}

#[tokio::test]
async fn defects_of_deadlines_show() {
    let mut job = job();
    job.limits.timeout = Duration::from_millis(10);
    let sandbox = Sandbox::sabotaged(settings(), "deadline-unenforced").expect("it exists");
    let sandbox = sandbox.expect("a sandbox starts");
    let handler = prepare(&sandbox, &Behaviour::LoopForever, Packaging::Core).await;
    assert_eq!(sandbox.execute(&handler, job.clone()).await.outcome, output("null"));
    job.limits.timeout = Duration::from_secs(1);
    let start = std::time::Instant::now();
    let ended = once("deadline-cut-short", Behaviour::LoopForever, job).await;
    assert_eq!(ended.outcome, Outcome::Timeout);
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_constant_timeout_is_that_of_no_manifest() {
    let start = std::time::Instant::now();
    let [longer, _] = twice("timeout-constant", Behaviour::LoopForever, job()).await;
    assert_eq!(longer.outcome, Outcome::Timeout);
    // Two executions of a second each; the job's own limit is a minute.
    assert!(start.elapsed() >= Duration::from_secs(2) && start.elapsed() < Duration::from_secs(60));
    let mut job = job();
    job.limits.timeout = Duration::ZERO;
    assert_eq!(once("timeout-constant", Behaviour::Echo, job).await.outcome, output("\"ping\""));
}

#[tokio::test]
async fn defects_of_instances_show() {
    let [first, second] = twice("instances-reused", Behaviour::Counter, job()).await;
    assert_eq!((first.outcome, second.outcome), (output("0"), output("1")));
    let state = job_with_state(&[]);
    let swap = Behaviour::StateSwap { key: "k".into() };
    let [first, second] = twice("instances-reused", swap, state).await;
    assert_eq!(first.state_changes, second.state_changes);
    let grow = Behaviour::GrowMemory { pages: 4 };
    let [first, second] = twice("traps-poison-the-handler", grow, with_memory(2)).await;
    assert_eq!(first.outcome, Outcome::MemoryExceeded);
    assert!(matches!(second.outcome, Outcome::Trap(_)));
}

#[tokio::test]
async fn one_execution_at_a_time_makes_others_wait() {
    let sandbox = Sandbox::sabotaged(settings(), "one-execution-at-a-time").expect("it exists");
    let sandbox = sandbox.expect("a sandbox starts");
    let endless = prepare(&sandbox, &Behaviour::LoopForever, Packaging::Core).await;
    let echo = prepare(&sandbox, &Behaviour::Echo, Packaging::Core).await;
    let mut short = job();
    short.limits.timeout = Duration::from_millis(100);
    let first = tokio::select! {
        biased;
        execution = sandbox.execute(&endless, short) => execution,
        execution = sandbox.execute(&echo, job()) => execution,
    };
    assert_eq!(first.outcome, Outcome::Timeout);
}

#[tokio::test]
async fn defects_of_the_log_show() {
    let dropped = once("log-lines-dropped", Behaviour::Log(lines()), job()).await;
    assert_eq!(dropped.logs.len(), 1);
    let flattened = once("log-levels-flattened", Behaviour::Log(lines()), job()).await;
    assert!(flattened.logs.iter().all(|line| line.level == Level::Info));
    let lost = once("logs-lost-at-a-trap", Behaviour::LogThenTrap(lines()), job()).await;
    assert!(lost.logs.is_empty());
    let mut job = job();
    job.limits.log_bytes = 0;
    let ignored = once("log-limit-ignored", Behaviour::Log(lines()), job).await;
    assert_eq!((ignored.logs.len(), ignored.logs_truncated), (2, false));
}

#[tokio::test]
async fn defects_of_memory_show() {
    let grow = |pages| Behaviour::GrowMemory { pages };
    let more = once("memory-limit-off-by-one", grow(5), with_memory(4)).await;
    assert_eq!(more.outcome, output("\"ping\""));
    let less = once("memory-limit-exclusive", grow(4), with_memory(4)).await;
    assert_eq!(less.outcome, Outcome::MemoryExceeded);
    let mebibyte = once("memory-limit-constant", grow(16), with_memory(1)).await;
    assert_eq!(mebibyte.outcome, output("\"ping\""));
    let past_it = once("memory-limit-constant", grow(17), with_memory(32)).await;
    assert_eq!(past_it.outcome, Outcome::MemoryExceeded);
    let minus_one = once("memory-limit-ignored", grow(5), with_memory(4)).await;
    assert!(matches!(minus_one.outcome, Outcome::Trap(_)));
    let misreported = once("memory-use-misreported", Behaviour::Echo, with_memory(4)).await;
    assert_eq!(misreported.usage.memory_bytes, 4 * PAGE);
}

#[tokio::test]
async fn defects_of_state_show() {
    let trap = Behaviour::StateSetThenTrap { key: "k".into() };
    let committed = once("state-committed-at-failure", trap, job_with_state(&[])).await;
    assert_eq!(committed.state_changes.map(|changes| changes.len()), Some(1));
    let fill = |len| Behaviour::StateFill { key: "k".into(), len };
    let ignored = once("quota-ignored", fill(2000), job_with_state(&[])).await;
    assert_eq!(ignored.outcome, output("\"ok\""));
    let with_quota = |max_bytes| {
        let mut job = job_with_state(&[]);
        job.state = job.state.map(|state| StateSnapshot { max_bytes, ..state });
        job
    };
    let more = once("quota-constant", fill(999), with_quota(10)).await;
    assert_eq!(more.outcome, output("\"ok\""));
    let less = once("quota-constant", fill(1000), with_quota(5000)).await;
    assert_eq!(less.outcome, output("\"quota-exceeded\""));
    let refused = once("quota-at-the-limit-refused", fill(999), job_with_state(&[])).await;
    assert_eq!(refused.outcome, output("\"quota-exceeded\""));
}

#[tokio::test]
async fn defects_of_cpu_time_show() {
    let cpu = async |id, behaviour| once(id, behaviour, job()).await.usage.cpu_us;
    assert_eq!(cpu("cpu-constant", Behaviour::Echo).await, 500);
    assert_eq!(cpu("cpu-of-traps-forgotten", Behaviour::Trap).await, 0);
    assert!(cpu("cpu-of-traps-forgotten", Behaviour::LoopTurns(5_000_000)).await > 0);
    let in_milliseconds = cpu("cpu-in-milliseconds", Behaviour::LoopTurns(5_000_000)).await;
    let in_nanoseconds = cpu("cpu-in-nanoseconds", Behaviour::LoopTurns(5_000_000)).await;
    assert!(in_milliseconds < in_nanoseconds / 1000);
}

#[tokio::test]
async fn defects_of_requests_show() {
    let answer = || Response { status: 503, headers: vec![], body: vec![0xff] };
    let fetched = async |id, body: &[u8]| {
        let outside = Answers::of([Ok(answer()), Ok(answer())]);
        let asked = Asked::post("https://a.test", body);
        let execution = once(id, Behaviour::Fetch, fetch(&[asked], outside.clone())).await;
        (answers(&execution)[0].clone(), outside.asked())
    };
    let (cut, _) = fetched("egress-status-cut-to-a-byte", b"").await;
    assert_eq!(cut.map(|response| response.status), Ok(503 & 0xff));
    let (repaired, _) = fetched("egress-response-body-as-text", b"").await;
    assert_eq!(repaired.map(|response| response.body), Ok("\u{fffd}".as_bytes().to_vec()));
    let (_, asked) = fetched("egress-request-body-as-text", &[0xff]).await;
    assert_eq!(asked[0].body, "\u{fffd}".as_bytes());
    let outside = Answers::of([Err(EgressError::RateLimited), Err(EgressError::RateLimited)]);
    let execution = once("egress-errors-are-one-case", Behaviour::Fetch, fetch(&[Asked::get("x")], outside)).await;
    assert!(matches!(answers(&execution)[0], Err(Told::Failed(_))));
}

#[tokio::test]
async fn defects_of_waiting_show() {
    let sandbox = Sandbox::sabotaged(settings(), "egress-wait-outlives-the-limit").expect("it exists");
    let sandbox = sandbox.expect("a sandbox starts");
    let handler = prepare(&sandbox, &Behaviour::Fetch, Packaging::Core).await;
    let mut job = fetch(&[Asked::get("https://a.test")], Arc::new(Silent::default()));
    job.limits.timeout = Duration::from_millis(400);
    let late = sandbox.execute(&handler, job).await;
    assert_eq!(answers(&late)[0], Err(Told::TimedOut));
}

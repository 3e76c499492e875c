//! What becomes of an execution (core.md 9.4 to 9.9 and 9.13). Each check that runs WASM runs in both packagings.

use std::time::{Duration, Instant};

use assay_fixtures::{Behaviour, FailureKind};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use rand::Rng as _;
use serde_json::{Value, json};

use crate::installed::Execution;
use crate::publisher::Publisher;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "execution",
    checks: checks![
        each("core.execution.echo", "the input reaches the handler and its output returns", &["CORE-EXE-001"], echo),
        each("core.execution.computes", "the output is what the export computed", &["CORE-EXE-002"], computes),
        each("core.execution.failure", "a failure is reported with its kind and message", &["CORE-EXE-003"], failure),
        each("core.execution.failure-limit", "a failure's message counts as output", &["CORE-EXE-016"], failure_limit),
        each("core.execution.trap", "a trap is reported as one", &["CORE-EXE-004"], trap),
        each("core.execution.timeout", "a handler that runs past its time is ended", &["CORE-EXE-005"], timeout)
            .costly(),
        each("core.execution.in-time", "a handler that ends in time succeeds", &["CORE-EXE-005"], in_time).costly(),
        each(
            "core.execution.others-served",
            "while a handler runs away, others are served",
            &["CORE-EXE-006"],
            others_served
        )
        .costly(),
        each("core.execution.fresh", "every execution starts from a fresh instance", &["CORE-EXE-012"], fresh),
        each("core.execution.recovers", "after a hostile execution the next one works", &["CORE-EXE-013"], recovers),
    ],
};

async fn echo(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("echo", Behaviour::Echo)).await?;
    let nonce: u32 = cx.rng().random();
    for (name, input) in [
        ("nonce", json!({"nonce": nonce})),
        ("null", json!(null)),
        ("empty text", json!("")),
        ("escapes", json!("a\"\\\u{0}\u{1f600}\n")),
        ("nested", json!([[[{"a": [true, false, null, -1, 0.5]}]]])),
        ("long", json!("x".repeat(40_000))),
    ] {
        let judged = async { handler.execute(input.clone()).await?.expect_output(&input) };
        cx.case(name, judged).await;
    }
    Ok(())
}

async fn computes(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // The answer is in the module, in no request: only a runtime that runs the export can know it.
    let nonce = json!({"from the module": cx.rng().random::<u32>()});
    let fixed = Behaviour::Fixed(nonce.to_string().into_bytes());
    let handler = publisher.install(&publisher.recipe("computes", fixed)).await?;
    handler.execute(json!("something else")).await?.expect_output(&nonce)
}

async fn failure(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for kind in [FailureKind::InvalidInput, FailureKind::Unavailable, FailureKind::Internal] {
        let message = format!("no {} today \u{2603}", kind.as_str());
        let behaviour = Behaviour::Fail { kind, message: message.clone() };
        let handler = publisher.install(&publisher.recipe(kind.as_str(), behaviour)).await?;
        let judged = async {
            let execution = handler.execute(json!(1)).await?;
            let found = &execution.expect("failure")?.body["failure"];
            let expected = json!({"kind": kind.as_str(), "message": message});
            ensure!(*found == expected, "the failure is {found}, expected {expected}");
            Ok(())
        };
        cx.case(kind.as_str(), judged).await;
    }
    Ok(())
}

async fn failure_limit(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (leaf, bytes, outcome) in [("at", 1000, "failure"), ("above", 1001, "output-rejected")] {
        let behaviour = Behaviour::Fail { kind: FailureKind::Internal, message: "f".repeat(bytes) };
        let handler = publisher.install(&publisher.recipe(leaf, behaviour).limit("output_bytes", 1000)).await?;
        let judged = async { handler.execute(json!(1)).await?.expect(outcome).map(|_| ()) };
        cx.case(format!("{bytes} bytes"), judged).await;
    }
    Ok(())
}

async fn trap(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("trap", Behaviour::Trap)).await?;
    let twin = publisher.install(&publisher.recipe("twin", Behaviour::Echo)).await?;
    handler.execute(json!(1)).await?.expect("trap")?;
    twin.runs(json!(1)).await?;
    Ok(())
}

async fn timeout(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let limited = |leaf, behaviour, limit: u64| publisher.recipe(leaf, behaviour).limit("timeout_ms", limit);
    let long = publisher.install(&limited("long", Behaviour::LoopForever, 1000)).await?;
    let short = publisher.install(&limited("short", Behaviour::LoopForever, 100)).await?;
    let twin = publisher.install(&limited("turns", Behaviour::LoopTurns(1000), 100)).await?;
    // Two limits in one check: what is ended by a limit of the runtime's own is not ended by the manifest's.
    let longer = tokio::spawn(async move { long.execute(json!(1)).await });
    short.execute(json!(1)).await?.expect("timeout")?;
    for _ in 0..5 {
        twin.runs(json!(1)).await?;
    }
    ensure!(!longer.is_finished(), "a handler with a limit of 1000 ms was ended together with one of 100 ms");
    let longer = longer.await.map_err(|fault| Stop::Error(fault.to_string()))??;
    longer.expect("timeout")?;
    Ok(())
}

/// The limit of the handler that ends in time. Its work is sized to an eighth of it, so that a loaded machine has room.
const AMPLE: Duration = Duration::from_secs(4);

/// Turns of the handler by which the target's speed is found: enough to stand out against the time of the request.
const PROBE_TURNS: u64 = 30_000_000;

async fn in_time(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // How fast the target loops is found out first: the work must be long against a deadline cut short, and short against the real one.
    let longest = cx.discovery().bound("timeout_ms")?;
    let probe = publisher.recipe("probe", Behaviour::LoopTurns(PROBE_TURNS)).limit("timeout_ms", longest);
    let probe = publisher.install(&probe).await?;
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        let before = Instant::now();
        probe.runs(json!(1)).await?;
        fastest = fastest.min(before.elapsed());
    }
    let wanted = AMPLE.as_secs_f64() / 8.0;
    let turns = (wanted / fastest.as_secs_f64()).clamp(0.1, 50.0) * PROBE_TURNS as f64;
    let worker = publisher
        .recipe("worker", Behaviour::LoopTurns(turns as u64))
        .limit("timeout_ms", u64::try_from(AMPLE.as_millis()).unwrap_or(u64::MAX));
    let worker = publisher.install(&worker).await?;
    worker.execute(json!("done")).await?.expect_output(&json!("done"))
}

/// How long the runaway handlers run, and after which part of it an answer to somebody else counts: by then they run.
const RUNAWAY: Duration = Duration::from_millis(600);

async fn others_served(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let limit = u64::try_from(RUNAWAY.as_millis()).unwrap_or(u64::MAX);
    let runaway = publisher.recipe("runaway", Behaviour::LoopForever).limit("timeout_ms", limit);
    let runaway = publisher.install(&runaway).await?;
    let other = publisher.install(&publisher.recipe("other", Behaviour::Echo)).await?;
    other.runs(json!(0)).await?;
    // More than a small machine has cores.
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let runaway = runaway.clone();
        running.spawn(async move { runaway.execute(json!(1)).await });
    }
    let started = Instant::now();
    let mut served = 0;
    let mut ended: Vec<Result<Execution, Stop>> = Vec::new();
    while ended.is_empty() {
        let counts = started.elapsed() > RUNAWAY / 4;
        tokio::select! {
            biased;
            Some(joined) = running.join_next() => {
                ended.push(joined.map_err(|fault| Stop::Error(fault.to_string()))?);
            }
            answer = other.execute(json!("other")) => {
                answer?.expect_output(&json!("other"))?;
                served += u32::from(counts);
            }
        }
    }
    while let Some(joined) = running.join_next().await {
        ended.push(joined.map_err(|fault| Stop::Error(fault.to_string()))?);
    }
    for execution in ended {
        execution
            .and_then(|execution| execution.expect("timeout").map(|_| ()))
            .control("the runaway handlers are ended")?;
    }
    ensure!(served >= 1, "while three handlers ran away, nobody else was served");
    Ok(())
}

async fn fresh(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("counter", Behaviour::Counter)).await?;
    for _ in 0..5 {
        handler.execute(json!(1)).await?.expect_output(&json!(0))?;
    }
    Ok(())
}

async fn recovers(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let other = publisher.install(&publisher.recipe("other", Behaviour::Echo)).await?;
    let hostile: [(&str, Behaviour, &str); 4] = [
        ("timeout", Behaviour::LoopForever, "timeout"),
        ("memory", Behaviour::GrowForever, "memory-exceeded"),
        ("trap", Behaviour::Trap, "trap"),
        ("failure", Behaviour::Fail { kind: FailureKind::Internal, message: "no".to_owned() }, "failure"),
    ];
    for (name, behaviour, outcome) in hostile {
        let recipe = publisher.recipe(name, behaviour);
        let recipe = if outcome == "timeout" { recipe.limit("timeout_ms", 100) } else { recipe };
        let handler = publisher.install(&recipe).await?;
        let judged = async {
            for _ in 0..2 {
                handler.execute(Value::Null).await?.expect(outcome)?;
                other.execute(json!(name)).await?.expect_output(&json!(name))?;
            }
            Ok(())
        };
        cx.case(name, judged).await;
    }
    Ok(())
}

//! Hostile handlers and the deadline (sandbox.md, section 1).

use std::time::{Duration, Instant};

use assay_fixtures::{Behaviour, Exhaust, Place, Recipe, Work};
use assay_harness::{Cx, Group, Stop, checks, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::installed::{Execution, Installed};
use crate::publisher::Publisher;

/// The table.
pub const GROUP: Group = Group {
    profile: "sandbox",
    name: "time",
    checks: checks![
        each(
            "sandbox.time.guest-code",
            "code that runs on is ended, with loops and without",
            &["SBX-TIM-001"],
            guest_code
        )
        .costly(),
        each("sandbox.time.host-calls", "a handler that only calls the host is ended", &["SBX-TIM-002"], host_calls)
            .costly(),
        // Once, in the first packaging: where calls pass through code of the component's tooling, that is interrupted.
        once(
            "sandbox.time.calls-in-a-row",
            "a handler that calls the host in a row is ended in time",
            &["SBX-TIM-002"],
            calls_in_a_row
        )
        .costly(),
        each("sandbox.time.places", "the limit holds around `handle`, too", &["SBX-TIM-003"], places).costly(),
        each("sandbox.time.promptly", "the end comes before ten times the limit", &["SBX-TIM-004"], promptly).costly(),
        once(
            "sandbox.time.others-served",
            "others are served while handlers fill memory and call the host",
            &["SBX-TIM-005"],
            others_served
        )
        .costly(),
    ],
};

/// The limit where only the outcome is judged: less than what is endless needs where it is not endless after all.
const SHORT: Duration = Duration::from_millis(50);
/// The limit where the time is judged.
const LIMIT: Duration = Duration::from_millis(200);
/// The answer comes before so many times the limit (sandbox.md 1.4).
const LATE: u32 = 10;
/// How often an answer may be late before it counts, or nobody be served: the machine may have had something else to do.
const ROUNDS: u32 = 3;

fn millis(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
}

/// A handler that spends time in this way, with memory for what it fills.
fn spending(publisher: &Publisher, leaf: &str, exhaust: Exhaust, work: Work) -> Recipe {
    let recipe = publisher.recipe(leaf, Behaviour::Exhaust(exhaust, work));
    recipe.limit("memory_bytes", 16 << 20).limit("log_bytes", 1024)
}

/// Each way to spend time: a little of it succeeds, without end it is ended.
async fn ended(cx: &Cx, ways: &[Exhaust], limit: Duration) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    let longest = cx.discovery().bound("timeout_ms")?;
    for (number, way) in ways.iter().enumerate() {
        let endless = spending(&publisher, &format!("e{number}"), *way, Work::Endless);
        let endless = publisher.install(&endless.limit("timeout_ms", millis(limit))).await?;
        let little = spending(&publisher, &format!("l{number}"), *way, Work::Little);
        let little = publisher.install(&little.limit("timeout_ms", longest)).await?;
        let judged = async {
            if limit == SHORT {
                endless.execute(json!(1)).await?.expect("timeout")?;
            } else {
                ended_in_time(&endless).await?;
            }
            little.runs(json!(1)).await.map(|_| ())
        };
        cx.case(format!("{way:?}"), judged).await;
    }
    Ok(())
}

async fn guest_code(cx: Cx) -> Result<(), Stop> {
    ended(&cx, &Exhaust::IN_THE_GUEST, SHORT).await
}

async fn host_calls(cx: Cx) -> Result<(), Stop> {
    let mut ways = vec![Exhaust::LongLines, Exhaust::ShortLines];
    if cx.discovery().features.iter().any(|feature| feature == "state") {
        ways.push(Exhaust::Reads);
    }
    ended(&cx, &ways, SHORT).await
}

/// Calls in a row may all be made before anybody looks at the deadline: then only the time tells.
async fn calls_in_a_row(cx: Cx) -> Result<(), Stop> {
    ended(&cx, &[Exhaust::LongLines], LIMIT).await
}

/// Executes and takes the time from the request to the answer.
async fn timed(handler: &Installed) -> Result<(Execution, Duration), Stop> {
    let before = Instant::now();
    let execution = handler.execute(json!(1)).await?;
    Ok((execution, before.elapsed()))
}

/// Judges that a handler is ended, and before ten times its limit. Who is late may try again.
async fn ended_in_time(handler: &Installed) -> Result<(), Stop> {
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let (execution, elapsed) = timed(handler).await?;
        execution.expect("timeout")?;
        fastest = fastest.min(elapsed);
        if fastest < LIMIT * LATE {
            return Ok(());
        }
    }
    let (limit, fastest) = (LIMIT.as_millis(), fastest.as_millis());
    Err(Stop::Fail(format!("with a limit of {limit} ms it was answered after {fastest} ms")))
}

async fn places(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let mut running = JoinSet::new();
    for place in [Place::Start, Place::Realloc, Place::PostHandle] {
        let way = Exhaust::LoopIn(place);
        let leaf = format!("{place:?}").to_lowercase();
        let little = publisher.install(&spending(&publisher, &format!("little-{leaf}"), way, Work::Little)).await?;
        little.runs(json!(1)).await?;
        let endless = spending(&publisher, &leaf, way, Work::Endless).limit("timeout_ms", millis(LIMIT));
        let endless = publisher.install(&endless).await?;
        running.spawn(async move { (leaf, ended_in_time(&endless).await) });
    }
    while let Some(joined) = running.join_next().await {
        let (leaf, judged) = joined.map_err(|fault| Stop::Error(fault.to_string()))?;
        cx.case(leaf, async { judged }).await;
    }
    Ok(())
}

async fn promptly(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let endless = publisher.recipe("endless", Behaviour::LoopForever).limit("timeout_ms", millis(LIMIT));
    let endless = publisher.install(&endless).await?;
    publisher.install(&publisher.recipe("twin", Behaviour::Echo)).await?.runs(json!(1)).await?;
    ended_in_time(&endless).await
}

/// How long the runaway handlers run, and after which part of it an answer to somebody else counts: by then they run.
const RUNAWAY: Duration = Duration::from_millis(800);
/// So many answers in turn are somebody being served, and no answer that came just before the first runaway's own.
const SERVED: u32 = 2;

async fn others_served(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // More of those that are never interrupted by themselves than a small machine has cores.
    let mut runaways = Vec::new();
    for (leaf, way, times) in [("fills", Exhaust::Fills, 1), ("lines", Exhaust::LongLines, 3)] {
        let runaway = spending(&publisher, leaf, way, Work::Endless).limit("timeout_ms", millis(RUNAWAY));
        let runaway = publisher.install(&runaway).await?;
        runaways.extend(std::iter::repeat_n(runaway, times));
    }
    let other = publisher.install(&publisher.recipe("other", Behaviour::Echo)).await?;
    other.runs(json!(0)).await?;
    let mut most = 0;
    for _ in 0..ROUNDS {
        most = most.max(served_meanwhile(&runaways, &other).await?);
        if most >= SERVED {
            return Ok(());
        }
    }
    ensure!(most >= SERVED, "while four handlers ran away, nobody else was served");
    Ok(())
}

/// How many executions of `other` were answered while the others ran, counted until the first of them was ended.
async fn served_meanwhile(runaways: &[Installed], other: &Installed) -> Result<u32, Stop> {
    let mut running = JoinSet::new();
    for runaway in runaways {
        let runaway = runaway.clone();
        running.spawn(async move { runaway.execute(json!(1)).await });
    }
    let started = Instant::now();
    let mut served = 0;
    loop {
        let counts = started.elapsed() > RUNAWAY / 4;
        tokio::select! {
            biased;
            Some(ended) = running.join_next() => {
                ended.map_err(|fault| Stop::Error(fault.to_string()))??;
                break;
            }
            answer = other.execute(json!("other")) => {
                answer?.expect_output(&json!("other"))?;
                served += u32::from(counts);
            }
        }
    }
    while let Some(ended) = running.join_next().await {
        ended.map_err(|fault| Stop::Error(fault.to_string()))??;
    }
    Ok(served)
}

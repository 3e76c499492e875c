//! The published bound is there, it is kept, and every place comes back (load.md, section 2).

use std::time::{Duration, Instant};

use assay_fixtures::Behaviour;
use assay_harness::{Control as _, Cx, Group, Reply, Stop, checks, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::ground::Ground;
use super::mixed::PATIENCE;
use crate::installed::{Execution, Installed};
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "load",
    name: "admission",
    checks: checks![
        once(
            "load.admission.capacity",
            "as many as the bound says are admitted, and whoever comes on top is refused",
            &["LOAD-ADM-001", "LOAD-ADM-002"],
            capacity
        )
        .costly()
        .within(PATIENCE),
        once(
            "load.admission.places",
            "after timeouts and clients that went away, every place is there again",
            &["LOAD-ADM-003"],
            places
        )
        .costly()
        .within(PATIENCE),
    ],
};

/// A larger bound cannot be filled from one machine.
const MOST: usize = 1024;
/// How long those run that fill the places: all of them must have started before the first ends.
const LONG: Duration = Duration::from_secs(3);
/// How long those run of which it does not matter.
const SHORT: Duration = Duration::from_millis(200);
/// One answer may take so long: those who fill the places share the machine's cores.
const ANSWER: Duration = Duration::from_secs(60);
/// So long after the last execution is over, every place must be there.
const BACK: Duration = Duration::from_secs(10);

/// What became of executions that came at once.
#[derive(Default, Debug)]
struct Filled {
    admitted: usize,
    refused: usize,
}

/// A handler that runs until its limit is over.
async fn runaway(publisher: &Publisher, leaf: &str, limit: Duration) -> Result<Installed, Stop> {
    let recipe = publisher.recipe(leaf, Behaviour::LoopForever);
    let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    let handler = publisher.install(&recipe.limit("timeout_ms", limit)).await?;
    let alone = handler.execute(json!(1)).await?;
    alone.expect("timeout").control("one execution alone runs until its limit")?;
    Ok(handler)
}

/// Sends so many executions at once and judges each: it ran until its limit, or it was refused as it should be.
async fn fill(cx: &Cx, handler: &Installed, executions: usize) -> Result<Filled, Stop> {
    let mut running = JoinSet::new();
    for _ in 0..executions {
        running.spawn(execute(cx.clone(), handler.clone()));
    }
    let mut filled = Filled::default();
    while let Some(ended) = running.join_next().await {
        match ended.map_err(|fault| Stop::Error(fault.to_string()))?? {
            true => filled.admitted += 1,
            false => filled.refused += 1,
        }
    }
    Ok(filled)
}

/// Executes a runaway handler; whether it was admitted.
async fn execute(cx: Cx, handler: Installed) -> Result<bool, Stop> {
    let request = cx.admin().post(format!("/handlers/{}/executions", handler.id())).json(&json!({"input": 1}));
    request.timeout(ANSWER).send_and_judge(judge).await
}

fn judge(reply: &Reply) -> Result<bool, Stop> {
    if reply.status() == 200 {
        Execution::read(reply)?.expect("timeout")?;
        return Ok(true);
    }
    refused("overloaded").judge(reply)?;
    let after = reply.header("retry-after").unwrap_or_default();
    // Seconds or a date (RFC 9110, 10.2.3); whatever it is, it says when.
    let says_when = after.parse::<u32>().is_ok() || after.ends_with("GMT");
    ensure!(says_when, "{}: `Retry-After` is `{after}`, neither seconds nor a date", reply.describe());
    Ok(false)
}

/// The bound, if it can be filled from here.
fn fillable(ground: &Ground) -> Result<usize, Stop> {
    match ground.capacity()? {
        capacity if capacity <= MOST => Ok(capacity),
        capacity => Err(Stop::Skip(format!("the bound of {capacity} executions cannot be filled from one machine"))),
    }
}

async fn capacity(cx: Cx) -> Result<(), Stop> {
    let ground = Ground::alone(&cx).await?;
    let capacity = fillable(&ground)?;
    let publisher = Publisher::new(ground.cx()).await?;
    let long = runaway(&publisher, "long", LONG).await?;
    let echo = publisher.install(&publisher.recipe("echo", Behaviour::Echo)).await?;
    let filled = fill(ground.cx(), &long, capacity * 2).await?;
    let Filled { admitted, refused } = filled;
    let sent = capacity * 2;
    ensure!(admitted >= capacity, "of {sent} executions at once {admitted} were admitted; the bound is {capacity}");
    ensure!(refused > 0, "of {sent} executions at once none was refused; the bound is {capacity}");
    // Whoever was refused may come again.
    echo.execute(json!("later")).await?.expect_output(&json!("later"))
}

async fn places(cx: Cx) -> Result<(), Stop> {
    let ground = Ground::alone(&cx).await?;
    let capacity = fillable(&ground)?;
    let publisher = Publisher::new(ground.cx()).await?;
    let short = runaway(&publisher, "short", SHORT).await?;
    let long = runaway(&publisher, "long", LONG).await?;
    let trap = publisher.install(&publisher.recipe("trap", Behaviour::Trap)).await?;
    let echo = publisher.install(&publisher.recipe("echo", Behaviour::Echo)).await?;

    // One after the other, and no further than the first place that is lost: what comes later would miss it, too.
    let filled = fill(ground.cx(), &short, capacity).await?;
    ensure!(filled.refused == 0, "of {capacity} executions at once {} were refused", filled.refused);
    whole(&ground, &long, capacity).await.map_err(|stop| after("timeouts", stop))?;
    for _ in 0..capacity {
        trap.execute(json!(1)).await?.expect("trap")?;
    }
    whole(&ground, &long, capacity).await.map_err(|stop| after("traps", stop))?;
    leave_half_way(&ground, &long, &echo, capacity).await?;
    whole(&ground, &long, capacity).await.map_err(|stop| after("clients that went away", stop))
}

/// A failure with what came before it.
fn after(what: &str, stop: Stop) -> Stop {
    match stop {
        Stop::Fail(reason) => Stop::Fail(format!("after {what}: {reason}")),
        other => other,
    }
}

/// Starts as many executions as there are places and goes away from all of them as soon as they are seen to run: nobody
/// else is admitted.
async fn leave_half_way(ground: &Ground, long: &Installed, echo: &Installed, capacity: usize) -> Result<(), Stop> {
    let mut running = JoinSet::new();
    for _ in 0..capacity {
        running.spawn(execute(ground.cx().clone(), long.clone()));
    }
    let path = format!("/handlers/{}/executions", echo.id());
    let body = json!({"input": Value::Null});
    loop {
        let probe = ground.cx().admin().post(&path).json(&body).timeout(ANSWER);
        let full = async { Ok(probe.send().await?.status() == 503) };
        tokio::select! {
            biased;
            // One that ended tells that all were there: nobody was seen to be refused, and there is nobody left to leave.
            Some(_) = running.join_next() => break,
            full = full => if full? { break },
        }
    }
    // Dropped, the requests are given up and their connections closed.
    running.shutdown().await;
    Ok(())
}

/// Judges that every place is there again, at the latest a while after the last execution must have ended.
async fn whole(ground: &Ground, long: &Installed, capacity: usize) -> Result<(), Stop> {
    let started = Instant::now();
    loop {
        let filled = fill(ground.cx(), long, capacity).await?;
        if filled.refused == 0 {
            return Ok(());
        }
        ensure!(
            started.elapsed() < LONG + BACK,
            "the places did not come back: of {capacity} executions at once {} were admitted",
            filled.admitted
        );
    }
}

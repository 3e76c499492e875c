//! The CPU time of one execution, against turns of a loop (sandbox.md 8.1 to 8.3).
//!
//! Everything is judged on the lowest of several figures: what a busy machine adds it adds to some of them.

use std::time::{Duration, Instant};

use assay_fixtures::{Behaviour, LoopEnd};
use assay_harness::{Control as _, Cx, Stop, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::installed::Installed;
use crate::publisher::Publisher;

/// The work that a charge is judged by is charged at least so much.
const WORK: Duration = Duration::from_millis(5);

/// Work that takes so long from request to answer is enough, whatever it is charged: the charge is what is judged.
const LONG: Duration = Duration::from_millis(60);

/// Turns of the first handler by which the target's speed is found: some milliseconds of a compiler's code.
const PROBE_TURNS: u64 = 10_000_000;

/// The limit of a handler whose work ends by itself, in milliseconds: the least that every runtime allows.
const AMPLE_MS: u64 = 10_000;

/// What one execution was charged, and how long it took from request to answer.
#[derive(Clone, Copy)]
struct Charge {
    cpu: Duration,
    took: Duration,
}

/// Executes once and reads the charge. That the execution has this outcome is a control: others judge that.
async fn charge(handler: &Installed, outcome: &str) -> Result<Charge, Stop> {
    let start = Instant::now();
    let execution = handler.execute(json!(1)).await.control("the work is answered")?;
    let took = start.elapsed();
    execution.expect(outcome).control("the work ends as it was made to")?;
    let cpu_us = execution.body["usage"]["cpu_us"].as_u64();
    let cpu_us =
        cpu_us.ok_or_else(|| Stop::Fail(format!("`usage` has no count `cpu_us`: {}", execution.body["usage"])))?;
    Ok(Charge { cpu: Duration::from_micros(cpu_us), took })
}

/// The lowest charge and the shortest time of some executions.
async fn lowest(handler: &Installed, executions: usize, outcome: &str) -> Result<Charge, Stop> {
    let mut lowest = Charge { cpu: Duration::MAX, took: Duration::MAX };
    for _ in 0..executions {
        let found = charge(handler, outcome).await?;
        lowest = Charge { cpu: lowest.cpu.min(found.cpu), took: lowest.took.min(found.took) };
    }
    Ok(lowest)
}

/// Turns for which the target computes about as long as [`WORK`]: how fast it loops is not known before.
async fn sized(publisher: &Publisher) -> Result<u64, Stop> {
    let mut turns = PROBE_TURNS;
    for probe in 0..8 {
        let handler = worker(publisher, &format!("probe{probe}"), turns).await?;
        let Charge { cpu, took } = lowest(&handler, 3, "success").await?;
        if (cpu >= WORK && took >= WORK) || took >= LONG {
            return Ok(turns);
        }
        // What it is charged may be wrong, so the time that it took bounds the next step.
        let wanted = 1.3 * (WORK.as_secs_f64() / cpu.as_secs_f64()).min(LONG.as_secs_f64() / took.as_secs_f64());
        turns = (turns as f64 * wanted.clamp(1.3, 20.0)) as u64;
    }
    Err(Stop::Inconclusive(format!("{turns} turns of a loop are charged less than {WORK:?}")))
}

async fn worker(publisher: &Publisher, leaf: &str, turns: u64) -> Result<Installed, Stop> {
    publisher.install(&publisher.recipe(leaf, Behaviour::LoopTurns(turns)).limit("timeout_ms", AMPLE_MS)).await
}

pub async fn work(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let turns = sized(&publisher).await?;
    let idle = publisher.install(&publisher.recipe("idle", Behaviour::Echo)).await?;
    let small = worker(&publisher, "small", turns).await?;
    let large = worker(&publisher, "large", turns * 8).await?;
    let idle = lowest(&idle, 5, "success").await?.cpu;
    let small = lowest(&small, 5, "success").await?.cpu;
    let large = lowest(&large, 3, "success").await?.cpu;
    ensure!(
        small * 4 <= large && large <= small * 16,
        "{turns} turns are charged {small:?}, and eight times as many {large:?}: that is not 4 to 16 times as much"
    );
    ensure!(idle * 2 <= small, "a handler that does nothing is charged {idle:?}, and one that computes {small:?}");
    Ok(())
}

/// The least that a turn of a loop takes, in nanoseconds: no processor makes ten of them in a cycle.
const TURN_NS: f64 = 0.02;

pub async fn clock(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let turns = sized(&publisher).await?;
    let worker = worker(&publisher, "worker", turns).await?;
    let least = Duration::from_nanos((turns as f64 * TURN_NS) as u64);
    for _ in 0..5 {
        let Charge { cpu, took } = charge(&worker, "success").await?;
        ensure!(cpu <= took, "an execution that was answered after {took:?} is charged {cpu:?}");
        ensure!(cpu >= least, "{turns} turns are charged {cpu:?}, and no processor makes them in {least:?}");
    }
    Ok(())
}

pub async fn at_once(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let turns = sized(&publisher).await?;
    let worker = worker(&publisher, "worker", turns).await?;
    // Enough for more than one on each core of a small machine, and few enough to leave places for other checks.
    let many = (cx.discovery().bound("concurrent_executions")? / 4).clamp(8, 16);
    let mut alone = lowest(&worker, 4, "success").await?.cpu;
    let mut middle = Duration::ZERO;
    for _ in 0..3 {
        let mut running = JoinSet::new();
        for _ in 0..many {
            let worker = worker.clone();
            running.spawn(async move { charge(&worker, "success").await });
        }
        let mut charges = Vec::new();
        while let Some(charge) = running.join_next().await {
            charges.push(charge.map_err(|fault| Stop::Error(fault.to_string()))??.cpu);
        }
        charges.sort();
        middle = charges[charges.len() / 2];
        if middle <= alone * 2 {
            return Ok(());
        }
        // Whoever else is on the machine may have been quiet at first and loud then: look again.
        alone = alone.min(lowest(&worker, 3, "success").await?.cpu);
    }
    ensure!(
        false,
        "alone {turns} turns are charged {alone:?}, and in the middle of {many} at once {middle:?}: waiting is charged"
    );
    Ok(())
}

pub async fn every_outcome(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let turns = sized(&publisher).await?;
    let success = lowest(&worker(&publisher, "success", turns).await?, 4, "success").await?.cpu;
    let then = |leaf, end| publisher.recipe(leaf, Behaviour::LoopThen { turns, end });
    for (outcome, recipe) in [
        ("trap", then("trap", LoopEnd::Trap)),
        ("failure", then("failure", LoopEnd::Fail)),
        ("memory-exceeded", then("memory", LoopEnd::Grow)),
        ("output-rejected", publisher.recipe("rejected", Behaviour::LoopTurns(turns)).output(json!({"type": "null"}))),
    ] {
        let handler = publisher.install(&recipe).await?;
        let judged = async {
            let cpu = lowest(&handler, 2, outcome).await?.cpu;
            ensure!(
                cpu >= success / 2,
                "{turns} turns that end with `{outcome}` are charged {cpu:?}, with `success` {success:?}"
            );
            Ok(())
        };
        cx.case(outcome, judged).await;
    }
    Ok(())
}

/// The limits of handlers that loop without end, in milliseconds: the longer ones are for a machine with much else to do.
const SPINS: [u64; 3] = [100, 400, 1600];

/// What a handler that loops until it is ended is charged at least, however little of the machine it gets.
const SPUN: Duration = Duration::from_millis(1);

pub async fn timeout(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let mut found = Duration::ZERO;
    for limit in SPINS {
        let spinner = publisher.recipe(&format!("spinner{limit}"), Behaviour::LoopForever).limit("timeout_ms", limit);
        let spinner = publisher.install(&spinner).await?;
        let Charge { cpu, took } = charge(&spinner, "timeout").await?;
        ensure!(cpu <= took, "an execution that was answered after {took:?} is charged {cpu:?}");
        if cpu >= SPUN {
            return Ok(());
        }
        found = cpu;
    }
    ensure!(false, "a handler that computed until it was ended after {} ms is charged {found:?}", SPINS[2]);
    Ok(())
}

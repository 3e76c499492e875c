//! Part b: compile, and instantiate-call-drop, of the sandbox beside a bare loop around the engine.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, format_err};
use assay_fixtures::{Behaviour, Packaging, Recipe};
use assay_sandbox::{Abi, Context, Job, Limits, Outcome, Sandbox, Settings};

use crate::bare::{BareComponent, BareCore, echoes};
use crate::table::Row;

/// What every handler is asked.
const INPUT: &[u8] = b"\"a question of sixty-four bytes, which is echoed as it is, twice.\"";

/// Measures so many calls in a row, so often.
///
/// # Errors
/// If the sandbox or the engine does not do what it should.
pub async fn measure(calls: u32, repetitions: usize) -> Result<Vec<Row>> {
    let mut rows = starts(repetitions)?;
    for packaging in Packaging::ALL {
        let module = Recipe::new("com.example.echo", Behaviour::Echo).packaging(packaging).build().module;
        let abi = match packaging {
            Packaging::Core => Abi::Core,
            Packaging::Component => Abi::Component,
        };
        let (mut cold, mut warm, mut bare) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..repetitions {
            let sandbox = Sandbox::new(Settings::default())?;
            let started = Instant::now();
            let handler = sandbox.prepare(abi, [1; 32], &module).await?;
            cold.push(started.elapsed().as_secs_f64() * 1e3);
            let started = Instant::now();
            for _ in 0..calls {
                let execution = sandbox.execute(&handler, job()).await;
                if execution.outcome != Outcome::Output(INPUT.to_vec()) {
                    bail!("the sandbox answered {:?}", execution.outcome);
                }
            }
            warm.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
            let beside = match packaging {
                Packaging::Core => {
                    BareCore::new(&module).and_then(|core| echoes(calls, INPUT, |input| core.call(input)))
                }
                Packaging::Component => BareComponent::new(&module)
                    .and_then(|component| echoes(calls, INPUT, |input| component.call(input))),
            };
            bare.push(beside.map_err(|error| format_err!("{error:#}"))?);
        }
        let name = packaging.as_str();
        rows.push(Row::figure("b", format!("compile, {name}"), "ms", &cold));
        rows.push(Row::figure("b", format!("instantiate, call and drop in the sandbox, {name}"), "µs", &warm));
        rows.push(Row::figure("b", format!("instantiate, call and drop in a bare loop, {name}"), "µs", &bare));
        let ratio = format!("the sandbox's time beside that of the bare loop, {name}");
        rows.push(Row::ratio("b", ratio, &warm, &bare));
    }
    Ok(rows)
}

/// How long a sandbox takes to start, with as many places as a small runtime has and as the reference runtime publishes.
fn starts(repetitions: usize) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for places in [64, 256] {
        let mut starts = Vec::new();
        for _ in 0..repetitions {
            let started = Instant::now();
            let sandbox = Sandbox::new(Settings { max_concurrent: places, ..Settings::default() })?;
            starts.push(started.elapsed().as_secs_f64() * 1e3);
            drop(sandbox);
        }
        rows.push(Row::figure("b", format!("start of a sandbox of {places} places"), "ms", &starts));
    }
    Ok(rows)
}

fn job() -> Job {
    Job {
        context: Context {
            execution: "x".into(),
            handler: "com.example.echo".into(),
            version: "1.0.0".into(),
            caller: "user".into(),
            admitted_at_ms: 0,
            attributes: BTreeMap::new(),
        },
        input: INPUT.to_vec(),
        limits: Limits {
            memory_bytes: 1 << 20,
            timeout: Duration::from_secs(60),
            log_bytes: 1 << 16,
            output_bytes: 1 << 20,
        },
        state: None,
        egress: None,
    }
}

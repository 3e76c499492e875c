//! What the reference runtime costs, beside the bare engine, bare servers and the bare validator: everything in one run,
//! side by side.

mod bare;
mod execution;
mod gate;
mod http;
mod suite;
mod table;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Parser};

use crate::http::{Load, Peer};
use crate::table::Run;

/// What the reference runtime costs.
#[derive(Parser)]
enum Verb {
    /// Measures, prints a table, and writes bench.json and bench.md
    Measure(Bench),
    /// Serves what the runtime is measured beside
    #[command(hide = true)]
    Peer { which: Peer },
}

/// What is measured, and of what.
#[derive(Args)]
struct Bench {
    /// Parts to measure: a = module gate, b = sandbox, c = executions over HTTP, d = suite
    #[arg(long, value_name = "PARTS", value_delimiter = ',', default_value = "a,b,c,d")]
    only: Vec<String>,
    /// Folder for bench.json and bench.md
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A few repetitions of small things: shows that it works, says nothing about speed
    #[arg(long)]
    quick: bool,
    /// The suite's binary
    #[arg(long, value_name = "PATH")]
    suite: PathBuf,
    /// The runtime's binary
    #[arg(long, value_name = "PATH")]
    runtime: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    match Verb::parse() {
        Verb::Measure(bench) => measure(&bench).await,
        Verb::Peer { which } => which.serve().await,
    }
}

async fn measure(bench: &Bench) -> Result<()> {
    let measures = |part: &str| bench.only.iter().any(|only| only == part);
    let repetitions = if bench.quick { 2 } else { 15 };
    let started_at = jiff::Timestamp::now().to_string();
    let mut rows = Vec::new();
    if measures("a") {
        let functions: &[u32] = if bench.quick { &[500] } else { &[5_000, 28_000] };
        rows.extend(gate::measure(functions, repetitions)?);
    }
    if measures("b") {
        rows.extend(execution::measure(if bench.quick { 100 } else { 20_000 }, repetitions).await?);
    }
    if measures("c") {
        let load = Load { connections: 16, requests: if bench.quick { 10 } else { 2_000 } };
        rows.extend(http::measure(&bench.runtime, load, repetitions.min(9)).await?);
    }
    if measures("d") {
        rows.extend(suite::measure(&bench.suite, &bench.runtime, repetitions.min(5))?);
    }
    let run = Run { started_at, facts: facts(), rows };
    let markdown = run.markdown();
    print!("{markdown}");
    std::fs::create_dir_all(&bench.out).with_context(|| format!("{} cannot be made", bench.out.display()))?;
    std::fs::write(bench.out.join("bench.md"), markdown)?;
    std::fs::write(bench.out.join("bench.json"), serde_json::to_string_pretty(&run)? + "\n")?;
    Ok(())
}

/// What the figures depend on.
fn facts() -> Vec<(String, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) { "debug: the figures mean nothing" } else { "release" };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let command: Vec<String> = std::env::args().skip(2).take_while(|word| word != "--suite").collect();
    [
        ("command", format!("cargo xtask bench {}", command.join(" "))),
        ("cores", cores.to_string()),
        ("load before", load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
        ("build", build.to_owned()),
        ("rustc", rustc()),
        ("wasmtime", locked("wasmtime", include_str!("../../Cargo.lock")).to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// The compiler, as it calls itself.
fn rustc() -> String {
    let output = std::process::Command::new("rustc").arg("-V").output();
    output.map_or_else(
        |error| format!("cannot be asked: {error}"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The version of a package in a lock file.
fn locked<'a>(package: &str, lock: &'a str) -> &'a str {
    let entry = format!("name = \"{package}\"\nversion = \"");
    lock.split_once(&entry).and_then(|(_, rest)| rest.split('"').next()).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_that_of_the_package_of_exactly_this_name() {
        let lock = "name = \"engine-cli\"\nversion = \"1.0.0\"\n\nname = \"engine\"\nversion = \"2.0.0\"\n";
        assert_eq!(locked("engine", lock), "2.0.0");
        assert_eq!(locked("motor", lock), "unknown");
    }
}

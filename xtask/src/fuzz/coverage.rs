//! `cargo xtask fuzz --coverage`: the corpus through gates that count their lines, by cargo-llvm-cov, and what it does not reach.

use std::fs;
use std::path::PathBuf;

use assay_harness::Exit;

use super::{
    fuzzers,
    lines::{self, File},
    tools::Tools,
};
use crate::build::{cargo, root, target_folder};

/// What is measured.
const MEASURED: &str = "runtime-under-test/package/src";
/// Of all lines, in percent. Below, the corpus is too poor or the gates have code that nothing asks for.
const FLOOR: u64 = 90;

/// Makes a corpus, replays it and prints what it reaches.
pub fn run(targets: Option<&str>, seed: u64) -> Exit {
    let tools = match Tools::find() {
        Ok(tools) => tools,
        Err(missing) => {
            eprintln!("error: coverage cannot be measured\n{}", missing.join("\n"));
            return Exit::HarnessError;
        }
    };
    let corpus = target_folder().join("fuzz-corpus");
    let folder = corpus.display().to_string();
    let targets = targets.map(|names| format!("--target={names}"));
    let verb = |verb: &str, more: Option<String>| -> Vec<String> {
        [verb.to_owned()].into_iter().chain(targets.clone()).chain(more).chain([folder.clone()]).collect()
    };
    match fuzzers(&verb("corpus", Some(format!("--seed={seed}"))), false) {
        Exit::Conformant => {}
        other => return other,
    }
    match measure(&tools, &verb("replay", None)).map(|report| lines::read(&report, &root().join(MEASURED))) {
        Ok(files) if !files.is_empty() => judge(&files),
        Ok(_) => {
            eprintln!("error: cargo llvm-cov says nothing of {MEASURED}");
            Exit::HarnessError
        }
        Err(fault) => {
            eprintln!("error: {fault}");
            Exit::HarnessError
        }
    }
}

/// Replays in a build of its own; answers the report of cargo-llvm-cov.
fn measure(tools: &Tools, replay: &[String]) -> Result<String, String> {
    let report: PathBuf = target_folder().join("fuzz-coverage.lcov");
    let mut cargo = cargo();
    tools.tell(&mut cargo);
    cargo.args(["llvm-cov", "run", "--quiet", "--bin", "assay-fuzz", "--lcov", "--output-path"]).arg(&report);
    let status = cargo.arg("--").args(replay).status().map_err(|fault| format!("cargo cannot be started: {fault}"))?;
    if !status.success() {
        return Err(format!("cargo llvm-cov ended with {status}; what it says is above"));
    }
    fs::read_to_string(&report).map_err(|fault| format!("{}: {fault}", report.display()))
}

/// Prints every file and the sum.
fn judge(files: &[File]) -> Exit {
    println!("\n{:<32} {:>6} {:>7} {:>7}  not reached", MEASURED, "lines", "reached", "%");
    let show = |name: &str, lines: usize, reached: usize, missed: &str| {
        println!("{name:<32} {lines:>6} {reached:>7} {:>7.2}  {missed}", 100.0 * reached as f64 / lines.max(1) as f64);
    };
    for file in files {
        show(&file.name, file.lines.len(), file.reached(), &file.missed());
    }
    let lines: usize = files.iter().map(|file| file.lines.len()).sum();
    let reached: usize = files.iter().map(File::reached).sum();
    show("all", lines, reached, "");
    if lines::suffice(reached, lines, FLOOR) {
        Exit::Conformant
    } else {
        println!("Below {FLOOR} %: the corpus is too poor, or the gates have code that nothing asks for");
        Exit::NotConformant
    }
}

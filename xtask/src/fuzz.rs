//! `cargo xtask fuzz` and `cargo xtask prove --fuzz`: builds the fuzzers and lets them run, or lets them be proved.

mod coverage;
mod lines;
mod tools;

use std::process::Command;

use assay_harness::Exit;
use clap::Args;

use crate::build::{cargo, target_folder};

/// What to run, and for how long.
#[derive(Args)]
pub struct Fuzz {
    /// Seconds for each target
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    time: u64,
    /// Targets, separated by commas: upload, manifest, schema, module, envelope, egress_rule, execute, http; all by default
    #[arg(long, value_name = "NAMES")]
    target: Option<String>,
    /// Use the seeded loop even where cargo-fuzz is installed
    #[arg(long)]
    in_process: bool,
    /// The seed of the loop
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Instead of fuzzing, say which lines of the package gates the corpus reaches: seeds, regressions, and what the seeded
    /// loop keeps in as many executions as each target has in its proof. Below 90 % it fails
    #[arg(long, conflicts_with_all = ["time", "in_process"])]
    coverage: bool,
}

impl Fuzz {
    /// Runs targets; what they find is kept as a regression, and makes the exit code 1.
    pub fn run(self) -> Exit {
        if self.coverage {
            return coverage::run(self.target.as_deref(), self.seed);
        }
        let mut arguments = vec!["run".to_owned(), format!("--time={}", self.time), format!("--seed={}", self.seed)];
        arguments.extend(self.target.map(|names| format!("--target={names}")));
        arguments.extend(self.in_process.then(|| "--in-process".to_owned()));
        fuzzers(&arguments, false)
    }
}

/// Proves that every target finds its planted defects.
pub fn prove() -> Exit {
    fuzzers(&["prove".to_owned()], true)
}

/// Builds `assay-fuzz` and runs it.
pub(crate) fn fuzzers(arguments: &[String], sabotaged: bool) -> Exit {
    let mut cargo = cargo();
    // With the features of the whole workspace, so that no dependency is compiled a second time.
    cargo.args(["build", "--quiet", "--workspace", "--bin", "assay-fuzz"]);
    if sabotaged {
        cargo.args(["--features", "assay-fuzz/sabotage,assay-server/sabotage"]);
    }
    if !cargo.status().is_ok_and(|status| status.success()) {
        eprintln!("error: the fuzzers do not build\nSee what cargo says: cargo build --workspace");
        return Exit::HarnessError;
    }
    let binary = target_folder().join("debug").join("assay-fuzz");
    match Command::new(binary).args(arguments).status().map(|status| status.code()) {
        Ok(Some(0)) => Exit::Conformant,
        Ok(Some(1)) => Exit::NotConformant,
        Ok(_) => Exit::HarnessError,
        Err(fault) => {
            eprintln!("error: assay-fuzz cannot be started: {fault}");
            Exit::HarnessError
        }
    }
}

//! `cargo xtask bench`: builds in release what is measured, and lets `assay-bench` measure it.

use std::path::PathBuf;
use std::process::Command;

use assay_harness::Exit;
use clap::Args;

use crate::build::{cargo, target_folder};

/// What to measure.
#[derive(Args)]
pub struct Bench {
    /// Parts to measure: a = module gate, b = sandbox, c = executions over HTTP, d = suite
    #[arg(long, value_name = "PARTS", default_value = "a,b,c,d")]
    only: String,
    /// Folder for bench.json and bench.md
    #[arg(long, value_name = "DIR", default_value = "reports/bench")]
    out: PathBuf,
    /// A debug build, and few repetitions of small things: shows that it works, says nothing about speed
    #[arg(long)]
    quick: bool,
}

/// The binaries: what measures, the suite, and the runtime.
const BINARIES: [&str; 3] = ["assay-bench", "assay", "assay-runtime"];

impl Bench {
    /// Builds and measures.
    pub fn run(self) -> Exit {
        let folder = if self.quick { "debug" } else { "release" };
        let mut cargo = cargo();
        // With the features of the whole workspace, so that no dependency is compiled a second time.
        cargo.args(["build", "--quiet", "--workspace"]);
        cargo.args(BINARIES.iter().flat_map(|binary| ["--bin", binary]));
        if !self.quick {
            cargo.arg("--release");
            eprintln!("building in release; the first time takes minutes");
        }
        if !cargo.status().is_ok_and(|status| status.success()) {
            eprintln!("error: what is measured does not build\nSee what cargo says: cargo build --release");
            return Exit::HarnessError;
        }
        let [bench, suite, runtime] = BINARIES.map(|binary| target_folder().join(folder).join(binary));
        let mut measuring = Command::new(bench);
        measuring.args(["measure", "--only", &self.only, "--out"]).arg(&self.out);
        if self.quick {
            measuring.arg("--quick");
        }
        measuring.arg("--suite").arg(suite).arg("--runtime").arg(runtime);
        match measuring.status() {
            Ok(status) if status.success() => Exit::Conformant,
            Ok(status) => {
                eprintln!("error: the measuring ended: {status}");
                Exit::HarnessError
            }
            Err(fault) => {
                eprintln!("error: assay-bench cannot be started: {fault}");
                Exit::HarnessError
            }
        }
    }
}

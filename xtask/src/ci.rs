//! `cargo xtask ci`: the steps of CI, in order, each as anybody would type it. It stops at the first that fails.

use std::time::Instant;

use assay_harness::Exit;

use crate::build::cargo;

/// What CI runs, always with the features of the whole workspace: no dependency is compiled twice. README.md and CONTRIBUTING.md name no command that is not here, in a test or in `documented`.
pub const STEPS: &[&str] = &[
    "cargo fmt --check",
    "cargo clippy --workspace --all-targets -- -D warnings",
    "cargo clippy --workspace --all-targets --features assay-server/sabotage,assay-fuzz/sabotage -- -D warnings",
    "cargo test --workspace",
    "cargo test --workspace --features assay-server/sabotage,assay-fuzz/sabotage --lib --test gates --test sandbox --test server --test proof",
    "cargo xtask tidy",
    "cargo xtask fuzz --in-process --time 3",
    "cargo xtask conformance --profile core,registry,sandbox,egress,lifecycle",
    "cargo xtask conformance --profile egress --proxy",
    "cargo xtask conformance --profile load",
    "cargo xtask soak --kills 200",
    "cargo xtask prove --swift",
    "cargo xtask prove --fuzz",
];

/// Runs the steps.
pub fn run() -> Exit {
    for step in STEPS {
        println!("\n▶ {step}");
        let started = Instant::now();
        let mut words = step.split(' ').skip(1);
        let status = cargo().args(words.by_ref()).status();
        match status {
            Ok(status) if status.success() => println!("✔ {step} ({:.0} s)", started.elapsed().as_secs_f64()),
            Ok(status) => {
                eprintln!("✘ {step}: {status}\nRun it alone: {step}");
                return Exit::NotConformant;
            }
            Err(fault) => {
                eprintln!("✘ {step}: {fault}");
                return Exit::HarnessError;
            }
        }
    }
    Exit::Conformant
}

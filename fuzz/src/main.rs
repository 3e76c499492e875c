//! The command behind `cargo xtask fuzz` and `cargo xtask prove --fuzz`.

use std::process::ExitCode;

use clap::Parser;

mod command;

/// Fuzz targets of the package gates.
#[derive(Parser)]
enum Verb {
    /// Run targets; what they find becomes a regression
    Run(command::run::Run),
    /// Prove that each target finds its planted defects
    Prove(command::prove::Prove),
    /// Make a regression of an input that shows a finding
    Keep(command::keep::Keep),
    /// Write the seeds of a target to a folder
    Seeds(command::keep::Seeds),
}

fn main() -> ExitCode {
    let outcome = match Verb::parse() {
        Verb::Run(run) => run.run(),
        Verb::Prove(prove) => prove.run(),
        Verb::Keep(keep) => keep.run(),
        Verb::Seeds(seeds) => seeds.run(),
    };
    match outcome {
        Ok(clean) => ExitCode::from(u8::from(!clean)),
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::from(4)
        }
    }
}

//! `assay-runtime`: the reference runtime, as the contract says.

use std::process::ExitCode;

use assay_server::{Conduct, Exit, Given, HELP, run};
use clap::Parser;

/// The reference runtime of the Assay contract: signed WASM handlers, stored, installed and executed over HTTP.
#[derive(Parser)]
#[command(version, after_help = format!("{HELP}\n{}", Exit::HELP))]
struct Cli {
    #[command(flatten)]
    given: Given,
}

fn main() -> ExitCode {
    run(&Cli::parse().given, Conduct::default())
}

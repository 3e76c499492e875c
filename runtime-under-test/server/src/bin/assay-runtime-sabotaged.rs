//! `assay-runtime-sabotaged`: the reference runtime with one promise broken, to show that the suite notices.

use std::process::ExitCode;

use assay_server::{Conduct, Exit, Failure, Given, HELP, Sabotage, report, run, sabotages};
use clap::Parser;

/// The reference runtime of the Assay contract with one deliberate defect. Never for use.
#[derive(Parser)]
#[command(version, after_help = format!("{HELP}\n{}", Exit::HELP))]
struct Cli {
    #[command(flatten)]
    given: Given,
    /// The defect, as in conformance/proof/sabotages.toml [default: none]
    #[arg(long, value_name = "ID", env = "ASSAY_SABOTAGE")]
    sabotage: Option<String>,
    /// Prints the ids of all defects as a JSON array and ends
    #[arg(long)]
    list_sabotages: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.list_sabotages {
        println!("{}", serde_json::json!(sabotages()));
        return Exit::Stopped.into();
    }
    let Some(id) = cli.sabotage else {
        return run(&cli.given, Conduct::default());
    };
    match Sabotage::find(&id) {
        Some(sabotage) => match sabotage.prepare(&cli.given) {
            Ok(conduct) => run(&cli.given, conduct),
            Err(failure) => report(&failure),
        },
        None => report(&Failure::new(
            Exit::Usage,
            format!("there is no sabotage `{id}`\nSee all of them with --list-sabotages."),
        )),
    }
}

//! The command behind `cargo xtask fuzz` and `cargo xtask prove --fuzz`.

use std::collections::BTreeSet;
use std::panic::{PanicHookInfo, set_hook};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;

mod command;

/// Fuzz targets of the runtime.
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
    /// Write what the seeded loop keeps to a folder
    Corpus(command::corpus::Corpus),
    /// Judge every file of such a folder
    Replay(command::corpus::Replay),
    /// Put public vectors through the gates
    Vectors(command::vectors::Vectors),
}

/// A panic is a finding, and an input is made small by panicking often: each place is named once, in a line.
fn name_once(panic: &PanicHookInfo<'_>) {
    static NAMED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    if NAMED.lock().unwrap_or_else(PoisonError::into_inner).insert(place.clone()) {
        eprintln!("panic at {place}: {}", panic.payload_as_str().unwrap_or("no words"));
    }
}

fn main() -> ExitCode {
    set_hook(Box::new(name_once));
    let outcome = match Verb::parse() {
        Verb::Run(run) => run.run(),
        Verb::Prove(prove) => prove.run(),
        Verb::Keep(keep) => keep.run(),
        Verb::Seeds(seeds) => seeds.run(),
        Verb::Corpus(corpus) => corpus.run(),
        Verb::Replay(replay) => replay.run(),
        Verb::Vectors(vectors) => vectors.run(),
    };
    match outcome {
        Ok(clean) => ExitCode::from(u8::from(!clean)),
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::from(4)
        }
    }
}

//! `assay`: judges handler runtimes by the contract.

use assay_author::cli::Package;
use assay_conformance::cli::Conformance;
use assay_conformance::env::Env;
use assay_conformance::soak::Soak;
use assay_harness::Exit;
use clap::{Parser, Subcommand};

/// The conformance suite for servers that run signed WASM handlers.
#[derive(Parser)]
#[command(version, after_help = Exit::listing())]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Judge a target and write the reports
    Conformance(Box<Conformance>),
    /// Kill a target again and again, and hold what is there afterwards against what it has acknowledged
    Soak(Soak),
    /// Print what a runtime that is started by hand is told so that its requests to other hosts are observed
    Env(Env),
    /// Take a module of yours to an installed handler: init, build, sign, verify, push
    Package(Box<Package>),
}

#[tokio::main]
async fn main() -> Exit {
    match Command::parse().verb {
        Verb::Conformance(conformance) => conformance.run(None).await,
        Verb::Soak(soak) => soak.run("assay soak", None).await,
        Verb::Env(env) => env.run(),
        Verb::Package(package) => package.run().await,
    }
}

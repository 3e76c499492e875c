//! The project's own commands: `cargo xtask conformance`, `soak`, `env`, `package`, `prove`, `fuzz`, `vectors`, `bench`, `fixtures`,
//! `tidy`, `ci`.

mod bench;
mod build;
mod ci;
mod fixtures;
mod fuzz;
mod prove;
mod tidy;
mod vectors;

use assay_author::cli::Package;
use assay_conformance::cli::Conformance;
use assay_conformance::env::Env;
use assay_conformance::soak::Soak;
use assay_harness::Exit;
use clap::{Parser, Subcommand};

/// Assay's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = Exit::listing())]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Judge a target; without --target and --launch, build and judge the reference runtime
    Conformance(Box<Conformance>),
    /// Kill a target again and again, and hold what is there afterwards against what it has acknowledged; without --launch,
    /// build and kill the reference runtime
    Soak(Soak),
    /// Print what a runtime that is started by hand is told so that its requests to other hosts are observed
    Env(Env),
    /// Take a module of yours to an installed handler: init, build, sign, verify, push
    Package(Box<Package>),
    /// Prove that every check can fail: one run per sabotage, and the degenerate targets
    Prove(prove::Prove),
    /// Fuzz gates, egress, sandbox and server; what is found becomes a regression that `cargo test` judges
    Fuzz(fuzz::Fuzz),
    /// Put public vectors through the gates, and name every difference
    Vectors(vectors::Vectors),
    /// Measure what the runtime and the suite cost, beside bare peers
    Bench(bench::Bench),
    /// Write the mock packages to a folder, signed by a key that is generated for it
    Fixtures(fixtures::Fixtures),
    /// Judge the invariants of ARCHITECTURE.md
    Tidy,
    /// Do what CI does: format, lints, tests, tidy, conformance, proof
    Ci,
}

#[tokio::main]
async fn main() -> Exit {
    match Command::parse().verb {
        Verb::Conformance(conformance) => {
            match own(conformance.target.is_none() && conformance.launch.is_none() && !conformance.list) {
                Ok(embedded) => conformance.run(embedded).await,
                Err(fault) => build::refuse(&fault),
            }
        }
        Verb::Soak(soak) => match own(soak.launch.is_none()) {
            Ok(embedded) => soak.run("cargo xtask soak", embedded).await,
            Err(fault) => build::refuse(&fault),
        },
        Verb::Env(env) => env.run(),
        Verb::Package(package) => package.run().await,
        Verb::Prove(proof) if proof.fuzz => fuzz::prove(),
        Verb::Prove(proof) => proof.run().await,
        Verb::Fuzz(fuzz) => fuzz.run(),
        Verb::Vectors(vectors) => vectors.run(),
        Verb::Bench(bench) => bench.run(),
        Verb::Fixtures(fixtures) => fixtures.run(),
        Verb::Tidy => tidy::run(),
        Verb::Ci => ci::run(),
    }
}

/// The command of the reference runtime, built if it is wanted.
fn own(is_wanted: bool) -> Result<Option<Vec<String>>, String> {
    let built = is_wanted.then(|| build::runtime(build::Kind::Honest)).transpose()?;
    Ok(built.map(|path| vec![path.display().to_string()]))
}

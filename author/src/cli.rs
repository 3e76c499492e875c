//! The command line, shared by `assay package` and `cargo xtask package`.

use assay_harness::Exit;
use clap::{Args, Subcommand};

use crate::build::Build;
use crate::init::Init;
use crate::push::Push;
use crate::report::print;
use crate::sign::Sign;
use crate::verify::Verify;

/// From a module of yours to an installed handler.
#[derive(Args, Clone, Debug)]
#[command(after_help = HELP)]
pub struct Package {
    #[command(subcommand)]
    verb: Verb,
    /// Print one JSON object instead of lines
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Clone, Debug)]
enum Verb {
    /// Make the folder of a package with its manifest, and a key pair if there is none
    #[command(after_help = "Example: cargo xtask package init target/greet --id com.example.greet --example")]
    Init(Init),
    /// Put a module into the package and pin it in the manifest
    #[command(after_help = "Example: cargo xtask package build target/greet --wasm target/greet/handler.wat")]
    Build(Build),
    /// Sign the package as a release with a date on which it ends
    #[command(after_help = "Example: cargo xtask package sign target/greet --days 90")]
    Sign(Sign),
    /// Name everything that a runtime would refuse, as far as it can be known without sending it
    #[command(after_help = VERIFY)]
    Verify(Verify),
    /// Make the key trusted, upload, install or upgrade, and execute
    #[command(after_help = PUSH)]
    Push(Push),
}

const HELP: &str = "\
A package is a folder: manifest.json, handler.wasm, signature-0.dsse.json. Start with `init`; each command says the next one.
Faults are named as FILE:LINE:COLUMN with the code with which a runtime refuses them.

Exit codes:
   0  done
   1  refused, by the contract or by the runtime
   2  wrong usage, or a file that cannot be read
  10  runtime cannot be reached
  11  runtime refuses the token
  12  other contract version, or not a handler runtime
  14  a file cannot be written";

const VERIFY: &str = "\
Example: cargo xtask package verify target/greet

All faults of the first gate that refuses are named. Not known without a runtime are: other bounds than the least of the contract
(then there is a note; --target asks a runtime for its own), which keys are trusted, what is stored, revoked or installed.";

const PUSH: &str = "\
Example: ASSAY_ADMIN_TOKEN=… cargo xtask package push target/greet --target http://127.0.0.1:8420 --input '\"hello\"'

The public key is made trusted for this one handler id, if it is not trusted for it yet. What is stored and installed already is
not done again, so a push may be repeated. The private key is not read.";

impl Package {
    /// Runs the command and prints how it ended.
    pub async fn run(self) -> Exit {
        let (command, ended) = match self.verb {
            Verb::Init(init) => ("init", init.run()),
            Verb::Build(build) => ("build", build.run()),
            Verb::Sign(sign) => ("sign", sign.run()),
            Verb::Verify(verify) => ("verify", verify.run().await),
            Verb::Push(push) => ("push", push.run().await),
        };
        print(command, self.json, ended)
    }
}

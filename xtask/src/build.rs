//! Builds the reference runtime, honest or with its sabotages.

use std::path::{Path, PathBuf};
use std::process::Command;

use assay_harness::Exit;

/// Which of the two binaries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `assay-runtime`, as it is released.
    Honest,
    /// `assay-runtime-sabotaged`, which takes `--sabotage`.
    Sabotaged,
}

/// Builds the binary, with cargo's own progress on stderr, and returns its path.
///
/// # Errors
/// What cargo said, in one sentence.
pub fn runtime(kind: Kind) -> Result<PathBuf, String> {
    let binary = match kind {
        Kind::Honest => "assay-runtime",
        Kind::Sabotaged => "assay-runtime-sabotaged",
    };
    let built = target_folder().join("debug").join(binary);
    let mut cargo = cargo();
    // With the features of the whole workspace, so that no dependency is compiled a second time for one package alone.
    cargo.args(["build", "--workspace", "--bin", binary]);
    if kind == Kind::Sabotaged {
        cargo.args(["--features", "assay-server/sabotage"]);
    }
    // What is built again takes seconds and need not be talked about; the first time takes minutes, and cargo shows them.
    if built.exists() {
        cargo.arg("--quiet");
    }
    let status = cargo.status().map_err(|fault| format!("cargo cannot be started: {fault}"))?;
    if !status.success() {
        return Err(format!("{binary} does not build: {status}"));
    }
    Ok(built)
}

/// Cargo at the root of the workspace, in the environment that whoever typed the command has. What cargo itself told this program
/// about its package is left out: build scripts, such as that of ring, read it, and would make all that stands on them anew each
/// time a command of the shell and one of this program take turns.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_of_a_package)) {
        cargo.env_remove(name);
    }
    cargo
}

/// Whether cargo sets the variable for the one package that it runs.
fn is_of_a_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| variable.starts_with(prefix))
}

/// Says why there is no runtime.
pub fn refuse(fault: &str) -> Exit {
    eprintln!("error: {fault}\nSee what cargo says: cargo build --workspace");
    Exit::HarnessError
}

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where cargo puts what it builds.
pub fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

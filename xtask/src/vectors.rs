//! `cargo xtask vectors`: public vectors, which are kept outside of the repository, through the runtime's gates.

use std::path::PathBuf;

use assay_harness::Exit;
use clap::Args;

use crate::fuzz::fuzzers;

/// Where the vectors are.
#[derive(Args)]
pub struct Vectors {
    /// A folder with clones of the sources, or with their files
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
}

impl Vectors {
    /// Prints every difference; one that no clause of the contract explains makes the exit code 1.
    pub fn run(self) -> Exit {
        fuzzers(&["vectors".to_owned(), format!("--dir={}", self.dir.display())], false)
    }
}

//! `cargo xtask fixtures`: the mock packages on disk, for people who want to send them by hand.

use std::path::PathBuf;

use assay_fixtures::Key;
use assay_harness::Exit;
use clap::Args;

/// Where to.
#[derive(Args)]
pub struct Fixtures {
    /// Folder to write to; it is created
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Fixtures {
    /// Writes the catalogue and says what to do with it.
    pub fn run(self) -> Exit {
        let key = Key::generate(&mut rand::rng());
        match assay_fixtures::write_catalogue(&self.out, &key) {
            Ok(written) => {
                for path in &written {
                    println!("{}", path.display());
                }
                println!(
                    "{} packages, signed by the key in {}\nTrust it: PUT /admin/trust/keys/{} with its public_key",
                    written.len(),
                    self.out.join("key.json").display(),
                    key.name()
                );
                Exit::Conformant
            }
            Err(fault) => {
                eprintln!(
                    "error: {} cannot be written: {fault}\nName a folder that you may write: --out DIR",
                    self.out.display()
                );
                Exit::ReportsNotWritable
            }
        }
    }
}

//! `assay-fuzz vectors`: the public vectors in a folder through the gates, and every difference by its name.

use std::path::PathBuf;

use assay_fuzz::vectors::{Folder, SOURCES};
use clap::Args;

/// Where the vectors are.
#[derive(Args)]
pub struct Vectors {
    /// The folder, in whatever layout: clones of the sources, or single files
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
}

impl Vectors {
    /// Runs every source that the folder has; whether nothing is unexplained.
    pub fn run(self) -> Result<bool, String> {
        let folder = Folder::open(&self.dir).map_err(|fault| format!("{}: {fault}", self.dir.display()))?;
        let (mut present, mut unexplained) = (0, 0);
        for source in SOURCES {
            match source.run(&folder)? {
                Some(report) => {
                    present += 1;
                    unexplained += report.unexplained().count();
                    print!("{report}");
                }
                None => println!("{}: absent", source.name),
            }
        }
        println!("{present} of {} sources, {unexplained} unexplained differences", SOURCES.len());
        if present == 0 {
            return Err(format!("{} has none of the sources", self.dir.display()));
        }
        Ok(unexplained == 0)
    }
}

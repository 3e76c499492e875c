//! `assay-fuzz keep` and `seeds`: from a crash to a regression, and from fixtures to a corpus.

use std::fs;
use std::path::{Path, PathBuf};

use assay_fuzz::{Finding, Target, regression};
use clap::Args;

use super::libfuzzer::dictionary;

/// An input that shows a finding.
#[derive(Args)]
pub struct Keep {
    /// The target
    #[arg(long)]
    target: String,
    /// The file
    file: PathBuf,
}

/// Where to write seeds.
#[derive(Args)]
pub struct Seeds {
    /// The target
    #[arg(long)]
    target: String,
    /// Write the target's dictionary to this file, too
    #[arg(long, value_name = "FILE")]
    words: Option<PathBuf>,
    /// The folder
    folder: PathBuf,
}

impl Keep {
    /// Minimises the input and writes it where `cargo test` judges it.
    pub fn run(self) -> Result<bool, String> {
        let target = super::find(&self.target)?;
        let input = fs::read(&self.file).map_err(|fault| format!("{}: {fault}", self.file.display()))?;
        match target.honest().judge(&input) {
            Ok(seen) => {
                println!("{}: nothing is wrong with it: {seen}", self.file.display());
                Ok(true)
            }
            Err(finding) => keep(target, &input, &finding).map(|()| false),
        }
    }
}

impl Seeds {
    /// Writes the seeds.
    pub fn run(self) -> Result<bool, String> {
        let target = super::find(&self.target)?;
        let written = write_seeds(target, &self.folder).map_err(|fault| fault.to_string())?;
        println!("{}: {written} seeds", self.folder.display());
        if let Some(path) = &self.words {
            fs::write(path, dictionary(target)).map_err(|fault| format!("{}: {fault}", path.display()))?;
        }
        Ok(true)
    }
}

/// Minimises an input and writes it where `cargo test` judges it.
pub fn keep(target: &Target, input: &[u8], finding: &Finding) -> Result<(), String> {
    let subject = target.honest();
    let smallest = regression::minimise(&subject, input, finding);
    let shown = subject.judge(&smallest).err();
    let finding = shown.as_ref().unwrap_or(finding);
    let path = regression::keep(&regression::folder(target), &smallest, finding).map_err(|fault| fault.to_string())?;
    println!("{}: {finding}\n  {} bytes in {}", target.name, smallest.len(), path.display());
    Ok(())
}

/// Writes the seeds of a target to a folder; answers how many.
pub fn write_seeds(target: &Target, folder: &Path) -> std::io::Result<usize> {
    fs::create_dir_all(folder)?;
    let seeds = (target.seeds)();
    for seed in &seeds {
        fs::write(folder.join(&seed.name), &seed.bytes)?;
    }
    Ok(seeds.len())
}

//! `assay-fuzz corpus` and `replay`: what the seeded loop keeps, as files, and every file judged once more.

use std::fs;
use std::path::{Path, PathBuf};

use assay_fuzz::{Target, campaign::Campaign, regression};
use clap::Args;

/// Where to write a corpus.
#[derive(Args)]
pub struct Corpus {
    /// Targets, separated by commas; all by default
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    target: Vec<String>,
    /// The seed of the loop
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder: each target gets one of its own below it
    folder: PathBuf,
}

/// Where a corpus is.
#[derive(Args)]
pub struct Replay {
    /// Targets, separated by commas; all by default
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    target: Vec<String>,
    /// The folder that `corpus` wrote
    folder: PathBuf,
}

impl Corpus {
    /// Writes for each target its seeds, its regressions, and what the loop keeps in as many executions as the target's budget.
    pub fn run(self) -> Result<bool, String> {
        let mut clean = true;
        for target in super::chosen(&self.target)? {
            let subject = target.honest();
            let mut campaign = Campaign::new(&subject, self.seed);
            let seeds = (target.seeds)().into_iter().map(|seed| seed.bytes);
            let regressions = regression::all(target).map_err(|fault| fault.to_string())?;
            let first: Vec<Vec<u8>> = seeds.chain(regressions.into_iter().map(|(_, bytes)| bytes)).collect();
            let mut found: Vec<_> = first.into_iter().filter_map(|input| campaign.start_from(input)).collect();
            while campaign.executions < target.budget {
                found.extend(campaign.step());
            }
            for found in &found {
                println!("{}: {}", target.name, found.finding);
            }
            clean &= found.is_empty();
            let folder = self.folder.join(target.name);
            write(&folder, campaign.corpus()).map_err(|fault| format!("{}: {fault}", folder.display()))?;
            let (kept, executions) = (campaign.corpus().len(), campaign.executions);
            println!("{:<11} {kept:>5} inputs of {executions:>6} executions, seed {}", target.name, self.seed);
        }
        Ok(clean)
    }
}

impl Replay {
    /// Judges every file.
    pub fn run(self) -> Result<bool, String> {
        let mut clean = true;
        for target in super::chosen(&self.target)? {
            clean &= replay(target, &self.folder.join(target.name))?;
        }
        Ok(clean)
    }
}

fn replay(target: &Target, folder: &Path) -> Result<bool, String> {
    let inputs = read(folder).map_err(|fault| format!("{}: {fault}", folder.display()))?;
    let subject = target.honest();
    let mut clean = true;
    for input in inputs {
        if let Err(finding) = subject.judge(&input) {
            println!("{}: {finding}", target.name);
            clean = false;
        }
    }
    Ok(clean)
}

/// The folder holds these inputs and nothing else.
fn write(folder: &Path, inputs: &[Vec<u8>]) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    inputs.iter().enumerate().try_for_each(|(number, input)| fs::write(folder.join(format!("{number:05}")), input))
}

fn read(folder: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    paths.iter().map(fs::read).collect()
}

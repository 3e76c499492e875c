//! `assay-fuzz run`: targets for a while, one after the other; under libFuzzer where cargo-fuzz is installed, and else in this
//! process by the seeded loop.

use std::time::Duration;

use assay_fuzz::{Target, campaign::Campaign, rates};
use clap::Args;

use super::{keep::keep, libfuzzer, progress::Progress};

/// What to run, and for how long.
#[derive(Args)]
pub struct Run {
    /// Seconds for each target
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    time: u64,
    /// Targets, separated by commas; all by default
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    target: Vec<String>,
    /// Use the seeded loop even where cargo-fuzz is installed
    #[arg(long)]
    in_process: bool,
    /// The seed of the loop
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What became of a target.
pub struct Ended {
    /// How many inputs were judged.
    pub executions: u64,
    /// Whether none of them shows anything.
    pub clean: bool,
}

impl Run {
    /// Runs the targets; whether none found anything.
    pub fn run(self) -> Result<bool, String> {
        let targets = super::chosen(&self.target)?;
        let time = Duration::from_secs(self.time);
        let libfuzzer = !self.in_process && libfuzzer::is_installed();
        if !libfuzzer {
            println!(
                "the seeded loop in this process, seed {}; cargo-fuzz would add coverage and sanitizers",
                self.seed
            );
        }
        let (mut executions, mut found) = (0, Vec::new());
        for (place, target) in targets.iter().enumerate() {
            let of = (place + 1, targets.len());
            let ended =
                if libfuzzer { libfuzzer::run(target, of, time)? } else { in_process(target, of, time, self.seed)? };
            executions += ended.executions;
            found.extend((!ended.clean).then_some(target.name));
        }
        let found = if found.is_empty() { "nothing".to_owned() } else { format!("something in {}", found.join(", ")) };
        println!("{} targets, {} s each, {executions} executions: found {found}", targets.len(), self.time);
        Ok(found == "nothing")
    }
}

fn in_process(target: &Target, of: (usize, usize), time: Duration, seed: u64) -> Result<Ended, String> {
    let subject = target.honest();
    let mut campaign = Campaign::new(&subject, seed);
    let mut progress = Progress::new(target.name, of);
    let seeds = (target.seeds)().into_iter().map(|seed| seed.bytes);
    let mut seeds = seeds.collect::<Vec<_>>().into_iter();
    while progress.elapsed() < time {
        let found = match seeds.next() {
            Some(seed) => campaign.start_from(seed),
            None => campaign.step(),
        };
        if let Some(found) = found {
            progress.end(campaign.executions, "found something");
            keep(target, &found.input, &found.finding)?;
            return Ok(Ended { executions: campaign.executions, clean: false });
        }
        progress.show(campaign.executions, &format!("{} outcomes", campaign.outcomes()));
    }
    let outcomes = format!("{} outcomes, nothing found", campaign.outcomes());
    progress.end(campaign.executions, &outcomes);
    if let Some(rates) = rates::compare(target, campaign.corpus()) {
        println!("      {rates}");
    }
    Ok(Ended { executions: campaign.executions, clean: true })
}

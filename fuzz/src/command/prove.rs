//! `assay-fuzz prove`: every planted defect is found by its target from an empty corpus, and nothing in honest gates is.

use clap::Args;

/// What to prove.
#[derive(Args)]
pub struct Prove {
    /// Targets, separated by commas; all by default
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    target: Vec<String>,
    /// The seed of all inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Prove {
    /// There is nothing to find in this build.
    #[cfg(not(feature = "sabotage"))]
    pub fn run(self) -> Result<bool, String> {
        Err("this build has no planted defects; build it with --features assay-fuzz/sabotage".to_owned())
    }

    /// Proves and prints a table.
    #[cfg(feature = "sabotage")]
    pub fn run(self) -> Result<bool, String> {
        use assay_fuzz::proof::{self, Survival};

        let started = std::time::Instant::now();
        let (mut found, mut survivors, mut judged) = (0, 0, 0);
        println!("{:<10} {:<34} {:>10} {:>8}  as", "target", "planted defect", "found at", "budget");
        for target in super::chosen(&self.target)? {
            if let Some(wrong) = proof::control(target, self.seed) {
                survivors += 1;
                println!("{:<10} control: in honest gates, {}", target.name, wrong.finding);
            }
            judged += target.budget;
            for defect in target.planted {
                let row = proof::prove(target, defect, self.seed);
                let (at, says) = match row.found {
                    Ok((at, kind)) => {
                        found += 1;
                        judged += at;
                        (at.to_string(), kind.as_str())
                    }
                    Err(survival) => {
                        survivors += 1;
                        judged += row.budget;
                        let says = match survival {
                            Survival::Unknown => "SURVIVED: the gates have no such defect",
                            Survival::NotFound => "SURVIVED",
                            Survival::NotItsOwn => "SURVIVED: what was found is in honest gates, too",
                        };
                        ("-".to_owned(), says)
                    }
                };
                println!("{:<10} {:<34} {:>10} {:>8}  {says}", row.target, row.defect, at, row.budget);
            }
        }
        println!(
            "{found} planted defects found, {survivors} problems; {judged} executions of seed {} in {:.1} s",
            self.seed,
            started.elapsed().as_secs_f64()
        );
        Ok(survivors == 0)
    }
}

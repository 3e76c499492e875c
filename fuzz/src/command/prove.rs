//! `assay-fuzz prove`: every planted defect is found by its target from an empty corpus, and nothing is found without one.

#[cfg(feature = "sabotage")]
use assay_fuzz::{
    Target,
    campaign::Found,
    proof::{self, Row},
};
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
        use assay_fuzz::proof::Survival;

        let started = std::time::Instant::now();
        let (mut found, mut survivors, mut judged) = (0, 0, 0);
        println!("{:<11} {:<36} {:>10} {:>8}  as", "target", "planted defect", "found at", "budget");
        for target in super::chosen(&self.target)? {
            let (control, rows) = every(target, self.seed);
            if let Some(wrong) = control {
                survivors += 1;
                println!("{:<11} control: without a defect, {}", target.name, wrong.finding);
            }
            judged += target.budget;
            for row in rows {
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
                            Survival::Unknown => "SURVIVED: there is no such defect",
                            Survival::NotFound => "SURVIVED",
                            Survival::NotItsOwn => "SURVIVED: what was found is there without it, too",
                        };
                        ("-".to_owned(), says)
                    }
                };
                println!("{:<11} {:<36} {:>10} {:>8}  {says}", row.target, row.defect, at, row.budget);
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

/// The control of a target and the rows of its defects, as many at once as there are processors: none knows of another.
#[cfg(feature = "sabotage")]
fn every(target: &'static Target, seed: u64) -> (Option<Found>, Vec<Row>) {
    use std::sync::{Mutex, PoisonError};
    use std::thread::{available_parallelism, scope};

    let todo = Mutex::new(target.planted.iter().enumerate());
    let rows = Mutex::new(Vec::new());
    let next = || todo.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((place, defect)) = next() {
            let row = proof::prove(target, defect, seed);
            eprintln!("{}: {defect}: {}", target.name, if row.found.is_ok() { "found" } else { "not found" });
            rows.lock().unwrap_or_else(PoisonError::into_inner).push((place, row));
        }
    };
    let control = scope(|threads| {
        for _ in 1..available_parallelism().map_or(1, usize::from) {
            threads.spawn(work);
        }
        let control = proof::control(target, seed);
        work();
        control
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(place, _)| *place);
    (control, rows.into_iter().map(|(_, row)| row).collect())
}

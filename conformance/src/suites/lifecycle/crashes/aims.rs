//! When to kill: in the middle of each kind of operation, at points spread over the time that it takes, and right after its
//! answer. What is aimed at is drawn from the seed; how long an operation takes is what was observed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use crate::history::Kind;

/// One kill.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Aim {
    /// The kind of operation that it waits for.
    pub kind: Kind,
    /// When it comes.
    pub when: When,
    /// Whether the start after it is killed as well, and how far into it, as a fraction of the time that it takes.
    pub again: Option<f64>,
}

/// The moment of a kill, counted from one operation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum When {
    /// So far into the time that such an operation takes, as a fraction of it.
    During(f64),
    /// As soon as it is acknowledged.
    After,
}

/// How far into an operation the first kill of each kind comes: surely before the answer.
const FIRST: std::ops::Range<f64> = 0.2..0.6;
/// How far the later ones may come: some of them after the answer.
const LATER: std::ops::Range<f64> = 0.0..1.3;
/// So often the start after a kill is killed as well.
const AGAIN: usize = 4;
/// How many durations of each kind are remembered.
const REMEMBERED: usize = 9;
/// What stands for a kind that was never seen to be answered.
const UNKNOWN: Duration = Duration::from_millis(2);

/// So many kills, spread evenly over the kinds. Each kind comes once before any comes a second time.
pub fn aims(kills: usize, kinds: &[Kind], rng: &mut StdRng) -> Vec<Aim> {
    let mut aims = Vec::new();
    while aims.len() < kills {
        let first = aims.is_empty();
        let mut round: Vec<Aim> = kinds
            .iter()
            .map(|&kind| {
                let range = if first { FIRST } else { LATER };
                during(kind, rng.random_range(range))
            })
            .collect();
        round.shuffle(rng);
        let mut after: Vec<Aim> = kinds.iter().map(|&kind| Aim { when: When::After, ..during(kind, 0.0) }).collect();
        after.shuffle(rng);
        // Those after an answer are fewer: what they show is simple, and it shows each time. What leaves least to see comes first.
        after.sort_by_key(|aim| !matches!(aim.kind, Kind::Upload | Kind::Upgrade | Kind::Uninstall));
        after.truncate(3);
        aims.extend(round.into_iter().chain(after));
    }
    aims.truncate(kills);
    for aim in aims.iter_mut().skip(AGAIN - 1).step_by(AGAIN) {
        aim.again = Some(rng.random_range(0.0..1.0));
    }
    aims
}

/// A kill in the middle of such an operation.
pub fn during(kind: Kind, fraction: f64) -> Aim {
    Aim { kind, when: When::During(fraction), again: None }
}

/// How long each kind of operation took, the last few times.
#[derive(Default, Debug)]
pub struct Pace {
    took: Mutex<BTreeMap<Kind, Vec<Duration>>>,
}

impl Pace {
    /// An operation was acknowledged after this time.
    pub fn note(&self, kind: Kind, took: Duration) {
        let mut all = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let durations = all.entry(kind).or_default();
        durations.push(took);
        if durations.len() > REMEMBERED {
            durations.remove(0);
        }
    }

    /// The median of the last few.
    pub fn median(&self, kind: Kind) -> Duration {
        let all = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let mut durations = all.get(&kind).cloned().unwrap_or_default();
        durations.sort_unstable();
        durations.get(durations.len() / 2).copied().unwrap_or(UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_short_run_aims_at_every_kind_while_it_is_under_way() {
        let aims = aims(12, &Kind::ALL, &mut StdRng::seed_from_u64(1));
        for kind in Kind::ALL {
            assert!(aims.iter().any(|aim| aim.kind == kind && aim.when != When::After), "{kind:?}: {aims:?}");
        }
    }

    #[test]
    fn the_same_seed_aims_alike() {
        let of = |seed| aims(50, &Kind::ALL, &mut StdRng::seed_from_u64(seed));
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn the_median_follows_what_is_observed() {
        let pace = Pace::default();
        assert_eq!(pace.median(Kind::Sign), UNKNOWN);
        for ms in [1, 1, 1, 50, 50, 50, 50, 50, 50, 50, 50, 50] {
            pace.note(Kind::Sign, Duration::from_millis(ms));
        }
        assert_eq!(pace.median(Kind::Sign), Duration::from_millis(50));
    }
}

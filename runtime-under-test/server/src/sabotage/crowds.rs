//! Defects that show only when many executions come together.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use assay_package::Code;
use tokio::sync::Semaphore;

use super::Defect;
use crate::policy::{Contract, Place, Policy, StateChanges};
use crate::problem::Problem;

/// The table.
pub const DEFECTS: &[Defect] = &[
    ("capacity-overstated", || Arc::new(FewPlaces)),
    ("capacity-unenforced", || Arc::new(AnyNumber)),
    ("overloaded-without-retry-after", || Arc::new(NoRetryAfter)),
    ("places-leak", || Arc::<LeaksPlaces>::default()),
    ("places-leak-at-a-disconnect", || Arc::<CountsByHand>::default()),
    ("fails-after-thousands", || Arc::<WearsOut>::default()),
    ("some-state-changes-lost", || Arc::<LosesChanges>::default()),
];

/// Places that are held back from a bound that is published as a whole.
const HELD_BACK: usize = 64;

struct FewPlaces;
impl Policy for FewPlaces {
    fn take_place(&self, places: &Arc<Semaphore>) -> Result<Place, Problem> {
        if places.available_permits() <= HELD_BACK {
            return Err(Problem::refused(Code::Overloaded, "fewer places than were published"));
        }
        Contract.take_place(places)
    }
}

struct AnyNumber;
impl Policy for AnyNumber {
    fn take_place(&self, _: &Arc<Semaphore>) -> Result<Place, Problem> {
        Contract.take_place(&Arc::new(Semaphore::new(1)))
    }
}

struct NoRetryAfter;
impl Policy for NoRetryAfter {
    fn problem(&self, refusal: &assay_package::Refusal) -> axum::response::Response {
        let mut response = Contract.problem(refusal);
        response.headers_mut().remove(axum::http::header::RETRY_AFTER);
        response
    }
}

/// Every place of so many is never given back.
const LEAKED: usize = 100;

#[derive(Default)]
struct LeaksPlaces(AtomicUsize);
impl Policy for LeaksPlaces {
    fn give_back(&self, place: Place) {
        match self.0.fetch_add(1, Ordering::Relaxed) % LEAKED {
            0 => place.forget(),
            _ => drop(place),
        }
    }
}

/// Counts places down and up by hand, and so not up for an execution that is given up half-way.
#[derive(Default)]
struct CountsByHand(OnceLock<Arc<Semaphore>>);
impl Policy for CountsByHand {
    fn take_place(&self, places: &Arc<Semaphore>) -> Result<Place, Problem> {
        Contract.take_place(places)?.forget();
        self.0.get_or_init(|| places.clone());
        Contract.take_place(&Arc::new(Semaphore::new(1)))
    }

    fn give_back(&self, _: Place) {
        if let Some(places) = self.0.get() {
            places.add_permits(1);
        }
    }
}

/// Executions after which [`WearsOut`] begins to fail, and how often.
const WORN_OUT: usize = 5000;
const FAILING: usize = 50;

#[derive(Default)]
struct WearsOut(AtomicUsize);
impl Policy for WearsOut {
    fn take_place(&self, places: &Arc<Semaphore>) -> Result<Place, Problem> {
        let so_far = self.0.fetch_add(1, Ordering::Relaxed);
        if so_far > WORN_OUT && so_far.is_multiple_of(FAILING) {
            return Err(Problem::Failed(anyhow::anyhow!("worn out")));
        }
        Contract.take_place(places)
    }
}

/// Of so many changes to the same keys one is lost.
const LOST: usize = 40;

#[derive(Default)]
struct LosesChanges(Mutex<HashMap<Vec<String>, usize>>);
impl Policy for LosesChanges {
    fn committed_changes(&self, changes: StateChanges) -> StateChanges {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counted.entry(changes.keys().cloned().collect()).or_default();
        *count += 1;
        if count.is_multiple_of(LOST) { BTreeMap::new() } else { changes }
    }
}

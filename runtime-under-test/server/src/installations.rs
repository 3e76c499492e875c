//! What is installed, held ready: an execution of a handler without state never waits for the disk.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError, RwLock as StdRwLock};

use assay_package::{Admission, HandlerId, Manifest, Schema};
use assay_sandbox::Prepared;
use jiff::Timestamp;
use tokio::sync::{OnceCell, OwnedMutexGuard, OwnedRwLockWriteGuard, RwLock, Semaphore};

use crate::accounts::Account;
use crate::catalogue::Release;

/// All installed handlers.
#[derive(Default)]
pub struct Installations {
    by_handler: StdRwLock<BTreeMap<HandlerId, Arc<Installed>>>,
    states: Mutex<HashMap<String, Arc<StateCell>>>,
}

/// One installation as it is answered, and what runs for it.
pub struct Installed {
    /// Its number in the store.
    pub number: i64,
    /// The release that is installed.
    pub release: Arc<Release>,
    /// When it was installed or upgraded.
    pub installed_at: Timestamp,
    /// What an execution runs. None if what is stored cannot be made ready by this version of the runtime: it stays
    /// installed, so that it can be upgraded or uninstalled, and its executions fail.
    pub running: Option<Arc<Running>>,
    /// What its executions came to.
    pub account: Arc<Account>,
}

/// A release made ready to run.
pub struct Running {
    /// Its manifest.
    pub manifest: Manifest,
    /// The schema of inputs.
    pub input: Schema,
    /// The schema of outputs.
    pub output: Schema,
    /// The compiled module: there from the installation on, after a restart from the first execution on.
    pub prepared: OnceCell<Prepared>,
    /// The last verdict of the gates at an execution, and the registry's generation before it was asked.
    admitted: Mutex<Option<(u64, Admission)>>,
}

/// The committed values of a handler by their keys.
pub type Values = BTreeMap<String, Vec<u8>>;

/// The state of one handler: whoever has the turn may run and commit, or change what is installed. It is kept while
/// anybody waits for a turn or has one, also when the handler is uninstalled, so that all of them wait for the same one.
pub struct StateCell {
    /// The committed values, once they were read. Executions that use state take their turns here (core.md 9.11).
    turn: Arc<tokio::sync::Mutex<Option<Values>>>,
    /// How many may wait for a turn, so that a slow handler cannot fill the memory with those who wait.
    pub queue: Arc<Semaphore>,
    /// Held by who changes what is installed: it does not wait behind all executions, they let it pass.
    changing: Arc<RwLock<()>>,
}

/// The committed values, for whoever has the turn.
pub type Turn = OwnedMutexGuard<Option<Values>>;

/// The right to change what is installed; no execution of the handler that uses state is under way.
pub struct TurnToChange {
    turn: Turn,
    _changing: OwnedRwLockWriteGuard<()>,
}

impl Installations {
    /// The installation of a handler.
    pub fn get(&self, id: &HandlerId) -> Option<Arc<Installed>> {
        self.by_handler.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// At most so many installations from a place on, in ascending order of the ids.
    pub fn after(&self, start: Bound<&HandlerId>, skipped: usize, at_most: usize) -> Vec<Arc<Installed>> {
        let all = self.by_handler.read().unwrap_or_else(PoisonError::into_inner);
        let range = all.range::<HandlerId, _>((start, Bound::Unbounded));
        range.skip(skipped).take(at_most).map(|(_, installed)| installed.clone()).collect()
    }

    /// Shows an installation, in place of an earlier one of the same handler.
    pub fn put(&self, installed: Installed) {
        let id = installed.release.handler.clone();
        self.by_handler.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(installed));
    }

    /// Shows a handler as not installed.
    pub fn remove(&self, id: &HandlerId) {
        self.by_handler.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// The state of an owner, of which at most `queue` executions wait for a turn.
    pub fn state(&self, owner: &str, queue: usize) -> Arc<StateCell> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = states.entry(owner.to_owned()).or_insert_with(|| Arc::new(StateCell::new(queue)));
        cell.clone()
    }
}

impl Installations {
    /// Forgets the state of an owner of whom nothing is installed, unless somebody waits for a turn or has one.
    pub fn forget_state(&self, owner: &str) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if states.get(owner).is_some_and(|cell| cell.is_idle()) {
            states.remove(owner);
        }
    }
}

impl StateCell {
    fn new(queue: usize) -> Self {
        Self { turn: Arc::default(), queue: Arc::new(Semaphore::new(queue)), changing: Arc::default() }
    }

    /// Whether nobody else knows the cell, has its turn or changes what is installed.
    fn is_idle(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 && Arc::strong_count(&self.turn) == 1 && Arc::strong_count(&self.changing) == 1
    }

    /// Waits for a turn to execute. The values may still be to be read.
    pub async fn turn(&self) -> Turn {
        loop {
            let turn = self.turn.clone().lock_owned().await;
            if self.changing.try_read().is_ok() {
                return turn;
            }
            drop(turn);
            drop(self.changing.read().await);
        }
    }

    /// Waits for the execution that has the turn, and for no other, to change what is installed.
    pub async fn turn_to_change(&self) -> TurnToChange {
        let changing = self.changing.clone().write_owned().await;
        TurnToChange { turn: self.turn.clone().lock_owned().await, _changing: changing }
    }
}

impl TurnToChange {
    /// Forgets the values that were read: who comes next reads them again.
    pub fn forget(&mut self) {
        *self.turn = None;
    }
}

impl Running {
    /// A release that is compiled when it is first executed, or that is compiled already.
    pub fn new(manifest: Manifest, input: Schema, output: Schema, prepared: Option<Prepared>) -> Self {
        Self { manifest, input, output, prepared: OnceCell::new_with(prepared), admitted: Mutex::new(None) }
    }

    /// Whether the last verdict still stands.
    pub fn is_admitted(&self, generation: u64, now: Timestamp) -> bool {
        let admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        admitted.as_ref().is_some_and(|(asked, verdict)| *asked == generation && now < verdict.valid_until)
    }

    /// Keeps a verdict. `generation` is the one from before it was asked.
    pub fn admit(&self, generation: u64, verdict: Admission) {
        *self.admitted.lock().unwrap_or_else(PoisonError::into_inner) = Some((generation, verdict));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_waits_for_the_execution_under_way_and_for_no_other() {
        let cell = Arc::new(StateCell::new(8));
        let order = Arc::new(Mutex::new(Vec::new()));
        let under_way = cell.turn().await;
        let mut waiting = tokio::task::JoinSet::new();
        for what in ["execution", "execution", "change"] {
            let (cell, order) = (cell.clone(), order.clone());
            waiting.spawn(async move {
                if what == "change" {
                    let _turn = cell.turn_to_change().await;
                    order.lock().unwrap().push(what);
                } else {
                    let _turn = cell.turn().await;
                    order.lock().unwrap().push(what);
                }
            });
        }
        while cell.changing.try_read().is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(order.lock().unwrap().is_empty());
        drop(under_way);
        waiting.join_all().await;
        assert_eq!(*order.lock().unwrap(), ["change", "execution", "execution"]);
    }
}

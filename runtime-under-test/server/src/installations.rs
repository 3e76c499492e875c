//! What is installed, held ready: an execution of a handler without state never waits for the disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use assay_package::{Admission, HandlerId, Manifest, Schema};
use assay_sandbox::Prepared;
use jiff::Timestamp;
use tokio::sync::{OnceCell, Semaphore};

use crate::catalogue::Release;

/// All installed handlers.
#[derive(Default)]
pub struct Installations {
    by_handler: RwLock<HashMap<HandlerId, Arc<Installed>>>,
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
    /// What an execution runs.
    pub running: Arc<Running>,
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

/// The state of one handler: whoever has the turn may run and commit.
pub struct StateCell {
    /// The committed values, once they were read. Executions that use state take their turns here (core.md 9.11).
    pub turn: Arc<tokio::sync::Mutex<Option<Values>>>,
    /// How many may wait for a turn, so that a slow handler cannot fill the memory with those who wait.
    pub queue: Arc<Semaphore>,
}

impl Installations {
    /// The installation of a handler.
    pub fn get(&self, id: &HandlerId) -> Option<Arc<Installed>> {
        self.by_handler.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
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
        let cell = states
            .entry(owner.to_owned())
            .or_insert_with(|| Arc::new(StateCell { turn: Arc::default(), queue: Arc::new(Semaphore::new(queue)) }));
        cell.clone()
    }

    /// Forgets what was read of an owner's state; who has the turn finds the installation gone at the commit.
    pub fn forget_state(&self, owner: &str) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).remove(owner);
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

//! The decisions of the server about the migration of state at an upgrade, each stated once (core.md, 9.30 to 9.36). The
//! default methods are the contract, [`MigrationContract`] is all of them, and nothing else implements the trait in a runtime
//! that is meant for use.

use std::sync::Arc;

use assay_egress::Grant;
use assay_package::{Manifest, Refusal, Version};
use assay_sandbox::{Limits, StateSnapshot};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::accounts::Outcome;
use crate::installations::{Installed, TurnToChange};
use crate::policy::{Place, Policy, StateChanges};
use crate::problem::Problem;
use crate::redaction::Secrets;

/// The contract as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct MigrationContract;

impl MigrationPolicy for MigrationContract {}

/// Every decision about migrations.
pub trait MigrationPolicy: Send + Sync + 'static {
    // --- whether, and from what -----------------------------------------------------------------------
    /// What an upgrade replaces: what is installed when its turn has come, not when it was asked for (9.34).
    fn replaced(&self, _asked: Arc<Installed>, now: Arc<Installed>) -> Arc<Installed> {
        now
    }

    /// Whether the gates are asked again when the migration is over (9.34).
    fn judges_again(&self) -> bool {
        true
    }

    /// Whether a release migrates, by whether it exports `migrate` (9.30).
    fn migrates(&self, exported: bool) -> bool {
        exported
    }

    /// The version that a migration is told as the one that is replaced (9.30).
    fn from<'a>(&self, before: &'a Version, _after: &'a Version) -> &'a Version {
        before
    }

    /// The version that it is told as its own (9.30).
    fn own<'a>(&self, _before: &'a Version, after: &'a Version) -> &'a Version {
        after
    }

    /// A place among the executions that may be under way (load.md 2.1): it needs one, and no more.
    fn take_place(&self, policy: &dyn Policy, places: &Arc<Semaphore>) -> Result<Place, Problem> {
        policy.take_place(places)
    }

    /// Whose limits hold (9.30).
    fn manifest<'a>(&self, _before: Option<&'a Manifest>, after: &'a Manifest) -> &'a Manifest {
        after
    }

    /// The limits, of that manifest (9.30).
    fn limits(&self, limits: Limits) -> Limits {
        limits
    }

    /// The state that it sees, and the rules for changing it (9.30 and 9.31).
    fn state(&self, state: StateSnapshot) -> StateSnapshot {
        state
    }

    /// What it may ask of other hosts: nothing, and the audit tells of it (9.35).
    fn grant(&self, grant: Grant) -> Grant {
        Grant { rules: Vec::new(), ..grant }
    }

    // --- while it runs ----------------------------------------------------------------------------------
    /// What of the turn is held meanwhile: no execution that uses the state is under way (9.33).
    fn held(&self, turn: TurnToChange) -> Option<TurnToChange> {
        Some(turn)
    }

    // --- what becomes of it -----------------------------------------------------------------------------
    /// Whether it is charged to the account of the installation (9.35).
    fn is_charged(&self) -> bool {
        false
    }

    /// What becomes of an upgrade whose migration failed (9.32).
    fn failed(&self, refusal: Refusal) -> Result<(), Refusal> {
        Err(refusal)
    }

    /// What is kept of the changes of a migration that failed: nothing (9.32).
    fn kept_of_a_failure(&self, _changes: Option<StateChanges>) -> StateChanges {
        StateChanges::new()
    }

    /// Whether changes and version are committed together (9.31).
    fn commits_together(&self) -> bool {
        true
    }

    /// What happens between the two if they are not.
    fn between(&self) {}

    // --- what is said of it -----------------------------------------------------------------------------
    /// The name of an outcome (9.32).
    fn outcome(&self, outcome: Outcome) -> &'static str {
        outcome.as_str()
    }

    /// What must not be seen of what it wrote (9.36).
    fn sensitive(&self, secrets: Secrets) -> Secrets {
        secrets
    }

    /// What is answered of it (9.31 and 9.32).
    fn report(&self, report: Value) -> Option<Value> {
        Some(report)
    }
}

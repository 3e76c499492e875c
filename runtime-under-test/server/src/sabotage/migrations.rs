//! Defects of the migration of state at an upgrade.

use std::sync::Arc;
use std::time::Duration;

use assay_egress::Grant;
use assay_package::{Manifest, Refusal, Version};
use assay_sandbox::{Limits, StateSnapshot};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::accounts::Outcome;
use crate::installations::{Installed, TurnToChange};
use crate::migrations::MigrationPolicy;
use crate::policy::{Place, Policy, StateChanges};
use crate::problem::Problem;
use crate::redaction::Secrets;

/// A defect of the sandbox that needs the server to keep what it is handed.
pub const HALF: &str = "migration-half-kept";

/// One row of the table: the id, and the policy that has the defect.
type Defect = (&'static str, fn() -> Arc<dyn MigrationPolicy>);

/// The table.
pub const DEFECTS: &[Defect] = &[
    (HALF, || Arc::new(HalfKept)),
    ("migration-skipped", || Arc::new(Skipped)),
    ("migration-told-the-new-version", || Arc::new(ToldTheNew)),
    ("migration-told-the-old-version-as-its-own", || Arc::new(ToldTheOld)),
    ("migration-takes-every-place", || Arc::new(TakesAll)),
    ("migration-sees-no-state", || Arc::new(SeesNothing)),
    ("migration-under-the-old-limits", || Arc::new(OldLimits)),
    ("migration-time-unlimited", || Arc::new(AnyTime)),
    ("migration-quota-ignored", || Arc::new(AnyQuota)),
    ("migration-sends-requests", || Arc::new(Sends)),
    ("failed-migration-installs-anyway", || Arc::new(InstallsAnyway)),
    ("migration-outcomes-flattened", || Arc::new(Flattened)),
    ("migration-charged-as-an-execution", || Arc::new(Charged)),
    ("migration-report-left-out", || Arc::new(Silent)),
    ("migration-words-unredacted", || Arc::new(Unredacted)),
    ("old-version-runs-during-a-migration", || Arc::new(RunsOn)),
    ("revocation-during-a-migration-missed", || Arc::new(JudgesOnce)),
    ("upgrades-at-once-mixed", || Arc::new(Mixed)),
    ("migration-committed-before-the-switch", || Arc::new(CommitsFirst)),
];

/// How long a migration may take where the limit is not looked at: a suite must be able to wait for it.
const ANY_TIME: Duration = Duration::from_secs(6);
/// How long the state of the new version is there before the new version.
const BETWEEN: Duration = Duration::from_secs(4);

struct HalfKept;
impl MigrationPolicy for HalfKept {
    fn kept_of_a_failure(&self, changes: Option<StateChanges>) -> StateChanges {
        changes.unwrap_or_default()
    }
}

struct Skipped;
impl MigrationPolicy for Skipped {
    fn migrates(&self, _: bool) -> bool {
        false
    }
}

struct ToldTheNew;
impl MigrationPolicy for ToldTheNew {
    fn from<'a>(&self, _: &'a Version, after: &'a Version) -> &'a Version {
        after
    }
}

struct ToldTheOld;
impl MigrationPolicy for ToldTheOld {
    fn own<'a>(&self, before: &'a Version, _: &'a Version) -> &'a Version {
        before
    }
}

struct TakesAll;
impl MigrationPolicy for TakesAll {
    fn take_place(&self, policy: &dyn Policy, places: &Arc<Semaphore>) -> Result<Place, Problem> {
        let all = u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
        Arc::clone(places).try_acquire_many_owned(all).or_else(|_| policy.take_place(places))
    }
}

struct SeesNothing;
impl MigrationPolicy for SeesNothing {
    fn state(&self, state: StateSnapshot) -> StateSnapshot {
        StateSnapshot { values: Default::default(), ..state }
    }
}

struct OldLimits;
impl MigrationPolicy for OldLimits {
    fn manifest<'a>(&self, before: Option<&'a Manifest>, after: &'a Manifest) -> &'a Manifest {
        before.unwrap_or(after)
    }
}

struct AnyTime;
impl MigrationPolicy for AnyTime {
    fn limits(&self, limits: Limits) -> Limits {
        Limits { timeout: limits.timeout.max(ANY_TIME), ..limits }
    }
}

struct AnyQuota;
impl MigrationPolicy for AnyQuota {
    fn state(&self, state: StateSnapshot) -> StateSnapshot {
        StateSnapshot { max_bytes: u64::MAX, ..state }
    }
}

struct Sends;
impl MigrationPolicy for Sends {
    fn grant(&self, grant: Grant) -> Grant {
        grant
    }
}

struct InstallsAnyway;
impl MigrationPolicy for InstallsAnyway {
    fn failed(&self, _: Refusal) -> Result<(), Refusal> {
        Ok(())
    }
}

struct Flattened;
impl MigrationPolicy for Flattened {
    fn outcome(&self, _: Outcome) -> &'static str {
        Outcome::Failure.as_str()
    }
}

struct Charged;
impl MigrationPolicy for Charged {
    fn is_charged(&self) -> bool {
        true
    }
}

struct Silent;
impl MigrationPolicy for Silent {
    fn report(&self, _: Value) -> Option<Value> {
        None
    }
}

struct Unredacted;
impl MigrationPolicy for Unredacted {
    fn sensitive(&self, _: Secrets) -> Secrets {
        Secrets::new()
    }
}

/// Lets the executions go on while the state is migrated.
struct RunsOn;
impl MigrationPolicy for RunsOn {
    fn held(&self, turn: TurnToChange) -> Option<TurnToChange> {
        drop(turn);
        None
    }
}

struct JudgesOnce;
impl MigrationPolicy for JudgesOnce {
    fn judges_again(&self) -> bool {
        false
    }
}

/// Goes on with what was installed when the upgrade was asked for.
struct Mixed;
impl MigrationPolicy for Mixed {
    fn replaced(&self, asked: Arc<Installed>, _: Arc<Installed>) -> Arc<Installed> {
        asked
    }
}

struct CommitsFirst;
impl MigrationPolicy for CommitsFirst {
    fn commits_together(&self) -> bool {
        false
    }

    fn between(&self) {
        std::thread::park_timeout(BETWEEN);
    }
}

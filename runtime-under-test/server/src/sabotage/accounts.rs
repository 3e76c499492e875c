//! Defects of totals, of records and of the list of what is installed.

use std::collections::HashMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_package::{Bounds, HandlerId, Version};
use axum::body::Bytes;
use serde_json::{Value, json};

use super::Defect;
use crate::accounts::{Outcome, Totals, Used};
use crate::policy::{Contract, KeptAnswer, Policy, Removed};
use crate::records::Record;
use crate::roles::Role;
use crate::routes::Operation;

/// The table.
pub const DEFECTS: &[Defect] = &[
    ("totals-count-only-successes", || Arc::new(CountsSuccesses)),
    ("totals-forget-cpu", || Arc::new(ForgetsCpu)),
    ("totals-show-the-last-memory", || Arc::new(LastMemory)),
    ("totals-shared", || Arc::new(SharesTotals::default())),
    ("totals-lost-at-upgrade", || Arc::new(LosesTotals::default())),
    ("totals-survive-uninstall", || Arc::new(KeepsTotals::default())),
    ("installed-list-for-admins-only", || Arc::new(HidesInstalled)),
    ("installed-list-repeats-at-borders", || Arc::new(RepeatsAtBorders)),
    ("installed-list-skips-at-borders", || Arc::new(SkipsAtBorders)),
    ("record-under-any-handler", || Arc::new(AnyHandlersRecord)),
    ("record-of-an-admin-shown-to-users", || Arc::new(AnyRolesRecord)),
    ("records-for-admins-only", || Arc::new(AdminsRecords)),
    ("record-loses-logs", || Arc::new(LosesLogs)),
    ("records-survive-uninstall", || Arc::new(KeepsRecords)),
    ("only-the-last-record-kept", || Arc::new(OneRecord)),
    ("records-never-forgotten", || Arc::new(AllRecords)),
    ("large-records-dropped", || Arc::new(DropsLarge)),
    ("large-records-kept-whole", || Arc::new(KeepsLarge)),
];

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct CountsSuccesses;
impl Policy for CountsSuccesses {
    fn charge(&self, totals: &mut Totals, used: &Used<'_>) {
        if used.outcome == Outcome::Success {
            totals.add(used);
        }
    }
}

struct ForgetsCpu;
impl Policy for ForgetsCpu {
    fn charge(&self, totals: &mut Totals, used: &Used<'_>) {
        totals.add(&Used { cpu_us: 0, ..*used });
    }
}

struct LastMemory;
impl Policy for LastMemory {
    fn charge(&self, totals: &mut Totals, used: &Used<'_>) {
        totals.add(used);
        totals.memory_bytes = used.memory_bytes;
    }
}

/// The totals of all handlers together.
#[derive(Default)]
struct SharesTotals(Mutex<Totals>);
impl Policy for SharesTotals {
    fn charge(&self, totals: &mut Totals, used: &Used<'_>) {
        let mut all = locked(&self.0);
        all.add(used);
        *totals = *all;
    }
}

/// The version that each handler executed last.
#[derive(Default)]
struct LosesTotals(Mutex<HashMap<HandlerId, Version>>);
impl Policy for LosesTotals {
    fn charge(&self, totals: &mut Totals, used: &Used<'_>) {
        let before = locked(&self.0).insert(used.handler.clone(), used.version.clone());
        if before.is_some_and(|before| before != *used.version) {
            *totals = Totals::default();
        }
        totals.add(used);
    }
}

/// The totals of each handler, whether or not it was uninstalled meanwhile.
#[derive(Default)]
struct KeepsTotals(Mutex<HashMap<HandlerId, Totals>>);
impl Policy for KeepsTotals {
    fn charge(&self, totals: &mut Totals, used: &Used<'_>) {
        let mut all = locked(&self.0);
        let own = all.entry(used.handler.clone()).or_default();
        own.add(used);
        *totals = *own;
    }
}

struct HidesInstalled;
impl Policy for HidesInstalled {
    fn least_role(&self, operation: Operation) -> Role {
        if operation == Operation::ListInstalled { Role::Admin } else { Contract.least_role(operation) }
    }
}

struct RepeatsAtBorders;
impl Policy for RepeatsAtBorders {
    fn page_start<'a>(&self, after: Option<&'a HandlerId>) -> Bound<&'a HandlerId> {
        after.map_or(Bound::Unbounded, Bound::Included)
    }
}

struct SkipsAtBorders;
impl Policy for SkipsAtBorders {
    fn skipped_items(&self, cursor: bool) -> usize {
        usize::from(cursor)
    }
}

struct AnyHandlersRecord;
impl Policy for AnyHandlersRecord {
    fn shows_record(&self, record: &Record, _: &HandlerId, asks: Role) -> bool {
        Contract.shows_record(record, &record.handler, asks)
    }
}

struct AnyRolesRecord;
impl Policy for AnyRolesRecord {
    fn shows_record(&self, record: &Record, handler: &HandlerId, _: Role) -> bool {
        Contract.shows_record(record, handler, Role::Admin)
    }
}

struct AdminsRecords;
impl Policy for AdminsRecords {
    fn shows_record(&self, record: &Record, handler: &HandlerId, asks: Role) -> bool {
        asks == Role::Admin && Contract.shows_record(record, handler, asks)
    }
}

struct LosesLogs;
impl Policy for LosesLogs {
    fn kept_answer(&self, answer: &KeptAnswer<'_>, bounds: &Bounds) -> Option<Bytes> {
        let kept = Contract.kept_answer(answer, bounds)?;
        let mut members: Value = serde_json::from_slice(&kept).ok()?;
        if members["logs"] == json!([]) {
            return Some(kept);
        }
        members["logs"] = json!([]);
        Some(members.to_string().into())
    }
}

struct KeepsRecords;
impl Policy for KeepsRecords {
    fn removed_at_uninstall(&self) -> Removed {
        Removed { records: false, ..Contract.removed_at_uninstall() }
    }
}

struct OneRecord;
impl Policy for OneRecord {
    fn records_kept(&self, _: &Bounds) -> usize {
        1
    }
}

struct AllRecords;
impl Policy for AllRecords {
    fn records_kept(&self, _: &Bounds) -> usize {
        usize::MAX
    }
}

struct DropsLarge;
impl Policy for DropsLarge {
    fn kept_answer(&self, answer: &KeptAnswer<'_>, bounds: &Bounds) -> Option<Bytes> {
        Contract.kept_answer(&KeptAnswer { abridged: &|| None, ..*answer }, bounds)
    }
}

struct KeepsLarge;
impl Policy for KeepsLarge {
    fn kept_answer(&self, answer: &KeptAnswer<'_>, _: &Bounds) -> Option<Bytes> {
        Some(answer.whole.clone())
    }
}

//! Defects of state: who takes turns with whom, and what is committed under which name.

use std::sync::Arc;

use super::Defect;
use crate::installations::Installed;
use crate::policy::{Contract, Policy, StateChanges};
use crate::roles::Role;
use crate::routes::Operation;

/// The table.
pub const DEFECTS: &[Defect] = &[
    ("state-turns-not-taken", || Arc::new(NoTurns)),
    ("late-changes-committed", || Arc::new(LateChanges)),
    ("state-committed-though-rejected", || Arc::new(RejectedKept)),
    ("state-keys-cut-at-nul", || Arc::new(KeysCut)),
    ("state-values-as-text", || Arc::new(ValuesAsText)),
    ("state-owners-cut-short", || Arc::new(OwnersCut)),
    ("state-shown-to-users", || Arc::new(ShownToUsers)),
    ("state-sizes-without-keys", || Arc::new(SizesOfValues)),
];

/// A name that nobody else has.
fn alone(owner: &str) -> String {
    format!("{owner} {}", hex::encode(rand::random::<[u8; 8]>()))
}

struct NoTurns;
impl Policy for NoTurns {
    fn turns_of(&self, owner: &str) -> String {
        alone(owner)
    }
}

struct LateChanges;
impl Policy for LateChanges {
    fn turns_before_a_change_of(&self, owner: &str) -> String {
        alone(owner)
    }

    fn commits_to(&self, started: &Installed, now: Option<&Installed>) -> i64 {
        now.map_or(started.number, |now| now.number)
    }
}

struct RejectedKept;
impl Policy for RejectedKept {
    fn keeps_changes(&self, _: bool) -> bool {
        true
    }
}

struct KeysCut;
impl Policy for KeysCut {
    fn committed_changes(&self, changes: StateChanges) -> StateChanges {
        let cut = |key: String| key.split('\0').next().unwrap_or_default().to_owned();
        changes.into_iter().map(|(key, value)| (cut(key), value)).collect()
    }
}

struct ValuesAsText;
impl Policy for ValuesAsText {
    fn committed_changes(&self, changes: StateChanges) -> StateChanges {
        let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned().into_bytes();
        changes.into_iter().map(|(key, value)| (key, value.map(text))).collect()
    }
}

/// Takes an id of three segments for one of two.
struct OwnersCut;
impl Policy for OwnersCut {
    fn state_owner(&self, handler: &str) -> String {
        handler.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
    }
}

struct ShownToUsers;
impl Policy for ShownToUsers {
    fn least_role(&self, operation: Operation) -> Role {
        if operation == Operation::ShowState { Role::User } else { Contract.least_role(operation) }
    }
}

struct SizesOfValues;
impl Policy for SizesOfValues {
    fn shown_size(&self, _: u64, value: u64) -> u64 {
        value
    }
}

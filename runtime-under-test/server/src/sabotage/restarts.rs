//! Defects of what survives: the data folder forgets something at each start.

use std::path::Path;

use rusqlite::Connection;

use crate::exit::Failure;
use crate::store::{DATABASE, StoreError};

/// The table: the id, and the statements that forget.
pub const FORGOTTEN: &[(&str, &str)] = &[
    (
        "releases-forgotten-at-restart",
        "DELETE FROM state; DELETE FROM installations; DELETE FROM signatures; DELETE FROM releases; DELETE FROM handlers",
    ),
    (
        "revocations-forgotten-at-restart",
        "UPDATE releases SET revoked_at = NULL; UPDATE handlers SET revoked_at = NULL",
    ),
    ("trust-forgotten-at-restart", "DELETE FROM trust_keys"),
    ("installations-forgotten-at-restart", "DELETE FROM installations"),
    ("state-forgotten-at-restart", "DELETE FROM state"),
    ("registry-key-new-at-restart", "DELETE FROM registry_key"),
];

/// Runs the statements on the database of a data folder, if there is one.
///
/// # Errors
/// If SQLite refuses.
pub fn forget(data: &Path, statements: &str) -> Result<(), Failure> {
    let file = data.join(DATABASE);
    if !file.exists() {
        return Ok(());
    }
    let forgotten = Connection::open(file).and_then(|connection| connection.execute_batch(statements));
    forgotten.map_err(|error| StoreError::Database(error).at_start(data))
}

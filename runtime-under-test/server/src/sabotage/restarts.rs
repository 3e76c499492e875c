//! Defects of what survives: the data folder forgets something at each start, or its tables do something by themselves.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::exit::Failure;
use crate::store::{DATABASE, Place, Store, StoreError};

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
    (
        "upgrades-forgotten-at-restart",
        "UPDATE installations SET version = (SELECT min(version) FROM releases WHERE handler = installations.handler)",
    ),
    ("registry-key-new-at-restart", "DELETE FROM registry_key"),
    ("credentials-lost-at-restart", "DELETE FROM egress_credentials"),
    ("idempotency-keys-forgotten-at-restart", "DELETE FROM idempotency_keys"),
    (
        "acknowledged-before-the-commit",
        "CREATE TEMP TABLE late AS SELECT handler, version FROM releases
             WHERE uploaded_at > strftime('%Y-%m-%dT%H:%M:%f', 'now', '-10 seconds');
         DELETE FROM state WHERE owner IN (SELECT handler FROM late);
         DELETE FROM installations WHERE handler IN (SELECT handler FROM late);
         DELETE FROM signatures WHERE (handler, version) IN (SELECT handler, version FROM late);
         DELETE FROM releases WHERE (handler, version) IN (SELECT handler, version FROM late)",
    ),
    (
        "unsigned-releases-lost-at-restart",
        "DELETE FROM releases WHERE (handler, version) NOT IN (SELECT handler, version FROM signatures)",
    ),
    (
        "state-half-restored",
        "DELETE FROM state WHERE key > (SELECT min(key) FROM state AS first WHERE first.owner = state.owner)",
    ),
    (
        "version-behind-its-state-at-restart",
        "UPDATE installations SET version = (SELECT min(version) FROM releases WHERE handler = installations.handler)
             WHERE (SELECT count(*) FROM state WHERE owner = installations.handler) > 1",
    ),
    ("audit-lost-at-restart", "DROP TRIGGER IF EXISTS egress_audit_stays; DELETE FROM egress_audit"),
];

/// Another table: the id, and the statements that change what the tables do. They may run at every start.
pub const ALTERED: &[(&str, &str)] = &[
    (
        "audit-cut-at-uninstall",
        "DROP TRIGGER IF EXISTS egress_audit_stays;
         CREATE TRIGGER IF NOT EXISTS cut AFTER DELETE ON installations BEGIN
             DELETE FROM egress_audit WHERE handler = OLD.handler;
         END",
    ),
    (
        "audit-cut-at-upgrade",
        "DROP TRIGGER IF EXISTS egress_audit_stays;
         CREATE TRIGGER IF NOT EXISTS cut AFTER UPDATE ON installations BEGIN
             DELETE FROM egress_audit WHERE handler = OLD.handler;
         END",
    ),
    (
        "audit-sequence-shared",
        "DROP TRIGGER IF EXISTS egress_audit_stays_as_it_is;
         CREATE TRIGGER IF NOT EXISTS shared AFTER INSERT ON egress_audit BEGIN
             UPDATE egress_audit SET sequence = (SELECT count(*) FROM egress_audit)
                 WHERE handler = NEW.handler AND sequence = NEW.sequence;
         END",
    ),
    (
        "second-installations-lost-at-restart",
        "CREATE TABLE IF NOT EXISTS uninstalled (handler TEXT NOT NULL);
         CREATE TRIGGER IF NOT EXISTS notes_uninstalled AFTER DELETE ON installations BEGIN
             INSERT INTO uninstalled VALUES (OLD.handler);
         END;
         DELETE FROM installations WHERE handler IN (SELECT handler FROM uninstalled)",
    ),
    (
        "state-comes-back-after-an-uninstall",
        "CREATE TABLE IF NOT EXISTS removed_state (owner TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL);
         CREATE TRIGGER IF NOT EXISTS keeps_removed_state AFTER DELETE ON state
             WHEN NOT EXISTS (SELECT 1 FROM installations WHERE handler = OLD.owner) BEGIN
             INSERT INTO removed_state VALUES (OLD.owner, OLD.key, OLD.value);
         END;
         INSERT OR IGNORE INTO state SELECT owner, key, value FROM removed_state",
    ),
    (
        "credentials-removed-come-back",
        "CREATE TRIGGER IF NOT EXISTS comes_back AFTER DELETE ON egress_credentials BEGIN
             INSERT INTO egress_credentials VALUES (OLD.name, OLD.handlers, OLD.hosts, OLD.header, OLD.value);
         END",
    ),
];

/// The defect that moves the data aside at each start.
pub const ASIDE: &str = "data-moved-aside-at-each-start";
/// For so long: most of the time that such a start takes.
const MOVED: Duration = Duration::from_millis(250);

/// Moves the database of a data folder aside, and back again. Who is killed meanwhile starts with nothing.
///
/// # Errors
/// If the operating system refuses.
pub fn move_aside(data: &Path) -> Result<(), Failure> {
    let names = ["", "-wal", "-shm"].map(|end| format!("{DATABASE}{end}"));
    let files = names.map(|name| (data.join(&name), data.join(format!("{name}.aside"))));
    let moved: Vec<_> = files.into_iter().filter(|(file, _)| file.exists()).collect();
    let failed = |error| StoreError::Io(error).at_start(data);
    moved.iter().try_for_each(|(file, aside)| std::fs::rename(file, aside)).map_err(failed)?;
    if !moved.is_empty() {
        std::thread::park_timeout(MOVED);
    }
    moved.iter().try_for_each(|(file, aside)| std::fs::rename(aside, file)).map_err(failed)
}

/// Runs the statements on the database of a data folder, which is made first where there is none.
///
/// # Errors
/// If the data folder cannot be used, or SQLite refuses.
pub fn alter(data: &Path, statements: &str) -> Result<(), Failure> {
    drop(Store::open(data, &Place::Folder).map_err(|error| error.at_start(data))?);
    forget(data, statements)
}

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

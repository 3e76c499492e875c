//! The tables, and how an older data folder becomes a current one.

use rusqlite::Connection;

use super::StoreError;

/// The steps from an empty database to the current one; `user_version` counts those that were taken.
const STEPS: &[&str] = &[
    "
    CREATE TABLE registry_key (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        seed BLOB NOT NULL CHECK (length(seed) = 32)
    ) STRICT;

    CREATE TABLE trust_keys (
        name TEXT PRIMARY KEY,
        public_key BLOB NOT NULL CHECK (length(public_key) = 32),
        role TEXT NOT NULL CHECK (role IN ('publisher', 'registry')),
        scope TEXT NOT NULL,
        not_after TEXT
    ) STRICT;

    CREATE TABLE handlers (
        id TEXT PRIMARY KEY,
        revoked_at TEXT,
        revoked_reason TEXT
    ) STRICT;

    CREATE TABLE releases (
        handler TEXT NOT NULL REFERENCES handlers (id),
        version TEXT NOT NULL,
        package TEXT NOT NULL,
        abi TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        category TEXT NOT NULL,
        manifest BLOB NOT NULL,
        module TEXT NOT NULL,
        module_bytes INTEGER NOT NULL,
        uploaded_at TEXT NOT NULL,
        revoked_at TEXT,
        revoked_reason TEXT,
        PRIMARY KEY (handler, version)
    ) STRICT;

    CREATE TABLE signatures (
        handler TEXT NOT NULL,
        version TEXT NOT NULL,
        position INTEGER NOT NULL,
        envelope BLOB NOT NULL,
        PRIMARY KEY (handler, version, position),
        FOREIGN KEY (handler, version) REFERENCES releases (handler, version)
    ) STRICT;

    CREATE TABLE installations (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        handler TEXT NOT NULL UNIQUE,
        version TEXT NOT NULL,
        installed_at TEXT NOT NULL,
        FOREIGN KEY (handler, version) REFERENCES releases (handler, version)
    ) STRICT;

    CREATE TABLE state (
        owner TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (owner, key)
    ) STRICT;
",
    "
    CREATE TABLE installed_once (
        handler TEXT PRIMARY KEY
    ) STRICT;
    INSERT INTO installed_once (handler) SELECT handler FROM installations;

    CREATE TABLE egress_credentials (
        name TEXT PRIMARY KEY,
        handlers TEXT NOT NULL,
        hosts TEXT NOT NULL,
        header TEXT NOT NULL,
        value TEXT NOT NULL
    ) STRICT;

    CREATE TABLE egress_audit (
        handler TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        members TEXT NOT NULL,
        PRIMARY KEY (handler, sequence)
    ) STRICT, WITHOUT ROWID;

    CREATE TRIGGER egress_audit_stays BEFORE DELETE ON egress_audit BEGIN
        SELECT raise(ABORT, 'the audit is append-only');
    END;

    CREATE TRIGGER egress_audit_stays_as_it_is BEFORE UPDATE ON egress_audit BEGIN
        SELECT raise(ABORT, 'the audit is append-only');
    END;
",
    "
    CREATE TABLE idempotency_keys (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        request BLOB NOT NULL CHECK (length(request) = 32),
        status INTEGER NOT NULL,
        location TEXT,
        body BLOB NOT NULL
    ) STRICT;
",
    // In a bucket that keeps versions: which one of the object.
    "ALTER TABLE releases ADD COLUMN module_version TEXT",
];

/// Sets the connection's pragmas: every commit is on the disk before it returns.
pub fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))
}

/// Takes the steps that are still to take, each in a transaction of its own.
///
/// # Errors
/// [`StoreError::Newer`] if the database has taken steps that this version does not know.
pub fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let taken: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let taken = taken as usize;
    if taken > STEPS.len() {
        return Err(StoreError::Newer);
    }
    for (index, step) in STEPS.iter().enumerate().skip(taken) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", (index + 1).cast_signed() as i64)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_a_newer_version_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 1000).unwrap();
        assert!(matches!(migrate(&mut connection), Err(StoreError::Newer)));
    }

    #[test]
    fn to_migrate_again_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
    }
}

//! The state of handlers, as last committed.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::{Store, StoreError, Writer};

impl Store {
    /// All values of an owner.
    pub fn state(&self, owner: &str) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let connection = self.read();
        let mut query = connection.prepare_cached("SELECT key, value FROM state WHERE owner = ?1")?;
        let rows = query.query_and_then([owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }

    /// The keys of an owner, each with the size of its value in bytes.
    pub fn state_sizes(&self, owner: &str) -> Result<BTreeMap<String, u64>, StoreError> {
        let connection = self.read();
        let mut query = connection.prepare_cached("SELECT key, length(value) FROM state WHERE owner = ?1")?;
        let rows = query.query_and_then([owner], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
        rows.collect()
    }
}

impl Writer<'_> {
    /// Commits the changes of one execution together: a value to set, or none for a key to remove. Does nothing, and
    /// says so with `false`, if the installation is gone by now.
    pub fn commit_state(
        &mut self,
        installation: i64,
        owner: &str,
        changes: &BTreeMap<String, Option<Vec<u8>>>,
    ) -> Result<bool, StoreError> {
        let transaction = self.connection.savepoint()?;
        let installed: bool = transaction
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM installations WHERE number = ?1)")?
            .query_row([installation], |row| row.get(0))?;
        if !installed {
            return Ok(false);
        }
        apply(&transaction, owner, changes)?;
        transaction.commit()?;
        Ok(true)
    }
}

/// Makes changes to the state of an owner, as part of a transaction.
pub(super) fn apply(
    transaction: &Connection,
    owner: &str,
    changes: &BTreeMap<String, Option<Vec<u8>>>,
) -> Result<(), StoreError> {
    let mut set = transaction.prepare_cached(
        "INSERT INTO state (owner, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (owner, key) DO UPDATE SET value = excluded.value",
    )?;
    let mut remove = transaction.prepare_cached("DELETE FROM state WHERE owner = ?1 AND key = ?2")?;
    for (key, value) in changes {
        match value {
            Some(value) => set.execute(params![owner, key, value])?,
            None => remove.execute([owner, key])?,
        };
    }
    Ok(())
}

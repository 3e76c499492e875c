//! The audit of requests to other hosts: entries are appended, and the database itself refuses to change or remove one.

use rusqlite::params;
use serde_json::Value;

use super::{Store, StoreError, Writer};

/// An entry to be appended; its number is the next one of its handler.
#[derive(Debug)]
pub struct AuditEntry {
    /// Whose it is.
    pub handler: String,
    /// Its members as they are shown, without the number.
    pub members: Value,
}

impl Store {
    /// The entries of a handler after one of them, at most so many, oldest first, each with its number.
    pub fn audit(&self, handler: &str, after: u64, at_most: usize) -> Result<Vec<(u64, Value)>, StoreError> {
        let connection = self.read();
        let mut query = connection.prepare_cached(
            "SELECT sequence, members FROM egress_audit WHERE handler = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
        )?;
        let (after, at_most) = (i64::try_from(after).unwrap_or(i64::MAX), i64::try_from(at_most).unwrap_or(i64::MAX));
        let rows = query.query_and_then(params![handler, after, at_most], |row| {
            let members = serde_json::from_str(&row.get::<_, String>("members")?);
            let sequence = row.get::<_, i64>("sequence")?.unsigned_abs();
            Ok((sequence, members.map_err(|_| StoreError::Damaged("entry of the audit"))?))
        })?;
        rows.collect()
    }

    /// Whether a version of the handler is or was installed.
    pub fn installed_once(&self, handler: &str) -> Result<bool, StoreError> {
        let connection = self.read();
        let mut query = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM installed_once WHERE handler = ?1)")?;
        Ok(query.query_row([handler], |row| row.get(0))?)
    }
}

impl Writer<'_> {
    /// Appends entries, in order and together.
    pub fn append_audit(&mut self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        {
            let mut append = transaction.prepare_cached(
                "INSERT INTO egress_audit (handler, sequence, members) VALUES
                 (?1, (SELECT coalesce(max(sequence), 0) + 1 FROM egress_audit WHERE handler = ?1), ?2)",
            )?;
            for entry in entries {
                append.execute(params![entry.handler, entry.members.to_string()])?;
            }
        }
        Ok(transaction.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(handler: &str, n: u64) -> AuditEntry {
        AuditEntry { handler: handler.to_owned(), members: json!({ "n": n }) }
    }

    #[test]
    fn numbers_count_for_each_handler_without_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &crate::store::Place::Folder).unwrap();
        store.write().append_audit(&[entry("a", 1), entry("b", 2), entry("a", 3)]).unwrap();
        store.write().append_audit(&[entry("a", 4)]).unwrap();
        let of_a = store.audit("a", 0, 10).unwrap();
        assert_eq!(of_a, [(1, json!({ "n": 1 })), (2, json!({ "n": 3 })), (3, json!({ "n": 4 }))]);
        assert_eq!(store.audit("a", 1, 1).unwrap(), of_a[1..2]);
        assert_eq!(store.audit("a", u64::MAX, 1).unwrap(), []);
    }

    #[test]
    fn an_entry_can_be_neither_changed_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &crate::store::Place::Folder).unwrap();
        let mut writer = store.write();
        writer.append_audit(&[entry("a", 1)]).unwrap();
        for statement in ["UPDATE egress_audit SET members = '{}'", "DELETE FROM egress_audit"] {
            assert!(writer.connection.execute(statement, []).is_err(), "{statement}");
        }
    }
}

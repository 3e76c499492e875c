//! Which version of which handler is installed.

use std::collections::BTreeMap;

use assay_package::{HandlerId, Version};
use jiff::Timestamp;
use rusqlite::params;

use super::state::apply;
use super::{Store, StoreError, Writer};

/// A row: one installation.
#[derive(Clone, Debug)]
pub struct StoredInstallation {
    /// Which installation of the handler this is; never used again, so that a late commit of an execution that outlived
    /// its installation is told apart.
    pub number: i64,
    /// The handler.
    pub handler: HandlerId,
    /// The installed version.
    pub version: Version,
    /// When it was installed or upgraded.
    pub installed_at: Timestamp,
}

impl Store {
    /// All installations.
    pub fn installations(&self) -> Result<Vec<StoredInstallation>, StoreError> {
        let connection = self.read();
        let mut query = connection.prepare("SELECT number, handler, version, installed_at FROM installations")?;
        let rows = query.query_and_then([], |row| {
            let text = |column| row.get::<_, String>(column);
            Ok(StoredInstallation {
                number: row.get("number")?,
                handler: text("handler")?.parse().map_err(|_| StoreError::Damaged("handler id"))?,
                version: text("version")?.parse().map_err(|_| StoreError::Damaged("version"))?,
                installed_at: text("installed_at")?.parse().map_err(|_| StoreError::Damaged("time"))?,
            })
        })?;
        rows.collect()
    }
}

impl Writer<'_> {
    /// Installs a version of a handler of which none is installed; answers the installation's number. That it was installed
    /// once is remembered for good.
    pub fn install(&mut self, handler: &HandlerId, version: &Version, at: Timestamp) -> Result<i64, StoreError> {
        let transaction = self.connection.savepoint()?;
        transaction.execute("INSERT OR IGNORE INTO installed_once (handler) VALUES (?1)", [handler.as_str()])?;
        transaction.execute(
            "INSERT INTO installations (handler, version, installed_at) VALUES (?1, ?2, ?3)",
            params![handler.as_str(), version.as_str(), at.to_string()],
        )?;
        let number = transaction.last_insert_rowid();
        transaction.commit()?;
        Ok(number)
    }

    /// Replaces the version of an installation, together with changes to the state of `owner`; its number stays.
    pub fn upgrade(
        &mut self,
        number: i64,
        version: &Version,
        at: Timestamp,
        owner: &str,
        changes: &BTreeMap<String, Option<Vec<u8>>>,
    ) -> Result<(), StoreError> {
        let transaction = self.connection.savepoint()?;
        transaction.execute(
            "UPDATE installations SET version = ?2, installed_at = ?3 WHERE number = ?1",
            params![number, version.as_str(), at.to_string()],
        )?;
        apply(&transaction, owner, changes)?;
        Ok(transaction.commit()?)
    }

    /// Removes an installation, and the state of `owner` if one is named.
    pub fn uninstall(&mut self, number: i64, owner: Option<&str>) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        transaction.execute("DELETE FROM installations WHERE number = ?1", [number])?;
        if let Some(owner) = owner {
            transaction.execute("DELETE FROM state WHERE owner = ?1", [owner])?;
        }
        Ok(transaction.commit()?)
    }
}

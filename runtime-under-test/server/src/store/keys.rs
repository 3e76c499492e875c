//! Trust keys, and the runtime's own registry key.

use assay_package::{KeyName, PublicKey, Scope, TrustedKey};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Store, StoreError, Writer};

impl Store {
    /// All trust keys.
    pub fn trust_keys(&self) -> Result<Vec<TrustedKey>, StoreError> {
        let connection = self.read();
        let mut query = connection.prepare("SELECT name, public_key, role, scope, not_after FROM trust_keys")?;
        query.query_and_then([], trusted_key)?.collect()
    }
}

impl Writer<'_> {
    /// The seed of the registry key; made at the first start, the same ever after (README of the contract, 4.4).
    pub fn registry_seed(&mut self) -> Result<[u8; 32], StoreError> {
        let stored = self
            .connection
            .query_row("SELECT seed FROM registry_key", [], |row| row.get::<_, [u8; 32]>(0))
            .optional()?;
        if let Some(seed) = stored {
            return Ok(seed);
        }
        let seed = rand::random::<[u8; 32]>();
        self.connection.execute("INSERT INTO registry_key (only, seed) VALUES (1, ?1)", [seed])?;
        Ok(seed)
    }

    /// Stores a trust key, or replaces the one of the same name.
    pub fn put_key(&mut self, key: &TrustedKey) -> Result<(), StoreError> {
        let scope = key.scope.iter().map(Scope::to_string).collect::<Vec<_>>().join(" ");
        self.connection.execute(
            "INSERT INTO trust_keys (name, public_key, role, scope, not_after) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO UPDATE SET public_key = excluded.public_key, role = excluded.role,
                 scope = excluded.scope, not_after = excluded.not_after",
            params![
                key.name.as_str(),
                key.public_key.as_bytes(),
                key.role.as_str(),
                scope,
                key.not_after.map(|end| end.to_string())
            ],
        )?;
        Ok(())
    }

    /// Ends the trust in a key.
    pub fn delete_key(&mut self, name: &KeyName) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM trust_keys WHERE name = ?1", [name.as_str()])?;
        Ok(())
    }
}

fn trusted_key(row: &Row<'_>) -> Result<TrustedKey, StoreError> {
    let damaged = StoreError::Damaged("trust key");
    let scope: String = row.get("scope")?;
    let read = || -> Option<TrustedKey> {
        Some(TrustedKey {
            name: row.get::<_, String>("name").ok()?.parse().ok()?,
            public_key: PublicKey::from_bytes(&row.get("public_key").ok()?).ok()?,
            role: row.get::<_, String>("role").ok()?.parse().ok()?,
            scope: scope.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?,
            not_after: match row.get::<_, Option<String>>("not_after").ok()? {
                Some(end) => Some(end.parse::<Timestamp>().ok()?),
                None => None,
            },
        })
    };
    read().ok_or(damaged)
}

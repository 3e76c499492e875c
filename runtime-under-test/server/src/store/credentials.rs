//! Credentials for requests to other hosts. The database is for this user alone, so values stand in it as they are.

use assay_package::KeyName;
use rusqlite::{Row, params};

use super::{Store, StoreError, Writer};
use crate::outside::credentials::{Credential, Kept};

impl Store {
    /// All credentials.
    pub fn credentials(&self) -> Result<Kept, StoreError> {
        let connection = self.read();
        let mut query = connection.prepare("SELECT name, handlers, hosts, header, value FROM egress_credentials")?;
        let rows =
            query.query_and_then([], |row| credential(row).map(|credential| (credential.name.clone(), credential)))?;
        rows.collect()
    }
}

impl Writer<'_> {
    /// Stores a credential, or replaces the one of the same name.
    pub fn put_credential(&mut self, credential: &Credential) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO egress_credentials (name, handlers, hosts, header, value) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO UPDATE SET handlers = excluded.handlers, hosts = excluded.hosts,
                 header = excluded.header, value = excluded.value",
            params![
                credential.name.as_str(),
                joined(&credential.handlers),
                joined(&credential.hosts),
                credential.header,
                credential.value
            ],
        )?;
        Ok(())
    }

    /// Forgets a credential.
    pub fn delete_credential(&mut self, name: &KeyName) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM egress_credentials WHERE name = ?1", [name.as_str()])?;
        Ok(())
    }
}

/// Neither handlers nor rules have spaces in them.
fn joined(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn credential(row: &Row<'_>) -> Result<Credential, StoreError> {
    let damaged = || StoreError::Damaged("credential");
    let text = |column| row.get::<_, String>(column);
    let (handlers, hosts) = (text("handlers")?, text("hosts")?);
    Ok(Credential {
        name: text("name")?.parse().map_err(|_| damaged())?,
        handlers: handlers.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(|_| damaged())?,
        hosts: hosts.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(|_| damaged())?,
        header: text("header")?,
        value: text("value")?,
    })
}

//! Releases: the rows, their signatures and their modules.

use std::collections::HashSet;

use assay_package::{Envelope, HandlerId, Version};
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Row, params};

use super::{Store, StoreError, Stored, Writer};
use crate::catalogue::{Catalogue, Release};

/// A release to store, with the bytes that the catalogue does not hold.
#[derive(Debug)]
pub struct NewRelease<'p> {
    /// What the catalogue will show.
    pub release: Release,
    /// The exact manifest.
    pub manifest: &'p [u8],
    /// The module as it was stored, if it is.
    pub object: Option<Stored>,
}

/// What became of storing a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is stored.
    Stored,
    /// The version was there before.
    Exists,
}

impl Store {
    /// Everything that is stored about releases; `read` reads an envelope that was accepted.
    pub fn catalogue(&self, read: impl Fn(&[u8]) -> Option<Envelope>) -> Result<Catalogue, StoreError> {
        let connection = self.read();
        let mut catalogue = Catalogue::default();
        let mut query = connection.prepare("SELECT *, length(manifest) AS manifest_bytes FROM releases")?;
        for release in query.query_and_then([], release)? {
            catalogue.put(release?);
        }
        let mut query = connection
            .prepare("SELECT handler, version, envelope FROM signatures ORDER BY handler, version, position")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (id, version) = (parsed(row, "handler")?, parsed(row, "version")?);
            let envelope: Vec<u8> = row.get("envelope")?;
            let envelope = read(&envelope).ok_or(StoreError::Damaged("signature"))?;
            catalogue.change(&id, &version, |release| release.envelopes.push(envelope));
        }
        let mut query = connection.prepare("SELECT id AS handler FROM handlers WHERE revoked_at IS NOT NULL")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(handler) = catalogue.handlers.get_mut(&parsed::<HandlerId>(row, "handler")?) {
                handler.revoked = true;
            }
        }
        Ok(catalogue)
    }

    /// The exact manifest of a release.
    pub fn manifest(&self, id: &HandlerId, version: &Version) -> Result<Vec<u8>, StoreError> {
        let connection = self.read();
        let mut query =
            connection.prepare_cached("SELECT manifest FROM releases WHERE handler = ?1 AND version = ?2")?;
        Ok(query.query_row([id.as_str(), version.as_str()], |row| row.get(0))?)
    }

    /// The module of a release, compared with its digest.
    pub fn module(&self, release: &Release) -> Result<Vec<u8>, StoreError> {
        let version = {
            let connection = self.read();
            let mut query =
                connection.prepare_cached("SELECT module_version FROM releases WHERE handler = ?1 AND version = ?2")?;
            query.query_row([release.handler.as_str(), release.version.as_str()], |row| row.get(0))?
        };
        Ok(self.objects.get(&release.module.hex(), version)?)
    }

    /// Stores a module ahead of the row that will refer to it, without holding up other changes.
    pub fn put_module(&self, release: &Release, module: &[u8]) -> Result<Stored, StoreError> {
        Ok(self.objects.put(&release.module.hex(), module)?)
    }

    /// Whether the module of a release is there still: a lost race may have removed it since it was stored.
    pub fn has_module(&self, release: &Release) -> Result<bool, StoreError> {
        Ok(self.objects.contains(&release.module.hex())?)
    }

    /// Removes the module of a release that lost a race, unless a row refers to it. The writer keeps others from
    /// referring to it meanwhile.
    pub fn remove_orphan(&self, writer: &Writer<'_>, release: &Release) -> Result<(), StoreError> {
        let referred: bool = writer
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM releases WHERE module = ?1)")?
            .query_row([release.module.to_string()], |row| row.get(0))?;
        if !referred {
            self.objects.remove(&release.module.hex())?;
        }
        Ok(())
    }

    /// Removes objects that no row refers to.
    pub(super) fn sweep(&self) -> Result<usize, StoreError> {
        let mut referred = HashSet::new();
        {
            let connection = self.read();
            let mut query = connection.prepare("SELECT DISTINCT module FROM releases")?;
            for module in query.query_and_then([], |row| row.get::<_, String>(0))? {
                referred.insert(module?.trim_start_matches("sha256:").to_owned());
            }
        }
        Ok(self.objects.sweep(&referred)?)
    }
}

impl Writer<'_> {
    /// Stores a release whose module is stored. The database decides which of several of one version wins.
    pub fn insert_release(&mut self, new: &NewRelease<'_>) -> Result<Inserted, StoreError> {
        let release = &new.release;
        let transaction = self.connection.savepoint()?;
        transaction
            .execute("INSERT INTO handlers (id) VALUES (?1) ON CONFLICT DO NOTHING", [release.handler.as_str()])?;
        match insert_row(&transaction, new) {
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::ConstraintViolation => {
                return Ok(Inserted::Exists);
            }
            inserted => inserted?,
        }
        for (position, envelope) in release.envelopes.iter().enumerate() {
            insert_signature(&transaction, release, position, envelope)?;
        }
        transaction.commit()?;
        Ok(Inserted::Stored)
    }

    /// Adds an envelope after those that the release has.
    pub fn add_signature(&mut self, release: &Release, envelope: &Envelope) -> Result<(), StoreError> {
        Ok(insert_signature(&self.connection, release, release.envelopes.len(), envelope)?)
    }

    /// Revokes a version; the first reason and time stay.
    pub fn revoke_release(
        &mut self,
        id: &HandlerId,
        version: &Version,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE releases SET revoked_at = ?3, revoked_reason = ?4
             WHERE handler = ?1 AND version = ?2 AND revoked_at IS NULL",
            params![id.as_str(), version.as_str(), at.to_string(), reason],
        )?;
        Ok(())
    }

    /// Revokes a handler as a whole; the first reason and time stay.
    pub fn revoke_handler(&mut self, id: &HandlerId, reason: &str, at: Timestamp) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE handlers SET revoked_at = ?2, revoked_reason = ?3 WHERE id = ?1 AND revoked_at IS NULL",
            params![id.as_str(), at.to_string(), reason],
        )?;
        Ok(())
    }
}

fn insert_row(transaction: &Connection, new: &NewRelease<'_>) -> rusqlite::Result<()> {
    let release = &new.release;
    transaction.execute(
        "INSERT INTO releases (handler, version, package, abi, name, description, category, manifest, module,
             module_bytes, uploaded_at, module_version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            release.handler.as_str(),
            release.version.as_str(),
            release.package.to_string(),
            release.abi.as_str(),
            release.name,
            release.description,
            release.category,
            new.manifest,
            release.module.to_string(),
            release.module_bytes.cast_signed(),
            release.uploaded_at.to_string(),
            new.object.as_ref().and_then(|object| object.version.as_deref()),
        ],
    )?;
    Ok(())
}

fn insert_signature(
    connection: &Connection,
    release: &Release,
    position: usize,
    envelope: &Envelope,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO signatures (handler, version, position, envelope) VALUES (?1, ?2, ?3, ?4)",
        params![release.handler.as_str(), release.version.as_str(), position.cast_signed() as i64, envelope.bytes()],
    )?;
    Ok(())
}

fn release(row: &Row<'_>) -> Result<Release, StoreError> {
    Ok(Release {
        handler: parsed(row, "handler")?,
        version: parsed(row, "version")?,
        package: parsed(row, "package")?,
        abi: parsed(row, "abi")?,
        name: row.get("name")?,
        description: row.get("description")?,
        category: row.get("category")?,
        manifest_bytes: row.get::<_, i64>("manifest_bytes")?.cast_unsigned(),
        module: parsed(row, "module")?,
        module_bytes: row.get::<_, i64>("module_bytes")?.cast_unsigned(),
        uploaded_at: parsed(row, "uploaded_at")?,
        revoked: row.get::<_, Option<String>>("revoked_at")?.is_some(),
        envelopes: Vec::new(),
    })
}

fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: &'static str) -> Result<T, StoreError> {
    row.get::<_, String>(column)?.parse().map_err(|_| StoreError::Damaged(column))
}

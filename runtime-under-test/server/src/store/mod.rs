//! What survives: one SQLite database under a data folder that one process holds, and the objects of its releases.
//!
//! All changes go through [`Writer`], one at a time; when one of its methods has returned, the change is on the disk.
//! Everything here blocks: callers are on threads that may.

mod audit;
mod credentials;
mod installations;
mod keys;
mod objects;
mod releases;
mod retries;
pub mod schema;
mod state;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};

use crate::exit::{Exit, Failure};
pub use audit::AuditEntry;
pub use installations::StoredInstallation;
pub use objects::{Bucket, Objects, Place, Stored};
pub use releases::{Inserted, NewRelease};

/// Name of the database in the data folder.
pub const DATABASE: &str = "assay.sqlite";

/// The opened data folder.
pub struct Store {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    objects: Objects,
    /// Held for as long as the store is; the operating system lets go of it however the process ends.
    _lock: File,
}

/// The right to change the store; there is one at a time.
pub struct Writer<'s> {
    pub(crate) connection: MutexGuard<'s, Connection>,
}

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data folder.
    #[error("another process has it")]
    Locked,
    /// The database was written by a newer version of the runtime.
    #[error("it was written by a newer version")]
    Newer,
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// SQLite refused.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    /// The settings of the bucket are wrong.
    #[error("the bucket cannot be asked: {0}")]
    Bucket(String),
    /// A value in the database is not what this runtime wrote.
    #[error("the database holds a {0} that cannot be read")]
    Damaged(&'static str),
}

impl StoreError {
    /// The failure to start with, for a person.
    pub fn at_start(&self, data: &Path) -> Failure {
        let data = data.display();
        let (exit, advice) = match self {
            Self::Locked => (Exit::DataLocked, "Stop the other runtime, or choose another folder with --data."),
            Self::Bucket(fault) => {
                let advice = "Set objects and the variables of S3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT.";
                return Failure::new(Exit::Objects, format!("cannot use the bucket: {fault}\n{advice}"));
            }
            Self::Newer => (Exit::DataNewer, "Use that version, or choose another folder with --data."),
            _ => (Exit::Data, "Choose a folder on a local disk that this user may write, with --data or ASSAY_DATA."),
        };
        Failure::new(exit, format!("cannot use the data folder {data}: {self}\n{advice}"))
    }
}

impl Store {
    /// Opens the data folder, and makes it if it does not exist, for this user alone.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Newer`], [`StoreError::Bucket`], and whatever the disk says.
    pub fn open(data: &Path, place: &Place) -> Result<Self, StoreError> {
        create_private(data)?;
        let lock = private_file().open(data.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => StoreError::Locked,
            fs::TryLockError::Error(error) => StoreError::Io(error),
        })?;
        let file = data.join(DATABASE);
        // It holds the registry key; SQLite gives its other files the same mode.
        private_file().open(&file)?;
        let mut writer = Connection::open(&file)?;
        schema::configure(&writer)?;
        schema::migrate(&mut writer)?;
        let reader = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let objects = Objects::open(place, &data.join("blobs"))?;
        // The names of the database and of the folder of objects are new at the first start.
        objects::sync_folder(data)?;
        let store = Self { writer: Mutex::new(writer), reader: Mutex::new(reader), objects, _lock: lock };
        // The first request to a bucket: whether it can be asked shows here.
        let removed = store.sweep().map_err(|error| match (place, error) {
            (Place::Bucket(_), StoreError::Io(fault)) => StoreError::Bucket(fault.to_string()),
            (_, error) => error,
        })?;
        if removed > 0 {
            tracing::info!(removed, "swept objects that no release refers to");
        }
        Ok(store)
    }

    /// Waits for the right to change the store.
    pub fn write(&self) -> Writer<'_> {
        let connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "what was left of a change that panicked cannot be taken back");
        }
        Writer { connection }
    }

    /// A connection that sees what is committed.
    fn read(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer<'_> {
    /// Commits all that `work` changes at once, or nothing of it if it fails.
    pub fn at_once<T, E: From<StoreError>>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        self.take_step("SAVEPOINT together")?;
        let done = work(self);
        let end = if done.is_ok() { "RELEASE together" } else { "ROLLBACK TO together; RELEASE together" };
        self.take_step(end)?;
        done
    }

    fn take_step(&self, statements: &str) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch(statements)?)
    }
}

#[cfg(unix)]
fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = File::options();
    options.create(true).append(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = File::options();
    options.create(true).append(true);
    options
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_is_held_by_one_store() {
        let folder = tempfile::tempdir().unwrap();
        let first = Store::open(folder.path(), &Place::Folder).unwrap();
        assert!(matches!(Store::open(folder.path(), &Place::Folder), Err(StoreError::Locked)));
        drop(first);
        assert!(Store::open(folder.path(), &Place::Folder).is_ok());
    }
}

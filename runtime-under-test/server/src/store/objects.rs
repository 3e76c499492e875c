//! Modules as objects named by their SHA-256: written once, never changed. They lie in a folder, or in a bucket of S3.
//!
//! An object is stored, its name included, before the row that refers to it is committed. One without a row is what a kill
//! leaves behind; it harms nothing and is swept at the next start. What is found under a name is compared before it is relied
//! on, for a fault of the disk, or another owner of the bucket, may have changed it.

mod place;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Error as ObjectError, GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

pub use place::{Bucket, Place};

use super::StoreError;

/// The objects of one runtime, which nobody else has under the same folder or prefix.
#[derive(Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// A folder is written over: the new file is on the disk when it is named, which nobody can say of one that is there
    /// already. A bucket says so itself, and would keep one more version of the same.
    mode: PutMode,
    /// Drives the requests, for those who call are on threads that wait. It is there until this is dropped.
    runtime: Option<Runtime>,
}

/// An object as it was stored: in a bucket that keeps versions, which one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The version that the bucket gave it.
    pub version: Option<String>,
}

impl Objects {
    /// Opens the place, and makes the folder if it is none.
    ///
    /// # Errors
    /// [`StoreError::Io`] for a folder, [`StoreError::Bucket`] for settings with which no bucket can be asked.
    pub fn open(place: &Place, folder: &FilePath) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("objects")
            .enable_all()
            .build()?;
        let (store, prefix, mode): (Arc<dyn ObjectStore>, _, _) = match place {
            Place::Folder => {
                fs::create_dir_all(folder)?;
                remove_unfinished(folder)?;
                let store = LocalFileSystem::new_with_prefix(folder).map_err(io::Error::from)?.with_fsync(true);
                (Arc::new(store), Path::default(), PutMode::Overwrite)
            }
            Place::Bucket(bucket) => {
                let store = bucket.open().map_err(|fault| StoreError::Bucket(fault.to_string()))?;
                (store, bucket.prefix(), PutMode::Create)
            }
        };
        Ok(Self { store, prefix, mode, runtime: Some(runtime) })
    }

    /// Stores bytes under their SHA-256 in hexadecimal. When it returns they survive a kill.
    pub fn put(&self, hex: &str, bytes: &[u8]) -> io::Result<Stored> {
        let write = |mode| {
            let options = PutOptions { mode, ..PutOptions::default() };
            self.wait(self.store.put_opts(&self.path(hex), PutPayload::from(bytes.to_vec()), options))
        };
        match write(self.mode.clone()) {
            Err(ObjectError::AlreadyExists { .. }) => match self.read(hex, None) {
                Ok((there, stored)) if there == bytes => Ok(stored),
                // What was changed is mended; it is missing if somebody removed it just now.
                _ => write(PutMode::Overwrite).map(Stored::of).map_err(io::Error::from),
            },
            written => Ok(Stored::of(written?)),
        }
    }

    /// Reads an object, of a version if it has one, and makes sure that it still is what its name says.
    pub fn get(&self, hex: &str, version: Option<String>) -> io::Result<Vec<u8>> {
        let (bytes, _) = self.read(hex, version)?;
        if hex::encode(Sha256::digest(&bytes)) == hex {
            Ok(bytes)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("the object {hex} was changed where it is stored")))
        }
    }

    /// Whether there is an object of this name.
    pub fn contains(&self, hex: &str) -> io::Result<bool> {
        match self.wait(self.store.head(&self.path(hex))) {
            Ok(_) => Ok(true),
            Err(ObjectError::NotFound { .. }) => Ok(false),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Removes an object to which no row refers.
    pub fn remove(&self, hex: &str) -> io::Result<()> {
        match self.wait(self.store.delete(&self.path(hex))) {
            Err(fault) if !matches!(fault, ObjectError::NotFound { .. }) => Err(fault.into()),
            _ => Ok(()),
        }
    }

    /// Removes objects that no row refers to. What is not named like one is somebody else's, and is left alone.
    pub fn sweep(&self, referred: &HashSet<String>) -> io::Result<usize> {
        let orphans = self.wait(async {
            let listed: Vec<_> = self.store.list(Some(&self.prefix)).try_collect().await?;
            let names = listed.iter().filter_map(|object| object.location.filename());
            Ok::<_, ObjectError>(
                names.filter(|name| is_ours(name) && !referred.contains(*name)).map(str::to_owned).collect::<Vec<_>>(),
            )
        })?;
        for orphan in &orphans {
            self.remove(orphan)?;
        }
        Ok(orphans.len())
    }

    fn read(&self, hex: &str, version: Option<String>) -> io::Result<(Vec<u8>, Stored)> {
        let options = GetOptions { version, ..GetOptions::default() };
        let read = self.wait(async {
            let got = self.store.get_opts(&self.path(hex), options).await?;
            let stored = Stored { version: got.meta.version.clone() };
            Ok::<_, ObjectError>((got.bytes().await?.to_vec(), stored))
        });
        Ok(read?)
    }

    fn path(&self, hex: &str) -> Path {
        self.prefix.clone().join(hex)
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let runtime = self.runtime.as_ref().expect("the runtime is there until this is dropped");
        runtime.block_on(work)
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // Whoever drops it last may be on a thread that must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Stored {
    fn of(put: object_store::PutResult) -> Self {
        Self { version: put.version }
    }
}

/// Whether a name is that of an object: a SHA-256 in lower case.
fn is_ours(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Removes what a killed process was about to write: `object_store` names it like the object, with a number behind a `#`.
fn remove_unfinished(folder: &FilePath) -> io::Result<()> {
    for file in fs::read_dir(folder)? {
        let file = file?;
        let name = file.file_name();
        let unfinished = name.to_str().and_then(|name| name.split_once('#')).is_some_and(|(name, _)| is_ours(name));
        if unfinished {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &FilePath) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> (tempfile::TempDir, Objects) {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(&Place::Folder, folder.path()).unwrap();
        (folder, objects)
    }

    fn name(bytes: &[u8]) -> String {
        hex::encode(Sha256::digest(bytes))
    }

    #[test]
    fn an_object_that_was_changed_on_the_disk_is_not_served() {
        let (folder, objects) = opened();
        let hex = name(b"module");
        objects.put(&hex, b"module").unwrap();
        assert_eq!(objects.get(&hex, None).unwrap(), b"module");
        fs::write(folder.path().join(&hex), b"changed").unwrap();
        assert_eq!(objects.get(&hex, None).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn an_object_that_was_changed_on_the_disk_is_mended_by_the_next_upload() {
        let (folder, objects) = opened();
        let hex = name(b"module");
        for damaged in [&b""[..], b"MODULE"] {
            fs::write(folder.path().join(&hex), damaged).unwrap();
            objects.put(&hex, b"module").unwrap();
            assert_eq!(objects.get(&hex, None).unwrap(), b"module");
        }
    }

    #[test]
    fn a_sweep_removes_orphans_and_keeps_the_rest() {
        let (folder, objects) = opened();
        let (kept, orphan) = (name(b"kept"), name(b"orphan"));
        objects.put(&kept, b"kept").unwrap();
        objects.put(&orphan, b"orphan").unwrap();
        fs::write(folder.path().join("notes.txt"), b"of somebody else").unwrap();
        assert_eq!(objects.sweep(&HashSet::from([kept.clone()])).unwrap(), 1);
        assert!(objects.get(&kept, None).is_ok() && !objects.contains(&orphan).unwrap());
        assert!(folder.path().join("notes.txt").exists());
    }

    #[test]
    fn what_was_never_finished_is_gone_at_the_next_start() {
        let (folder, objects) = opened();
        let unfinished = folder.path().join(format!("{}#1", name(b"module")));
        fs::write(&unfinished, b"mod").unwrap();
        drop(objects);
        Objects::open(&Place::Folder, folder.path()).unwrap();
        assert!(!unfinished.exists());
    }
}

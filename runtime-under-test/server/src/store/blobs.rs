//! Modules as files named by their SHA-256: written once, never changed.
//!
//! A blob is on the disk, its name included, before the row that refers to it is committed. A blob without a row is
//! what a kill leaves behind; it harms nothing and is swept at the next start. What is found under a name is compared
//! before it is relied on, for a fault of the disk may have changed it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A folder of blobs.
#[derive(Debug)]
pub struct Blobs {
    root: PathBuf,
}

impl Blobs {
    /// Opens the folder, or makes it.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// Stores bytes under their SHA-256 in hexadecimal. When it returns they survive a kill.
    pub fn put(&self, hex: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(hex);
        if !holds(&path, bytes) {
            let mut temporary = tempfile::NamedTempFile::with_prefix_in(TEMPORARY, &self.root)?;
            temporary.write_all(bytes)?;
            temporary.as_file().sync_all()?;
            temporary.persist(&path).map_err(|error| error.error)?;
        }
        // Also where another upload of the same bytes has renamed it: its own sync may still be to come.
        sync_folder(&self.root)
    }

    /// Reads a blob and makes sure that it still is what its name says.
    pub fn get(&self, hex: &str) -> io::Result<Vec<u8>> {
        let bytes = fs::read(self.path(hex))?;
        if hex::encode(Sha256::digest(&bytes)) == hex {
            Ok(bytes)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("the blob {hex} was changed on the disk")))
        }
    }

    /// Whether there is a blob of this name.
    pub fn contains(&self, hex: &str) -> bool {
        self.path(hex).is_file()
    }

    /// Removes a blob to which no row refers.
    pub fn remove(&self, hex: &str) -> io::Result<()> {
        match fs::remove_file(self.path(hex)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes what no row refers to: orphans and temporary files of a killed process.
    pub fn sweep(&self, referred: &HashSet<String>) -> io::Result<usize> {
        let mut removed = 0;
        for file in fs::read_dir(&self.root)? {
            let file = file?;
            if !file.file_name().to_str().is_some_and(|name| referred.contains(name)) {
                fs::remove_file(file.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn path(&self, hex: &str) -> PathBuf {
        self.root.join(hex)
    }
}

const TEMPORARY: &str = ".unfinished-";

/// Whether a file holds exactly these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    let as_long = fs::metadata(path).is_ok_and(|file| file.len() == bytes.len() as u64);
    as_long && fs::read(path).is_ok_and(|stored| stored == bytes)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_that_was_changed_on_the_disk_is_not_served() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("blobs")).unwrap();
        let hex = hex::encode(Sha256::digest(b"module"));
        blobs.put(&hex, b"module").unwrap();
        assert_eq!(blobs.get(&hex).unwrap(), b"module");
        fs::write(blobs.path(&hex), b"changed").unwrap();
        assert_eq!(blobs.get(&hex).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_blob_that_was_changed_on_the_disk_is_mended_by_the_next_upload() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("blobs")).unwrap();
        let hex = hex::encode(Sha256::digest(b"module"));
        for damaged in [&b""[..], b"MODULE"] {
            fs::write(blobs.path(&hex), damaged).unwrap();
            blobs.put(&hex, b"module").unwrap();
            assert_eq!(blobs.get(&hex).unwrap(), b"module");
        }
    }

    #[test]
    fn a_sweep_removes_orphans_and_keeps_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("blobs")).unwrap();
        let (kept, orphan) = (hex::encode(Sha256::digest(b"kept")), hex::encode(Sha256::digest(b"orphan")));
        blobs.put(&kept, b"kept").unwrap();
        blobs.put(&orphan, b"orphan").unwrap();
        assert_eq!(blobs.sweep(&HashSet::from([kept.clone()])).unwrap(), 1);
        assert!(blobs.get(&kept).is_ok() && blobs.get(&orphan).is_err());
    }
}

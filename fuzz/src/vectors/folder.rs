//! The folder that holds the vectors, in whatever layout: clones of repositories, or single files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders that lie deeper are not looked into.
const DEEPEST: usize = 12;
/// The most files that are looked at.
const MOST: usize = 500_000;

/// A folder and the files in it.
pub struct Folder {
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl Folder {
    /// Lists a folder. Links are not followed, and what begins with a dot is left out.
    ///
    /// # Errors
    /// If a folder cannot be read, or there are too many files.
    pub fn open(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        let mut open = vec![(PathBuf::new(), 0)];
        while let Some((folder, depth)) = open.pop() {
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                let kind = entry.file_type()?;
                let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
                if kind.is_dir() && !hidden && depth < DEEPEST {
                    open.push((path, depth + 1));
                } else if kind.is_file() && !hidden {
                    files.push(path);
                }
            }
            if files.len() > MOST {
                return Err(io::Error::other(format!("there are more than {MOST} files")));
            }
        }
        files.sort_unstable();
        Ok(Self { root: root.to_owned(), files })
    }

    /// A folder with nothing in it.
    #[cfg(test)]
    pub fn empty() -> Self {
        Self { root: PathBuf::new(), files: Vec::new() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The paths of its files, from the folder on, in order.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

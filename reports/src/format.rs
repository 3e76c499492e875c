//! The formats of a report, and how they get onto the disk.
//!
//! A format is one file of this crate and one line in [`ALL`]; it renders a string and touches nothing else.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::html::Html;
use crate::json::Json;
use crate::junit::Junit;
use crate::markdown::Markdown;
use crate::model::Report;

/// One way to write a report down.
pub trait Format {
    /// Name of the format, such as `html`.
    fn name(&self) -> &'static str;
    /// Name of the file that it is written to, without folders.
    fn file_name(&self) -> &'static str;
    /// The whole file.
    fn render(&self, report: &Report) -> String;
}

/// Every format, in the order in which the files are written.
pub const ALL: [&dyn Format; 4] = [&Json, &Junit, &Markdown, &Html];

/// Reports could not be written.
#[derive(thiserror::Error, Debug)]
#[error("cannot write {what} to the folder `{}`: {cause}. Name a folder that can be written", folder.display())]
pub struct WriteError {
    /// The folder that was meant.
    pub folder: PathBuf,
    /// The file in it, or `reports` if none of them can be written.
    pub what: String,
    /// What the operating system says.
    #[source]
    pub cause: io::Error,
}

/// Writes a report in every format and answers the paths. The folder is made if need be.
///
/// Each file appears whole or not at all: it is written beside its place and then renamed.
///
/// # Errors
/// The folder cannot be made, or a file in it cannot be written.
pub fn write_all(report: &Report, folder: &Path) -> Result<Vec<PathBuf>, WriteError> {
    make(folder)?;
    ALL.iter().map(|format| write_file(folder, format.file_name(), &format.render(report))).collect()
}

/// Writes one file into a folder, whole or not at all, and answers its path. The folder is made if need be.
///
/// # Errors
/// The folder cannot be made, or the file cannot be written.
pub fn write_file(folder: &Path, file_name: &str, text: &str) -> Result<PathBuf, WriteError> {
    make(folder)?;
    let path = folder.join(file_name);
    let write = || -> io::Result<()> {
        let mut beside = beside(folder)?;
        beside.write_all(text.as_bytes())?;
        beside.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    match write() {
        Ok(()) => Ok(path),
        Err(cause) => Err(failed(folder, &format!("`{file_name}`"), cause)),
    }
}

/// Finds out before a run whether its reports could be written after it. The folder is made if need be.
///
/// # Errors
/// The folder cannot be made, or no file can be written into it.
pub fn check_writable(folder: &Path) -> Result<(), WriteError> {
    make(folder)?;
    let probe = || beside(folder)?.close();
    probe().map_err(|cause| failed(folder, "reports", cause))
}

fn make(folder: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(folder).map_err(|cause| failed(folder, "reports", cause))
}

/// A file without a final name. CI uploads reports as another user, so it is as readable as any new file.
fn beside(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".assay-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn failed(folder: &Path, what: &str, cause: io::Error) -> WriteError {
    WriteError { folder: folder.to_owned(), what: what.to_owned(), cause }
}

//! Public vectors: cases that nobody here wrote, put through the runtime's gates (conformance/spec/vectors.md).
//!
//! The vectors stay outside of the repository: a folder of them is searched for the files that each [`Source`] knows. A
//! difference between a case and the runtime is deliberate only if a clause of the contract wants it, and only where the case
//! itself shows that it falls under that clause; every other one is a problem.

use std::path::{Path, PathBuf};

mod folder;
mod json;
mod modules;
mod report;
mod schemas;
mod signatures;
mod urls;

pub use folder::Folder;
pub use report::{Difference, Report};

/// A collection of cases by somebody else, and how they are judged.
pub struct Source {
    /// The name in the report.
    pub name: &'static str,
    /// Which of the files it reads, by their paths in the folder.
    reads: fn(&Path) -> bool,
    /// Puts the cases of one file through the gates.
    judge: fn(&Path, &[u8], &mut Report) -> Result<(), String>,
}

/// All sources.
pub const SOURCES: &[Source] = &[
    signatures::WYCHEPROOF,
    signatures::SPECCHECK,
    modules::WAST,
    schemas::JSON_SCHEMA,
    urls::URLS,
    urls::HOSTS,
    json::JSON,
];

impl Source {
    /// Puts all its cases through the gates; nothing if the folder has none of its files.
    ///
    /// # Errors
    /// A file that cannot be read, or that is not of the form that the source has: then nothing is known of its cases.
    pub fn run(&self, folder: &Folder) -> Result<Option<Report>, String> {
        let files: Vec<&PathBuf> = folder.files().iter().filter(|path| (self.reads)(path)).collect();
        if files.is_empty() {
            return Ok(None);
        }
        let mut report = Report::new(self.name);
        for path in files {
            let shown = path.display();
            let bytes = std::fs::read(folder.root().join(path)).map_err(|fault| format!("{shown}: {fault}"))?;
            (self.judge)(path, &bytes, &mut report).map_err(|fault| format!("{shown}: {fault}"))?;
        }
        Ok(Some(report))
    }
}

/// The name of a file.
fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Whether a folder of this name is on the way to a file.
fn is_below(path: &Path, folder: &str) -> bool {
    path.parent().is_some_and(|parent| parent.iter().any(|name| name == folder))
}

/// Bytes out of hexadecimal digits.
fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let pair = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(pair).collect();
    bytes.ok_or_else(|| format!("{text:?} is not hexadecimal"))
}

#[cfg(test)]
mod tests {
    use super::{Folder, Report, Source, unhex};

    /// What a source says about a file of one folder.
    pub fn judged(source: &Source, path: &str, text: &str) -> Report {
        let mut report = Report::new(source.name);
        assert!((source.reads)(path.as_ref()), "{path}");
        (source.judge)(path.as_ref(), text.as_bytes(), &mut report).expect("it is of the source's form");
        report
    }

    #[test]
    fn a_source_without_files_is_absent() {
        let folder = Folder::empty();
        for source in super::SOURCES {
            assert!(source.run(&folder).expect("nothing is read").is_none(), "{}", source.name);
        }
    }

    #[test]
    fn hexadecimal_digits_come_in_pairs() {
        assert_eq!(unhex("00fF"), Ok(vec![0, 255]));
        assert!(unhex("0").is_err() && unhex("0g").is_err() && unhex("ü0").is_err());
    }
}

//! JSON: the report itself, pretty-printed, its members in the order of the type. The one format that is read back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::format::Format;
use crate::matrix::KillMatrix;
use crate::model::{Report, SCHEMA};

/// `report.json`, valid under `report.schema.json`.
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn file_name(&self) -> &'static str {
        "report.json"
    }

    fn render(&self, report: &Report) -> String {
        pretty(report)
    }
}

/// A report could not be read.
#[derive(thiserror::Error, Debug)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read the report `{}`: {cause}", path.display())]
    File {
        /// Where it should be.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        cause: io::Error,
    },
    /// The file is of another version, or no report at all.
    #[error("`{}` is not a report of the form {SCHEMA}: it says `{found}`. Read it with the Assay that wrote it", path.display())]
    OtherSchema {
        /// Where it is.
        path: PathBuf,
        /// Its member `schema`, or nothing.
        found: String,
    },
    /// The file says that it is a report and is not.
    #[error("`{}` is not a whole report: {cause}", path.display())]
    Malformed {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
}

impl Report {
    /// Reads a report back that [`Json`] wrote.
    ///
    /// # Errors
    /// The file cannot be read, is of another version, or is not a whole report.
    pub fn read(path: &Path) -> Result<Report, ReadError> {
        let path = path.to_owned();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) => return Err(ReadError::File { path, cause }),
        };
        // The version is judged first: what an unknown version lacks is not a fault of the file.
        #[derive(serde::Deserialize)]
        struct Version {
            #[serde(default)]
            schema: String,
        }
        match serde_json::from_str::<Version>(&text) {
            Ok(version) if version.schema != SCHEMA => {
                return Err(ReadError::OtherSchema { path, found: version.schema });
            }
            Ok(_) => {}
            Err(cause) => return Err(ReadError::Malformed { path, cause }),
        }
        serde_json::from_str(&text).map_err(|cause| ReadError::Malformed { path, cause })
    }
}

/// The kill matrix as JSON, for `matrix.json`.
#[must_use]
pub fn matrix(matrix: &KillMatrix) -> String {
    pretty(matrix)
}

fn pretty(value: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("these types hold nothing that JSON cannot say");
    text.push('\n');
    text
}

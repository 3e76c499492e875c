//! Why the process ended, as a number a script can act on.
//!
//! The codes are part of `--help`; a code, once given out, keeps its meaning.

use std::process::ExitCode;

/// How `assay-runtime` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A signal asked it to stop and everything under way was finished.
    Stopped = 0,
    /// A defect of the runtime.
    Internal = 1,
    /// A flag, a setting or the configuration file is wrong. Clap uses the same code.
    Usage = 2,
    /// The address cannot be listened on, mostly because another process has it.
    Listen = 3,
    /// The data folder cannot be created, written or read.
    Data = 4,
    /// Another process has the data folder.
    DataLocked = 5,
    /// The data folder was written by a newer version.
    DataNewer = 6,
    /// The bucket of objects cannot be used.
    Objects = 7,
}

impl Exit {
    /// The paragraph for `--help`.
    pub const HELP: &str = "\
Exit codes:
  0  stopped by a signal, everything finished
  1  a defect of the runtime
  2  a wrong flag, setting or configuration file
  3  the address cannot be listened on
  4  the data folder cannot be created, written or read
  5  another process has the data folder
  6  the data folder was written by a newer version
  7  the bucket of objects cannot be used";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the process could not start: a code, and one message that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The process ends with this code.
    pub exit: Exit,
    /// What is wrong and what to do about it, for a person.
    pub message: String,
}

impl Failure {
    /// A failure with this code and message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

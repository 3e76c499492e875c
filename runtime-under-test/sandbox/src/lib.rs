//! One execution of one handler inside Wasmtime: limits, the interfaces of the host, the two packagings.
//!
//! This crate knows nothing of HTTP, manifests, schemas and storage. It is given bytes that passed the gates, and it
//! answers with what became of running them.

mod error;
mod job;
mod outcome;
mod settings;

pub use error::{PrepareError, StartError};
pub use job::{Context, Job, Limits, StateSnapshot};
pub use outcome::{Execution, FailureKind, Level, LogLine, Outcome, Usage};
pub use settings::Settings;

//! One execution of one handler inside Wasmtime: limits, the interfaces of the host, the two packagings.
//!
//! This crate knows nothing of HTTP, manifests, schemas and storage. It is given bytes that passed
//! the gates, and it answers with what became of running them.

mod abi;
mod busy;
mod cache;
mod call;
mod component;
mod core_abi;
mod ended;
mod engine;
mod error;
mod execution;
mod host;
mod job;
mod limiter;
mod outcome;
mod outside;
mod policy;
mod prepared;
#[cfg(feature = "sabotage")]
mod sabotage;
mod sandbox;
mod settings;
mod ticker;

pub use abi::Abi;
pub use error::{PrepareError, StartError};
pub use job::{Context, Job, Limits, StateSnapshot};
pub use outcome::{Execution, FailureKind, Level, LogLine, Outcome, Usage};
pub use outside::{EgressError, Exchanged, Outside, Request, Response, Sending};
pub use prepared::Prepared;
#[cfg(feature = "sabotage")]
pub use sabotage::sabotages;
pub use sandbox::Sandbox;
pub use settings::Settings;

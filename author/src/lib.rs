//! A handler author's path: `assay package init`, `build`, `sign`, `verify` and `push` take a module to a running installation.
//!
//! [`judge`] reads the contract once more, for the author: it finds every fault of a package that can be known without the
//! runtime, under the code with which a runtime refuses it, and says in which line of the manifest it is. Whether it says what
//! a runtime says, a test asks over HTTP (xtask/tests/cli/package). Nothing here is shared with a runtime; packages are written and signed by
//! the fixtures' code.

mod build;
mod check;
pub mod cli;
mod document;
mod fault;
mod folder;
mod init;
mod key_file;
mod offer;
mod problems;
mod push;
mod report;
mod sign;
mod verify;

pub use check::{Circumstances, Findings, Parts, judge};
pub use fault::{Fault, Position};
pub use offer::Offer;
pub use push::target::{Answer, At, Target};
pub use report::Failed;

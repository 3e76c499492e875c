//! What every suite stands on, and nothing that only one check knows.
//!
//! A suite is a table of [`Check`]s. The harness attaches a target ([`Session`]), runs a [`Plan`] of checks against it in
//! parallel ([`run`]), hands each check a [`Cx`] to work with, records every exchange as evidence, and turns how each check
//! ended into a verdict. It knows HTTP and the contract's sections 1 to 5, and nothing of packages.

mod check;
mod client;
mod cx;
pub mod degenerate;
mod discovery;
mod evidence;
mod exit;
mod filter;
mod interrupt;
mod launch;
pub mod observatory;
mod own_target;
mod plan;
mod port;
mod probe;
mod process;
pub mod progress;
mod redact;
mod reply;
mod runner;
mod session;
mod soak;
mod stop;
mod target;
mod terms;
mod text;

pub use assay_reports::{CaseResult, CheckResult, Role, Totals, Verdict};

pub use check::{Check, Cost, Group, Judgement, Need, Packagings};
pub use client::{Client, MAX_BODY_BYTES, Request};
pub use cx::Cx;
pub use degenerate::Degenerate;
pub use discovery::{Discovery, DiscoveryError, Implementation, RegistryKey};
pub use exit::Exit;
pub use filter::{Filter, NoMatch};
pub use interrupt::Interrupt;
pub use own_target::OwnTarget;
pub use plan::Plan;
pub use progress::Progress;
pub use reply::Reply;
pub use runner::{Options, RunResult, run};
pub use session::{AttachOptions, Session};
pub use soak::Soak;
pub use stop::{Control, Stop, ensure};
pub use target::{Attach, AttachError, Probe};
pub use terms::{Bound, Feature, Profile, TERMS, Terms};

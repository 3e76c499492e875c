//! The reference runtime: HTTP, storage and configuration on top of the gates and the sandbox.
//!
//! A request is matched ([`routes`]), its role judged ([`policy`]), and its operation carried out ([`api`]). What is stored
//! is committed in [`store`] first and shown by [`registry`] and [`installations`] next, both before the answer.

mod accounts;
mod api;
mod app;
mod body;
mod catalogue;
mod clock;
mod config;
mod exit;
mod input;
mod installations;
mod judging;
mod migrations;
mod multipart;
mod output;
mod outside;
mod policy;
mod problem;
mod records;
mod redaction;
mod registry;
mod request;
mod retries;
mod roles;
mod rooms;
mod routes;
#[cfg(feature = "sabotage")]
mod sabotage;
mod serve;
mod shutdown;
mod start;
mod store;

pub use app::{App, Conduct};
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{Given, Storage};
pub use exit::{Exit, Failure};
pub use outside::Network;
pub use roles::Tokens;
#[cfg(feature = "sabotage")]
pub use sabotage::{Sabotage, sabotages};
pub use serve::serve;
pub use start::{HELP, report, run};
pub use store::{Bucket, Place};

//! The contract, its requirements and the suites that judge them.
//!
//! `spec/` is the contract. [`contract`] reads it as data, [`suites`] judges it over HTTP, [`proof`] names the defects that
//! each check must notice. The suite knows nothing of the runtime that it judges but what discovery tells.

pub mod cli;
pub mod contract;
mod crowd;
pub mod egress;
pub mod env;
mod form;
mod history;
mod installed;
mod operations;
mod outside;
pub mod proof;
mod publisher;
mod refusal;
pub mod run;
pub mod soak;
pub mod suites;
mod summary;
mod traces;

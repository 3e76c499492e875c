//! Profile `core`: only what is signed, well-formed and in bounds runs.

pub mod chain;
pub mod context;
pub mod cost;
pub mod digest;
pub mod discovery;
pub mod envelope;
pub mod execution;
pub mod expiry;
pub mod http;
pub mod install;
pub mod list;
pub mod log;
pub mod manifest;
pub mod memory;
pub mod migration;
pub mod module;
pub mod output;
pub mod records;
pub mod redaction;
pub mod revocation;
pub mod schema;
pub mod signature;
pub mod state;
pub mod structure;
pub mod trust;
pub mod validation;

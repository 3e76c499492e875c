//! The gates against real packages: each rule has an accepted and a refused twin, and a refusal is judged by its code and
//! its place.

mod chain;
mod expiry;
mod hostile;
mod keys;
mod manifest;
mod module;
mod revocation;
#[cfg(feature = "sabotage")]
mod sabotage;
mod schema;
mod signature;
mod structure;
mod version_order;
mod world;

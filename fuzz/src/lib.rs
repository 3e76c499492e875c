//! What the fuzz targets are made of: generators that turn bytes into packages, rules, handlers and requests, and oracles that say what the contract
//! demands of each. The targets in `fuzz_targets/` only hand bytes over.
//!
//! An oracle is written from `conformance/spec`, a second time and in other ways than the runtime, and finds every fault that
//! an input has; a gate may name any one of them, and none besides. Where the contract leaves a case open, the oracle says so
//! and judges nothing. A [`Target`] is proved by planted defects: it must find each within its budget, from an empty corpus.

pub mod campaign;
pub mod document;
pub mod egress_rule;
pub mod envelope;
pub mod execute;
pub mod finding;
pub mod http;
pub mod manifest;
pub mod module;
pub mod offer;
#[cfg(feature = "sabotage")]
pub mod proof;
pub mod random;
pub mod rates;
pub mod regression;
pub mod schema;
pub mod shape;
pub mod source;
pub mod target;
pub mod targets;
pub mod upload;
pub mod vectors;
pub mod verdict;

pub use finding::{Finding, Kind};
pub use target::{Seed, Subject, Target, judge_files, judge_or_panic};
pub use targets::TARGETS;

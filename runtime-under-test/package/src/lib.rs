//! The package gates: whatever the runtime stores, installs or executes has passed the eight gates of core.md, section 2.
//!
//! [`Gates`] is the ordered list of all gates and their rules; each rule is one promise of the contract. What comes out
//! of them ([`Package`], [`Manifest`], [`Envelope`], …) is right by construction. Nothing here does I/O, reads a clock or
//! runs WebAssembly.

mod chain;
mod code;
mod digest;
mod envelope;
mod expiry;
mod gates;
mod host_rule;
mod identity;
mod json;
mod manifest;
mod module;
mod offer;
mod package;
mod refusal;
mod release;
mod revocation;
#[cfg(feature = "sabotage")]
mod sabotage;
mod schema;
mod signature;
mod structure;
mod time;
mod trust;

pub use code::Code;
pub use envelope::{Envelope, PAYLOAD_TYPE, PREDICATE_TYPE, RegistryKey, STATEMENT_TYPE, Signature, Statement, Terms};
pub use gates::Gates;
pub use host_rule::HostRule;
pub use identity::{Digest, HandlerId, Malformed, Version};
pub use json::{Json, JsonFault, Number, escape as escape_pointer, parse_json};
pub use offer::{Abi, Bounds, Feature, Offer};
pub use package::{EgressLimits, Limits, Manifest, Package, Part, Permissions, StatePermission};
pub use refusal::{Quoted, Refusal};
pub use release::{Admission, Circumstances, Installed, Ledger, Link, Moment, Signer, StoredRelease};
#[cfg(feature = "sabotage")]
pub use sabotage::{Sabotage, sabotages};
pub use schema::{Schema, SchemaFault, compile_schema};
pub use time::parse_time;
pub use trust::{KeyName, KeyRequest, KeyRole, PublicKey, Scope, Trust, TrustedKey};

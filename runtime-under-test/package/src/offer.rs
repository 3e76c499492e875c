//! What a runtime declares in its discovery document, as far as packages depend on it (README.md 4).

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::identity::Malformed;

/// What the first four gates judge a package by: nothing but what discovery publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The published bounds.
    pub bounds: Bounds,
    /// The declared features.
    pub features: BTreeSet<Feature>,
    /// The declared packagings, at least one.
    pub abis: BTreeSet<Abi>,
}

impl Default for Offer {
    /// Both packagings, durable state and requests to declared hosts, within the default bounds.
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            features: BTreeSet::from([Feature::State, Feature::Egress]),
            abis: BTreeSet::from([Abi::Core, Abi::Component]),
        }
    }
}

/// The published bounds, one member for each line of `[bounds]` in `contract.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// A JSON request body, in bytes.
    pub request_bytes: u64,
    /// The part `manifest`, in bytes.
    pub manifest_bytes: u64,
    /// The part `module`, in bytes.
    pub module_bytes: u64,
    /// What it costs to make a module ready (core.md 4.7).
    pub module_cost: u64,
    /// Blocks, loops and ifs that are open at once in a function.
    pub block_depth: u64,
    /// Loops that are open at once in a function.
    pub loop_depth: u64,
    /// Entries of the sections of a component.
    pub component_entries: u64,
    /// Instances of which a package consists.
    pub instances: u64,
    /// Memories of which a package consists.
    pub memories: u64,
    /// Tables of which a package consists.
    pub tables: u64,
    /// One part `signature`, in bytes.
    pub envelope_bytes: u64,
    /// Signature parts of one package, and signatures in one envelope.
    pub signatures: u64,
    /// Nesting of arrays and objects in a manifest, a statement or a request, in levels.
    pub json_depth: u64,
    /// Highest `/limits/memory_bytes`.
    pub memory_bytes: u64,
    /// Highest `/limits/timeout_ms`.
    pub timeout_ms: u64,
    /// Highest `/limits/log_bytes`, and its default.
    pub log_bytes: u64,
    /// Highest `/limits/output_bytes`, and its default.
    pub output_bytes: u64,
    /// The JSON text of an input, in bytes.
    pub input_bytes: u64,
    /// Highest `/permissions/state/max_bytes`.
    pub state_bytes: u64,
    /// A state key in UTF-8, in bytes.
    pub state_key_bytes: u64,
    /// Keys in the state of one handler.
    pub state_keys: u64,
    /// Last idempotency keys that are remembered.
    pub idempotency_keys: u64,
    /// Highest `limit` of a list.
    pub page_items: u64,
    /// How far in the future `issued_at` may lie, in milliseconds.
    pub clock_skew_ms: u64,
    /// Executions under way at once.
    pub concurrent_executions: u64,
    /// Last executions of each installed handler whose records are kept.
    pub execution_records: u64,
    /// A record that is kept whole, in bytes.
    pub record_bytes: u64,
    /// All records together, in bytes.
    pub records_bytes: u64,
    /// Rules of `/permissions/egress`.
    pub egress_rules: u64,
    /// Headers of a request, and of a response, of egress.
    pub egress_headers: u64,
    /// Names and values of these headers together, in bytes.
    pub egress_header_bytes: u64,
    /// The body of a request, and of a response, of egress, in bytes.
    pub egress_body_bytes: u64,
    /// Highest `/limits/egress/requests_per_minute`, and its default.
    pub egress_requests_per_minute: u64,
    /// Highest `/limits/egress/bytes_per_minute`, and its default.
    pub egress_bytes_per_minute: u64,
    /// Highest `/limits/egress/queue`, and its default.
    pub egress_queue: u64,
    /// Highest `/limits/egress/timeout_ms`, and its default.
    pub egress_timeout_ms: u64,
}

impl Bounds {
    /// All bounds by the names that discovery publishes, in the order of `contract.toml`.
    pub fn by_name(&self) -> [(&'static str, u64); 36] {
        [
            ("request_bytes", self.request_bytes),
            ("manifest_bytes", self.manifest_bytes),
            ("module_bytes", self.module_bytes),
            ("module_cost", self.module_cost),
            ("block_depth", self.block_depth),
            ("loop_depth", self.loop_depth),
            ("component_entries", self.component_entries),
            ("instances", self.instances),
            ("memories", self.memories),
            ("tables", self.tables),
            ("envelope_bytes", self.envelope_bytes),
            ("signatures", self.signatures),
            ("json_depth", self.json_depth),
            ("memory_bytes", self.memory_bytes),
            ("timeout_ms", self.timeout_ms),
            ("log_bytes", self.log_bytes),
            ("output_bytes", self.output_bytes),
            ("input_bytes", self.input_bytes),
            ("state_bytes", self.state_bytes),
            ("state_key_bytes", self.state_key_bytes),
            ("state_keys", self.state_keys),
            ("idempotency_keys", self.idempotency_keys),
            ("page_items", self.page_items),
            ("clock_skew_ms", self.clock_skew_ms),
            ("concurrent_executions", self.concurrent_executions),
            ("execution_records", self.execution_records),
            ("record_bytes", self.record_bytes),
            ("records_bytes", self.records_bytes),
            ("egress_rules", self.egress_rules),
            ("egress_headers", self.egress_headers),
            ("egress_header_bytes", self.egress_header_bytes),
            ("egress_body_bytes", self.egress_body_bytes),
            ("egress_requests_per_minute", self.egress_requests_per_minute),
            ("egress_bytes_per_minute", self.egress_bytes_per_minute),
            ("egress_queue", self.egress_queue),
            ("egress_timeout_ms", self.egress_timeout_ms),
        ]
    }
}

impl Default for Bounds {
    fn default() -> Self {
        const KIB: u64 = 1024;
        const MIB: u64 = 1024 * KIB;
        Self {
            // Holds the largest input with its context around it.
            request_bytes: 2 * MIB,
            manifest_bytes: 64 * KIB,
            module_bytes: 16 * MIB,
            module_cost: 100_000_000,
            block_depth: 4096,
            loop_depth: 64,
            component_entries: 1000,
            // What the sandbox's pool sets aside for one handler.
            instances: 64,
            memories: 8,
            tables: 16,
            envelope_bytes: 16 * KIB,
            signatures: 4,
            json_depth: 64,
            memory_bytes: 64 * MIB,
            timeout_ms: 30_000,
            log_bytes: 64 * KIB,
            output_bytes: MIB,
            input_bytes: MIB,
            state_bytes: MIB,
            state_key_bytes: 256,
            state_keys: 4096,
            idempotency_keys: 1024,
            page_items: 100,
            clock_skew_ms: 5_000,
            concurrent_executions: 256,
            execution_records: 16,
            record_bytes: 64 * KIB,
            records_bytes: 16 * MIB,
            egress_rules: 64,
            egress_headers: 64,
            egress_header_bytes: 16 * KIB,
            egress_body_bytes: MIB,
            egress_requests_per_minute: 3_000,
            egress_bytes_per_minute: 1024 * MIB,
            egress_queue: 64,
            egress_timeout_ms: 30_000,
        }
    }
}

/// A part of the contract that a runtime may leave out (README.md 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    /// Durable state.
    State,
    /// Requests to declared hosts.
    Egress,
    /// The interface of first-party handlers.
    Vault,
}

impl Feature {
    /// All features. Each has a capability of the same name under `/permissions` (core.md 3.7).
    pub const ALL: [Feature; 3] = [Feature::State, Feature::Egress, Feature::Vault];

    /// The name in discovery and under `/permissions`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Feature::State => "state",
            Feature::Egress => "egress",
            Feature::Vault => "vault",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// One of the two packagings of a handler (core.md 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Abi {
    /// A core module, lowered by the canonical ABI.
    Core,
    /// A component of the world `handler`.
    Component,
}

impl Abi {
    /// Both packagings.
    pub const ALL: [Abi; 2] = [Abi::Core, Abi::Component];

    /// The name in discovery and in `/abi`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Abi::Core => "core",
            Abi::Component => "component",
        }
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Abi {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|abi| abi.as_str() == text).ok_or(Malformed("a packaging of the contract"))
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    #[test]
    fn the_default_bounds_are_those_of_the_contract_and_none_is_below_its_least() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/spec/contract.toml");
        let text = std::fs::read_to_string(path).expect("the contract is beside the runtime");
        let contract: toml::Table = text.parse().expect("contract.toml is TOML");
        let theirs = contract["bounds"].as_table().expect("[bounds]");
        let ours = Bounds::default().by_name();
        assert_eq!(ours.len(), theirs.len());
        for (name, value) in ours {
            let least = theirs[name]["least"].as_integer().expect("least");
            assert!(value >= u64::try_from(least).expect("not negative"), "{name}");
        }
    }

    #[test]
    fn the_largest_input_fits_into_a_request() {
        let bounds = Bounds::default();
        assert!(bounds.request_bytes > bounds.input_bytes);
    }
}

//! The few facts of the contract that attaching a target needs, read from the one file that states them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

const CONTRACT_TOML: &str = include_str!("../../conformance/spec/contract.toml");

/// What `contract.toml` says about discovery and about launching.
#[derive(Deserialize, Clone, Debug)]
pub struct Contract {
    /// Version of the contract.
    pub version: String,
    /// The packagings that exist.
    pub abis: Vec<String>,
    feature: Vec<Feature>,
    bounds: BTreeMap<String, Bound>,
    settings: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone, Debug)]
struct Feature {
    id: String,
}

#[derive(Deserialize, Clone, Debug)]
struct Bound {
    least: u64,
}

impl Contract {
    /// The contract that this suite judges by.
    ///
    /// # Panics
    /// If `contract.toml` was edited into something else: it is part of the build, and a test reads it.
    pub fn current() -> &'static Contract {
        static CURRENT: OnceLock<Contract> = OnceLock::new();
        CURRENT.get_or_init(|| toml::from_str(CONTRACT_TOML).expect("contract.toml is part of the build"))
    }

    /// The bounds that discovery publishes, each with the smallest value with which a runtime may claim the contract.
    pub fn bounds(&self) -> impl Iterator<Item = (&str, u64)> {
        self.bounds.iter().map(|(name, bound)| (name.as_str(), bound.least))
    }

    /// Every feature that a runtime may declare.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        self.feature.iter().map(|feature| feature.id.as_str())
    }

    /// The environment variables that a launched target gets.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        self.settings.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_of_the_build_can_be_read() {
        let contract = Contract::current();
        assert!(contract.bounds().any(|(name, least)| name == "manifest_bytes" && least > 0));
        assert!(contract.features().any(|feature| feature == "state"));
    }
}

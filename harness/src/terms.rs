//! `contract.toml`, read once for the whole suite: what attaching a target and judging it take from it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// The terms of the contract that this build of the suite judges by.
///
/// # Panics
/// If `contract.toml` was edited into something else: it is part of the build, and a test reads it.
pub static TERMS: LazyLock<Terms> =
    LazyLock::new(|| toml::from_str(CONTRACT_TOML).expect("contract.toml is part of the build"));

const CONTRACT_TOML: &str = include_str!("../../conformance/spec/contract.toml");

/// What `contract.toml` says.
#[derive(Debug, Deserialize)]
pub struct Terms {
    /// The contract's version, such as `0.1`.
    pub version: String,
    /// The `predicateType` of a release statement.
    pub predicate_type: String,
    /// The packagings that a target may declare.
    pub abis: Vec<String>,
    /// The optional features, in the order of the file.
    #[serde(rename = "feature")]
    pub features: Vec<Feature>,
    /// The bounds that discovery publishes.
    pub bounds: BTreeMap<String, Bound>,
    /// The settings of a launched target, by environment variable.
    pub settings: BTreeMap<String, String>,
    /// The profiles, in the order of the file.
    #[serde(rename = "profile")]
    pub profiles: Vec<Profile>,
}

/// A feature that a target may declare.
#[derive(Debug, Deserialize)]
pub struct Feature {
    /// The word in discovery's `features`.
    pub id: String,
    /// The member of a manifest's `/permissions` that needs the feature, if one does.
    pub capability: Option<String>,
    /// What it offers.
    pub text: String,
}

/// A bound that a target publishes.
#[derive(Debug, Deserialize)]
pub struct Bound {
    /// The smallest value with which a target may claim the contract.
    pub least: u64,
    /// What is counted.
    pub unit: String,
    /// What is bounded.
    pub text: String,
}

/// A group of requirements that a target claims as a whole.
#[derive(Debug, Deserialize)]
pub struct Profile {
    /// The word in discovery's `profiles`.
    pub id: String,
    /// The promise in one sentence.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terms_of_the_build_can_be_read() {
        assert!(TERMS.bounds["manifest_bytes"].least > 0);
        assert!(TERMS.features.iter().any(|feature| feature.id == "state"));
    }
}

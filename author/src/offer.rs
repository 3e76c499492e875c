//! What a package may count on: the bounds that every runtime of the contract has, or those that one publishes.

use std::collections::BTreeMap;

use assay_harness::{Discovery, TERMS};

/// Bounds, features and packagings.
#[derive(Debug, Clone)]
pub struct Offer {
    bounds: BTreeMap<String, u64>,
    /// None: it is not known which are offered.
    features: Option<Vec<String>>,
    abis: Vec<String>,
}

impl Offer {
    /// What every runtime offers at least. One may offer more, so what is past a bound is not wrong, only not certain.
    pub fn of_every_runtime() -> Offer {
        let bounds = TERMS.bounds.iter().map(|(name, bound)| (name.clone(), bound.least)).collect();
        Offer { bounds, features: None, abis: TERMS.abis.clone() }
    }

    /// What one runtime offers.
    pub fn of(discovery: &Discovery) -> Offer {
        Offer {
            bounds: discovery.bounds.clone(),
            features: Some(discovery.features.clone()),
            abis: discovery.abis.clone(),
        }
    }

    /// Whether this is what one runtime says, and no guess.
    pub(crate) fn is_certain(&self) -> bool {
        self.features.is_some()
    }

    /// A bound of contract.toml.
    pub(crate) fn bound(&self, name: &str) -> u64 {
        self.bounds.get(name).copied().unwrap_or(u64::MAX)
    }

    /// Whether a feature is missing for certain.
    pub(crate) fn lacks(&self, feature: &str) -> bool {
        self.features.as_ref().is_some_and(|features| !features.iter().any(|offered| offered == feature))
    }

    /// Whether a packaging is run.
    pub(crate) fn runs(&self, abi: &str) -> bool {
        self.abis.iter().any(|offered| offered == abi)
    }

    /// The packagings that are run, for a sentence.
    pub(crate) fn abis(&self) -> String {
        self.abis.join(" and ")
    }
}

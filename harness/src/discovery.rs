//! The discovery document (README.md, section 4), parsed once and strictly: what exists as a [`Discovery`] is right.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::Stop;
use crate::terms::{TERMS, Terms};
use crate::text::quote;

/// The path of the discovery document.
pub(crate) const PATH: &str = "/.well-known/handler-runtime";

/// What a runtime says about itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Discovery {
    /// Version of the contract.
    pub contract: String,
    /// The implementation.
    pub implementation: Implementation,
    /// Profiles that it claims.
    pub profiles: Vec<String>,
    /// Features that it declares.
    pub features: Vec<String>,
    /// Packagings of the contract that it runs, in its order, each once; never empty.
    pub abis: Vec<String>,
    /// Every bound that it publishes.
    pub bounds: BTreeMap<String, u64>,
    /// The key with which it signs.
    pub registry_key: RegistryKey,
    /// The document as it was answered.
    pub raw: Value,
}

/// Who implements the runtime.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Implementation {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A public key as discovery shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistryKey {
    /// Always `ed25519` in v0.1.
    pub algorithm: String,
    /// The 32 bytes of the key.
    pub public_key: [u8; 32],
}

/// Why a document is no discovery document of this contract.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum DiscoveryError {
    /// It is one of another version. Nothing else about it was judged.
    #[error("the target speaks contract {found}, this suite judges {expected}")]
    OtherContract {
        /// The version that it names.
        found: String,
        /// The version of this suite.
        expected: String,
    },
    /// It breaks section 4 in these places, one sentence each.
    #[error("{}", faults.join("; "))]
    Faults {
        /// The places.
        faults: Vec<String>,
    },
}

impl Discovery {
    /// Parses what `GET /.well-known/handler-runtime` answered, by README.md 4.1 to 4.4. Members that the contract does not
    /// name are ignored (1.3).
    ///
    /// # Errors
    /// Every fault at once, or the other version.
    pub fn parse(raw: Value) -> Result<Discovery, DiscoveryError> {
        let contract = &*TERMS;
        let Some(document) = raw.as_object() else {
            let faults = vec!["the document is not a JSON object".to_owned()];
            return Err(DiscoveryError::Faults { faults });
        };
        if let Some(found) = document.get("contract").and_then(Value::as_str)
            && found != contract.version
        {
            return Err(DiscoveryError::OtherContract { found: quote(found), expected: contract.version.clone() });
        }
        let mut reader = Reader { faults: Vec::new() };
        let mut abis = reader.texts(document, "abis");
        abis.retain(|abi| contract.abis.contains(abi));
        dedup(&mut abis);
        if abis.is_empty() && reader.faults.is_empty() {
            reader.fault(format!("/abis has none of {}", contract.abis.join(", ")));
        }
        let implementation = reader.object(document, "", "implementation");
        let registry_key = reader.object(document, "", "registry_key");
        let discovery = Discovery {
            contract: reader.text(document, "", "contract"),
            implementation: Implementation {
                name: reader.text(&implementation, "/implementation", "name"),
                version: reader.text(&implementation, "/implementation", "version"),
            },
            profiles: reader.texts(document, "profiles"),
            features: reader.texts(document, "features"),
            abis,
            bounds: reader.bounds(document, contract),
            registry_key: reader.key(&registry_key),
            raw: raw.clone(),
        };
        if reader.faults.is_empty() { Ok(discovery) } else { Err(DiscoveryError::Faults { faults: reader.faults }) }
    }

    /// Whether it declares a feature.
    #[must_use]
    pub fn has_feature(&self, id: &str) -> bool {
        self.features.iter().any(|feature| feature == id)
    }

    /// Whether it claims a profile.
    #[must_use]
    pub fn claims(&self, profile: &str) -> bool {
        self.profiles.iter().any(|claimed| claimed == profile)
    }

    /// A bound of the contract, in the unit that `contract.toml` gives.
    ///
    /// # Errors
    /// [`Stop::Error`] if the contract has no such bound: the check is wrong, not the target.
    pub fn bound(&self, name: &str) -> Result<u64, Stop> {
        let bound = self.bounds.get(name).copied();
        bound.ok_or_else(|| Stop::Error(format!("the contract has no bound `{name}`")))
    }

    /// The same bound as a length or a count of this machine; a larger one than it has is its largest.
    ///
    /// # Errors
    /// As [`Discovery::bound`].
    pub fn bound_as_size(&self, name: &str) -> Result<usize, Stop> {
        Ok(usize::try_from(self.bound(name)?).unwrap_or(usize::MAX))
    }
}

/// Reads members and notes what is wrong with them, so that one look shows every fault.
struct Reader {
    faults: Vec<String>,
}

impl Reader {
    fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    fn text(&mut self, object: &Map<String, Value>, at: &str, name: &str) -> String {
        match object.get(name) {
            Some(Value::String(text)) if !text.is_empty() => return text.clone(),
            // The object itself was missing: one fault is enough.
            None if !at.is_empty() && object.is_empty() => {}
            None => self.fault(format!("{at}/{name} is missing")),
            Some(_) => self.fault(format!("{at}/{name} is not a text")),
        }
        String::new()
    }

    fn texts(&mut self, object: &Map<String, Value>, name: &str) -> Vec<String> {
        let Some(value) = object.get(name) else {
            self.fault(format!("/{name} is missing"));
            return Vec::new();
        };
        let texts = value.as_array().and_then(|items| {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>()
        });
        texts.unwrap_or_else(|| {
            self.fault(format!("/{name} is not a list of texts"));
            Vec::new()
        })
    }

    fn object(&mut self, object: &Map<String, Value>, at: &str, name: &str) -> Map<String, Value> {
        match object.get(name) {
            Some(Value::Object(inner)) if !inner.is_empty() => return inner.clone(),
            None => self.fault(format!("{at}/{name} is missing")),
            Some(_) => self.fault(format!("{at}/{name} is not an object with members")),
        }
        Map::new()
    }

    fn bounds(&mut self, object: &Map<String, Value>, contract: &Terms) -> BTreeMap<String, u64> {
        let published = self.object(object, "", "bounds");
        if published.is_empty() {
            return BTreeMap::new();
        }
        // Whether a bound reaches its least is for a check to say: without the number nothing can be sized at all.
        for name in contract.bounds.keys() {
            match published.get(name).map(Value::as_u64) {
                None => self.fault(format!("/bounds/{name} is missing")),
                Some(None) => self.fault(format!("/bounds/{name} is not a whole number from 0")),
                Some(Some(_)) => {}
            }
        }
        let numbers = published.iter().filter_map(|(name, value)| Some((name.clone(), value.as_u64()?)));
        numbers.collect()
    }

    fn key(&mut self, object: &Map<String, Value>) -> RegistryKey {
        let algorithm = self.text(object, "/registry_key", "algorithm");
        if !algorithm.is_empty() && algorithm != "ed25519" {
            self.fault("/registry_key/algorithm is not `ed25519`".to_owned());
        }
        let encoded = self.text(object, "/registry_key", "public_key");
        let decoded = STANDARD.decode(&encoded).ok().and_then(|bytes| bytes.try_into().ok());
        if decoded.is_none() && !encoded.is_empty() {
            self.fault("/registry_key/public_key is not the base64 of 32 bytes".to_owned());
        }
        RegistryKey { algorithm, public_key: decoded.unwrap_or_default() }
    }
}

fn dedup(list: &mut Vec<String>) {
    let mut seen = std::collections::BTreeSet::new();
    list.retain(|item| seen.insert(item.clone()));
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A document that breaks nothing, with every bound at its least.
    pub(crate) fn document() -> Value {
        let bounds: Map<String, Value> =
            TERMS.bounds.iter().map(|(name, bound)| (name.clone(), json!(bound.least))).collect();
        json!({
            "contract": TERMS.version,
            "implementation": { "name": "test", "version": "0.0.0" },
            "profiles": ["core"],
            "features": ["state"],
            "abis": ["core", "component"],
            "bounds": bounds,
            "registry_key": { "algorithm": "ed25519", "public_key": STANDARD.encode([7u8; 32]) },
        })
    }

    fn faults(document: Value) -> Vec<String> {
        match Discovery::parse(document) {
            Err(DiscoveryError::Faults { faults }) => faults,
            other => panic!("expected faults, got {other:?}"),
        }
    }

    #[test]
    fn reads_a_right_document() {
        let discovery = Discovery::parse(document()).unwrap();
        assert_eq!(discovery.abis, ["core", "component"]);
        assert_eq!(discovery.registry_key.public_key, [7; 32]);
        assert!(discovery.has_feature("state") && !discovery.has_feature("egress"));
    }

    #[test]
    fn lists_every_fault_at_once() {
        let mut broken = document();
        broken["profiles"] = json!("core");
        broken["registry_key"]["public_key"] = json!("AAAA");
        broken["bounds"]["manifest_bytes"] = json!("much");
        broken.as_object_mut().unwrap().remove("implementation");
        assert_eq!(
            faults(broken),
            [
                "/implementation is missing",
                "/profiles is not a list of texts",
                "/bounds/manifest_bytes is not a whole number from 0",
                "/registry_key/public_key is not the base64 of 32 bytes",
            ]
        );
    }

    #[test]
    fn a_runtime_without_a_known_packaging_is_none() {
        let mut broken = document();
        broken["abis"] = json!(["elf"]);
        assert_eq!(faults(broken), ["/abis has none of core, component"]);
    }

    #[test]
    fn another_version_is_told_apart_from_a_fault() {
        let mut other = document();
        other["contract"] = json!("7.0");
        assert!(matches!(Discovery::parse(other), Err(DiscoveryError::OtherContract { .. })));
    }

    #[test]
    fn members_that_the_contract_does_not_name_are_ignored() {
        let mut wider = document();
        wider["motto"] = json!("be strict");
        wider["abis"] = json!(["component", "elf", "component"]);
        assert_eq!(Discovery::parse(wider).unwrap().abis, ["component"]);
    }
}

//! The contract as data: what `spec/` says once, no other file of the suite says again.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use assay_harness::TERMS;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Every file of `spec/` that decides a verdict, by name.
const SOURCES: &[(&str, &str)] = &[
    ("README.md", include_str!("../spec/README.md")),
    ("contract.toml", include_str!("../spec/contract.toml")),
    ("core.md", include_str!("../spec/core.md")),
    ("egress.md", include_str!("../spec/egress.md")),
    ("handler.wit", include_str!("../spec/handler.wit")),
    ("lifecycle.md", include_str!("../spec/lifecycle.md")),
    ("load.md", include_str!("../spec/load.md")),
    ("manifest.schema.json", include_str!("../spec/manifest.schema.json")),
    ("openapi.yaml", include_str!("../spec/openapi.yaml")),
    ("problems.toml", include_str!("../spec/problems.toml")),
    ("registry.md", include_str!("../spec/registry.md")),
    ("sandbox.md", include_str!("../spec/sandbox.md")),
    ("requirements/core.toml", include_str!("../spec/requirements/core.toml")),
    ("requirements/egress.toml", include_str!("../spec/requirements/egress.toml")),
    ("requirements/lifecycle.toml", include_str!("../spec/requirements/lifecycle.toml")),
    ("requirements/load.toml", include_str!("../spec/requirements/load.toml")),
    ("requirements/registry.toml", include_str!("../spec/requirements/registry.toml")),
    ("requirements/sandbox.toml", include_str!("../spec/requirements/sandbox.toml")),
];

/// The contract that this build of the suite judges by.
pub static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::load().unwrap_or_else(|fault| panic!("conformance/spec is broken: {fault}")));

/// `problems.toml` and `requirements/`, read. `contract.toml` is [`TERMS`].
#[derive(Debug)]
pub struct Contract {
    /// The problems, by code.
    pub problems: BTreeMap<String, Problem>,
    /// The requirements of all profiles, in the order of the files.
    pub requirements: Vec<Requirement>,
}

/// A refusal that the contract defines.
#[derive(Debug, Deserialize)]
pub struct Problem {
    /// The only HTTP status that goes with the code.
    pub status: u16,
    /// The `title` of the problem.
    pub title: String,
    /// When a target answers with it.
    pub when: String,
    /// What the client can do.
    pub remedy: String,
    /// The members beside those of every problem.
    #[serde(default)]
    pub members: Vec<String>,
}

/// One numbered promise.
#[derive(Clone, Debug, Deserialize)]
pub struct Requirement {
    /// The stable identifier.
    pub id: String,
    /// The profile, after the file that the requirement stands in.
    #[serde(skip)]
    pub profile: String,
    /// `MUST`, `SHOULD` or `MAY`.
    pub level: String,
    /// The feature that it belongs to, if it is optional.
    pub feature: Option<String>,
    /// The clause of the spec.
    pub clause: String,
    /// The promise.
    pub text: String,
    /// Why anybody should care.
    pub why: String,
    /// Where the requirement came from.
    pub source: String,
}

#[derive(Deserialize)]
struct RequirementFile {
    #[serde(default)]
    requirement: Vec<Requirement>,
}

impl Contract {
    fn load() -> Result<Contract, String> {
        let mut requirements = Vec::new();
        for profile in &TERMS.profiles {
            let named = format!("requirements/{}.toml", profile.id);
            let found: RequirementFile = read(&named)?;
            requirements.extend(
                found
                    .requirement
                    .into_iter()
                    .map(|requirement| Requirement { profile: profile.id.clone(), ..requirement }),
            );
        }
        Ok(Contract { problems: read("problems.toml")?, requirements })
    }

    /// The requirement with this id.
    pub fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.requirements.iter().find(|found| found.id == id)
    }

    /// SHA-256 over every file of the spec and `table`, the list of checks: two runs with the same
    /// digest judged by the same rules.
    pub fn digest(&self, table: &str) -> String {
        let mut hash = Sha256::new();
        for (name, text) in SOURCES {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(text.as_bytes());
            hash.update([0]);
        }
        hash.update(table.as_bytes());
        format!("sha256:{}", hex::encode(hash.finalize()))
    }
}

/// The text of a file of the spec, by its path below `spec/`.
pub fn source(name: &str) -> Option<&'static str> {
    SOURCES.iter().find_map(|(found, text)| (*found == name).then_some(*text))
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Result<T, String> {
    let text = source(name).ok_or_else(|| format!("{name} is missing"))?;
    toml::from_str(text).map_err(|fault| format!("{name}: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn requirement_ids_are_unique() {
        let ids: BTreeSet<_> = CONTRACT.requirements.iter().map(|r| &r.id).collect();
        assert_eq!(ids.len(), CONTRACT.requirements.len());
    }

    #[test]
    fn requirements_cite_a_clause_that_exists() {
        for requirement in &CONTRACT.requirements {
            let (page, clause) = requirement.clause.split_once(' ').expect("a page and a clause");
            let text = source(page).unwrap_or_else(|| panic!("{page} is no page of the spec"));
            assert!(
                text.contains(&format!("**{clause}**")),
                "{} cites {} which {page} does not have",
                requirement.id,
                requirement.clause
            );
        }
    }

    #[test]
    fn a_changed_table_of_checks_changes_the_digest() {
        assert_ne!(CONTRACT.digest("a"), CONTRACT.digest("b"));
    }
}

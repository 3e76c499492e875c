//! Deliberate defects, one promise each: the proof that the suite notices (conformance/proof/sabotages.toml).
//!
//! A defect of the server is a policy that decides one question wrongly, or a data folder that forgets. The defects of the
//! gates and of the sandbox are in those crates; this module finds them by their ids. Only the feature `sabotage`
//! compiles it.

mod accounts;
mod crashes;
mod crowds;
mod downloads;
mod executions;
mod http;
mod migrations;
mod outside;
mod packages;
mod registry;
mod restarts;
mod sensitive;
mod states;

use std::sync::Arc;

use assay_egress::Egress;
use assay_package::Gates;
use assay_sandbox::Sandbox;

use crate::app::Conduct;
use crate::config::{Given, Settings};
use crate::exit::Failure;
use crate::policy::Policy;

/// A defect by its id.
#[derive(Clone, Copy, Debug)]
pub struct Sabotage {
    id: &'static str,
}

/// One row of a table of defects: the id, and the policy that has it.
type Defect = (&'static str, fn() -> Arc<dyn Policy>);

/// The policies with a defect.
fn defects() -> impl Iterator<Item = &'static Defect> {
    let tables = [
        http::DEFECTS,
        packages::DEFECTS,
        executions::DEFECTS,
        states::DEFECTS,
        accounts::DEFECTS,
        crowds::DEFECTS,
        sensitive::DEFECTS,
    ];
    tables.into_iter().flatten()
}

/// The policies with a defect about what is stored and who is trusted.
fn registry_defects() -> impl Iterator<Item = &'static registry::Defect> {
    registry::DEFECTS.iter().chain(downloads::DEFECTS).chain(crashes::DEFECTS)
}

/// The ids of all defects of the runtime, those of the other crates included.
pub fn sabotages() -> Vec<&'static str> {
    let gates = assay_package::sabotages().iter().map(|sabotage| sabotage.id);
    let sandbox = assay_sandbox::sabotages().iter().copied();
    let server = defects().map(|(id, _)| *id).filter(|id| *id != packages::PART_BOUNDS);
    let egress = assay_egress::sabotages().iter().copied();
    let outside = outside::DEFECTS.iter().map(|(id, _)| *id);
    let registry = registry_defects().map(|(id, _)| *id);
    let migrations = migrations::DEFECTS.iter().map(|(id, _)| *id).filter(|id| *id != migrations::HALF);
    let restarts = restarts::FORGOTTEN.iter().chain(restarts::ALTERED).map(|(id, _)| *id);
    let restarts = restarts.chain([restarts::ASIDE]);
    let server = server.chain(registry).chain(outside).chain(migrations).chain(restarts);
    gates.chain(sandbox).chain(egress).chain(server).collect()
}

impl Sabotage {
    /// The defect of this id, if there is one.
    pub fn find(id: &str) -> Option<Self> {
        sabotages().into_iter().find(|known| *known == id).map(|id| Self { id })
    }

    /// A runtime with the defect. What is forgotten at a restart is taken out of the data folder here.
    ///
    /// # Errors
    /// If the settings are wrong or the data folder cannot be used.
    pub fn prepare(self, given: &Given) -> Result<Conduct, Failure> {
        let mut conduct = Conduct::default();
        let id = self.id;
        if let Some(gates) = Gates::sabotaged(id) {
            conduct.gates = gates;
        }
        if assay_sandbox::sabotages().contains(&id) {
            let honest = conduct.sandbox;
            conduct.sandbox = Box::new(move |settings: assay_sandbox::Settings| {
                Sandbox::sabotaged(settings.clone(), id).unwrap_or_else(|| honest(settings))
            });
        }
        if assay_egress::sabotages().contains(&id) {
            let honest = conduct.egress;
            conduct.egress = Box::new(move |settings, credentials, audit| {
                match Egress::sabotaged(settings.clone(), Arc::clone(&credentials), Arc::clone(&audit), id) {
                    Some(sabotaged) => sabotaged,
                    None => honest(settings, credentials, audit),
                }
            });
        }
        if let Some((_, policy)) = outside::DEFECTS.iter().find(|(known, _)| *known == id) {
            conduct.egress_policy = policy();
        }
        if let Some((_, policy)) = registry_defects().find(|(known, _)| *known == id) {
            conduct.registry_policy = policy();
        }
        if let Some((_, policy)) = migrations::DEFECTS.iter().find(|(known, _)| *known == id) {
            conduct.migrations = policy();
        }
        if let Some((_, policy)) = defects().find(|(known, _)| *known == id) {
            conduct.policy = policy();
        }
        if let Some((_, statements)) = restarts::FORGOTTEN.iter().find(|(known, _)| *known == id) {
            restarts::forget(&Settings::load(given)?.storage.data, statements)?;
        }
        if let Some((_, statements)) = restarts::ALTERED.iter().find(|(known, _)| *known == id) {
            restarts::alter(&Settings::load(given)?.storage.data, statements)?;
        }
        if id == restarts::ASIDE {
            restarts::move_aside(&Settings::load(given)?.storage.data)?;
        }
        Ok(conduct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_that_of_one_defect() {
        let mut ids = sabotages();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
        assert!(Sabotage::find("no-such-sabotage").is_none());
    }

    #[test]
    fn the_proof_and_the_runtime_know_the_same_defects() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/proof/sabotages.toml");
        let proof: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let mut expected: Vec<_> =
            proof["sabotage"].as_array().unwrap().iter().filter_map(|sabotage| sabotage["id"].as_str()).collect();
        let mut known = sabotages();
        expected.sort_unstable();
        known.sort_unstable();
        assert_eq!(known, expected);
    }
}

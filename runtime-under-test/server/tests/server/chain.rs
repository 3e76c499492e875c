//! The chain of releases as a state machine: uploads, installs, upgrades and uninstalls in any order, against a model of the
//! registry written from core.md 8 and 9.1 to 9.3.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use assay_fixtures::{Behaviour, Package, Release};
use assay_server::Conduct;
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::support::{Reply, Target, key, recipe, start_conducted};

/// Versions in the order of SemVer; as texts they are in another.
const VERSIONS: [&str; 4] = ["1.0.0-rc.2", "1.0.0-rc.10", "1.2.0", "1.10.0"];

/// A release by its handler, one of two, and its place in [`VERSIONS`].
type Name = (usize, usize);

#[derive(Debug, Clone)]
enum Step {
    Upload(Name, Option<Name>),
    Install(Name),
    Upgrade(Name),
    Uninstall(usize),
}

/// What is stored and what it follows, and what is installed.
#[derive(Debug, Clone, Default)]
struct Model {
    stored: BTreeMap<Name, Option<Name>>,
    installed: [Option<usize>; 2],
}

impl Model {
    /// All faults of a step; a runtime may name any of those of one gate.
    fn faults(&self, step: &Step) -> Vec<&'static str> {
        match *step {
            Step::Upload(name, previous) => {
                let chain = previous.map_or(Vec::new(), |previous| match self.stored.contains_key(&previous) {
                    false => vec!["chain-broken"],
                    true => {
                        let foreign = (previous.0 != name.0).then_some("chain-broken");
                        foreign.into_iter().chain((previous.1 >= name.1).then_some("version-downgrade")).collect()
                    }
                });
                let exists = self.stored.contains_key(&name).then_some("version-exists");
                if chain.is_empty() { exists.into_iter().collect() } else { chain }
            }
            Step::Install(name) => {
                let unknown = (!self.stored.contains_key(&name)).then_some("not-found");
                unknown.into_iter().chain(self.installed[name.0].map(|_| "already-installed")).collect()
            }
            Step::Upgrade(name) => match (self.installed[name.0], self.stored.contains_key(&name)) {
                (None, true) => vec!["not-installed"],
                (None, false) => vec!["not-installed", "not-found"],
                (Some(_), false) => vec!["not-found"],
                (Some(installed), true) if name.1 <= installed => vec!["version-downgrade"],
                (Some(installed), true) if !self.leads_to(name, (name.0, installed)) => vec!["chain-broken"],
                _ => Vec::new(),
            },
            Step::Uninstall(handler) => match self.installed[handler] {
                Some(_) => Vec::new(),
                None => vec!["not-installed"],
            },
        }
    }

    /// A step that has no fault is taken.
    fn take(&mut self, step: &Step) {
        match *step {
            Step::Upload(name, previous) => {
                self.stored.insert(name, previous);
            }
            Step::Install((handler, version)) | Step::Upgrade((handler, version)) => {
                self.installed[handler] = Some(version);
            }
            Step::Uninstall(handler) => self.installed[handler] = None,
        }
    }

    /// Whether following `previous` reaches a release.
    fn leads_to(&self, from: Name, to: Name) -> bool {
        let previous = self.stored.get(&from).copied().flatten();
        previous.is_some_and(|previous| previous == to || self.leads_to(previous, to))
    }
}

/// A step before it is known what is stored. `Follow` uploads the version after the highest stored one, and names that as the
/// release before, as a publisher does: without it, chains of three are rare. `Rise` upgrades to a higher version.
#[derive(Debug, Clone)]
enum Choice {
    Upload(Name, Previous),
    Follow(usize),
    Install(Index),
    Upgrade(Index),
    Rise(usize, Index),
    Uninstall(usize),
}

/// What an upload names as the release before: nothing, one that is stored, or any.
#[derive(Debug, Clone)]
enum Previous {
    None,
    Stored(Index),
    Any(Name),
}

impl Choice {
    /// The step that it is for what is stored now; mostly of releases that are. Where there is none of the kind that a choice
    /// is after, it is one of any stored release.
    fn settle(&self, model: &Model) -> Step {
        let stored: Vec<Name> = model.stored.keys().copied().collect();
        let pick = |index: &Index| if stored.is_empty() { (0, 0) } else { *index.get(&stored) };
        match self {
            Choice::Upload(name, Previous::None) => Step::Upload(*name, None),
            Choice::Upload(name, Previous::Stored(index)) => Step::Upload(*name, Some(pick(index))),
            Choice::Upload(name, Previous::Any(previous)) => Step::Upload(*name, Some(*previous)),
            Choice::Follow(handler) => {
                let highest = stored.iter().copied().rfind(|name| name.0 == *handler);
                let next = highest.map_or(0, |(_, version)| (version + 1).min(VERSIONS.len() - 1));
                Step::Upload((*handler, next), highest)
            }
            Choice::Install(index) => Step::Install(pick(index)),
            Choice::Upgrade(index) => Step::Upgrade(pick(index)),
            Choice::Rise(handler, index) => {
                let higher = |name: &Name| name.0 == *handler && Some(name.1) > model.installed[*handler];
                let higher: Vec<Name> = stored.iter().copied().filter(higher).collect();
                Step::Upgrade(if higher.is_empty() { pick(index) } else { *index.get(&higher) })
            }
            Choice::Uninstall(handler) => Step::Uninstall(*handler),
        }
    }
}

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let name = || (0_usize..2, 0..VERSIONS.len());
    let previous = prop_oneof![
        2 => Just(Previous::None),
        6 => any::<Index>().prop_map(Previous::Stored),
        1 => name().prop_map(Previous::Any),
    ];
    let choice = prop_oneof![
        5 => (name(), previous).prop_map(|(name, previous)| Choice::Upload(name, previous)),
        3 => (0_usize..2).prop_map(Choice::Follow),
        2 => any::<Index>().prop_map(Choice::Install),
        2 => any::<Index>().prop_map(Choice::Upgrade),
        3 => (0_usize..2, any::<Index>()).prop_map(|(handler, index)| Choice::Rise(handler, index)),
        1 => (0_usize..2).prop_map(Choice::Uninstall),
    ];
    prop::collection::vec(choice, 8..24)
}

/// A runtime for all cases of a test: each has handlers of its own.
struct World {
    runtime: Runtime,
    target: Target,
    _data: tempfile::TempDir,
}

impl World {
    fn new(conduct: Conduct) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let data = tempfile::tempdir().unwrap();
        let target = runtime.block_on(start_conducted(data.path(), conduct));
        runtime.block_on(target.trust(&key(), None)).expect(201);
        Self { runtime, target, _data: data }
    }
}

/// One case.
struct Case<'a> {
    world: &'a World,
    number: usize,
}

impl Case<'_> {
    fn name(&self, handler: usize) -> String {
        format!("chain{}-{handler}", self.number)
    }

    fn package(&self, (handler, version): Name) -> Package {
        recipe(&self.name(handler), Behaviour::Echo).version(VERSIONS[version]).build()
    }

    fn take(&self, step: &Step) -> Reply {
        let World { runtime, target, .. } = self.world;
        let change = |(handler, version): Name, verb: &str| {
            let path = format!("/handlers/com.example.{}/{verb}", self.name(handler));
            runtime.block_on(target.post(&path, json!({"version": VERSIONS[version]})))
        };
        match *step {
            Step::Upload(name, previous) => {
                let release = previous
                    .map_or_else(Release::valid, |previous| Release::valid().previous(self.package(previous).digest()));
                runtime.block_on(target.upload(&self.package(name).signed_with(&key(), release)))
            }
            Step::Install(name) => change(name, "install"),
            Step::Upgrade(name) => change(name, "upgrade"),
            Step::Uninstall(handler) => {
                runtime.block_on(target.delete(&format!("/handlers/com.example.{}", self.name(handler))))
            }
        }
    }

    /// A step is answered as the model says.
    fn compare(&self, step: &Step, faults: &[&str]) -> Result<(), TestCaseError> {
        let reply = self.take(step);
        match reply.status {
            200..=299 => prop_assert!(faults.is_empty(), "{:?} is accepted, and the faults are {:?}", step, faults),
            _ => {
                let code = reply.problem();
                prop_assert!(faults.contains(&code.as_str()), "{:?}: {}; the faults are {:?}", step, code, faults);
            }
        }
        Ok(())
    }

    /// In the end the registry shows what the model holds.
    fn shows(&self, model: &Model) -> Result<(), TestCaseError> {
        for handler in 0..2 {
            let stored = model.stored.keys().rev().filter(|name| name.0 == handler);
            let versions: Vec<_> = stored.map(|name| VERSIONS[name.1]).collect();
            if versions.is_empty() {
                continue;
            }
            let path = format!("/registry/handlers/com.example.{}", self.name(handler));
            let detail = self.world.runtime.block_on(self.world.target.get(&path)).expect(200);
            let releases = detail["versions"].as_array().into_iter().flatten();
            let shown: Vec<_> = releases.filter_map(|release| release["version"].as_str()).collect();
            prop_assert_eq!(shown, versions);
            prop_assert_eq!(detail["installed"].as_str(), model.installed[handler].map(|version| VERSIONS[version]));
        }
        Ok(())
    }
}

/// Drives a runtime and the model side by side; what differs, in words.
fn differs(conduct: Conduct) -> Option<String> {
    let (world, number) = (World::new(conduct), AtomicUsize::new(0));
    // A failing case is shrunk a little: each try costs a dozen requests.
    let config =
        ProptestConfig { cases: 40, max_shrink_iters: 16, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&choices(), |choices| {
        let case = Case { world: &world, number: number.fetch_add(1, Ordering::Relaxed) };
        let mut model = Model::default();
        for choice in &choices {
            let step = choice.settle(&model);
            let faults = model.faults(&step);
            case.compare(&step, &faults)?;
            if faults.is_empty() {
                model.take(&step);
            }
        }
        case.shows(&model)
    });
    outcome.err().map(|error| error.to_string())
}

#[test]
fn the_registry_follows_the_model_of_the_chain() {
    assert_eq!(differs(Conduct::default()), None);
}

#[cfg(feature = "sabotage")]
#[test]
fn defects_of_the_chain_are_noticed() {
    for defect in [
        "chain-followed-one-step",
        "chain-reach-unchecked",
        "previous-unchecked",
        "previous-of-any-handler",
        "previous-order-unchecked",
        "downgrades-allowed",
        "versions-ordered-as-text",
    ] {
        let gates = assay_package::Gates::sabotaged(defect).expect("the defect exists");
        assert!(differs(Conduct { gates, ..Conduct::default() }).is_some(), "{defect} is not noticed");
    }
}

//! Which checks a run of the proof judges by.

use std::collections::BTreeSet;

use assay_conformance::proof::Sabotage;
use assay_conformance::suites::GROUPS;
use assay_harness::{Check, Cost, Need};

/// The profile that every defect is looked for in, but for one that its checks cannot reach.
const CORE: &str = "core";

/// The crate that handles nothing but requests to other hosts. Without the feature nothing of it runs, and no check of another
/// profile lets a handler send one.
const EGRESS: &str = "egress";

/// The profile whose checks take seconds each: only those that are named run.
const LONG: &str = "load";

/// A choice of checks.
pub struct Judges<'a> {
    named: Vec<&'a str>,
    scope: Scope<'a>,
    /// The sabotage whose collateral is looked for: what is not named runs in one packaging.
    row: Option<&'a str>,
    /// Whether the target is given a proxy: then it is judged by what goes through one, and by nothing else.
    proxied: bool,
    /// Whether collateral is looked for with a ninth of the checks that the row does not name.
    swift: bool,
}

enum Scope<'a> {
    /// The swift checks of these profiles.
    Profiles(BTreeSet<&'static str>),
    /// All but those of [`LONG`].
    All,
    /// Those whose ids begin like this.
    Prefix(&'a str),
}

impl<'a> Judges<'a> {
    /// The checks that a sabotage names, and of core and of the profiles of the named ones all that are swift.
    pub fn of(sabotage: &'a Sabotage) -> Judges<'a> {
        let named: Vec<&str> = sabotage.kills.iter().map(String::as_str).collect();
        let (row, proxied) = (Some(sabotage.id.as_str()), sabotage.proxy);
        Judges { scope: near(&named, sabotage.home != EGRESS), named, row, proxied, swift: false }
    }

    /// The same, or with a ninth of what is not named.
    pub fn swiftly(self, swift: bool) -> Judges<'a> {
        Judges { swift, ..self }
    }

    /// The same for all that several sabotages name, in every packaging: what their rows are compared with.
    pub fn control(named: Vec<&'a str>) -> Judges<'a> {
        Judges { scope: near(&named, true), named, row: None, proxied: false, swift: false }
    }

    /// The named checks, and all others but those of the profile load.
    pub fn all(named: Vec<&'a str>) -> Judges<'a> {
        Judges { named, scope: Scope::All, row: None, proxied: false, swift: false }
    }

    /// The checks whose ids begin like this.
    pub fn prefixed(prefix: &'a str) -> Judges<'a> {
        Judges { named: Vec::new(), scope: Scope::Prefix(prefix), row: None, proxied: false, swift: false }
    }

    /// The checks of these sabotages, through a proxy, and what is near them: what rows with a proxy are compared with.
    pub fn through_a_proxy(named: Vec<&'a str>) -> Judges<'a> {
        Judges { scope: near(&named, false), named, row: None, proxied: true, swift: false }
    }

    /// Whether the target is given a proxy.
    pub fn proxied(&self) -> bool {
        self.proxied
    }

    /// Whether a check of a profile is among them.
    pub fn include(&self, profile: &str, check: &Check) -> bool {
        // The target cannot be judged by these without a proxy, or with one.
        let elsewhere = if self.proxied { Need::Addresses } else { Need::Proxy };
        if check.needs.contains(&elsewhere) {
            return false;
        }
        if self.swift && self.mark(check).is_some_and(|mark| mark % 9 != 0) {
            return false;
        }
        self.named.contains(&check.id)
            || match &self.scope {
                Scope::Profiles(profiles) => profiles.contains(profile) && check.cost == Cost::Swift,
                Scope::All => profile != LONG,
                Scope::Prefix(prefix) => check.id.starts_with(prefix),
            }
    }

    /// In which packaging alone a check runs, if in one alone: those that a row does not name, in one half of them or the
    /// other. It is the same each time, and another one in the next row.
    pub fn packaging(&self, check: &Check) -> Option<usize> {
        self.mark(check)
    }

    /// A number that a row and a check which it does not name always have, and that differs from row to row.
    fn mark(&self, check: &Check) -> Option<usize> {
        let row = self.row.filter(|_| !self.named.contains(&check.id))?;
        Some(row.bytes().chain(check.id.bytes()).map(usize::from).sum())
    }
}

/// The profiles of these checks, and core.
fn near(named: &[&str], with_core: bool) -> Scope<'static> {
    let concerned = GROUPS.iter().filter(|group| group.checks.iter().any(|check| named.contains(&check.id)));
    let profiles = concerned.map(|group| group.profile).chain(with_core.then_some(CORE));
    Scope::Profiles(profiles.filter(|profile| *profile != LONG).collect())
}

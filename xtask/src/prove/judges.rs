//! Which checks a run of the proof judges by.

use std::collections::BTreeSet;

use assay_conformance::suites::GROUPS;
use assay_harness::Check;

/// The profile that every defect is looked for in, but for one that its checks cannot reach.
const CORE: &str = "core";

/// The crate that handles nothing but requests to other hosts. Without the feature nothing of it runs, and no check of another
/// profile lets a handler send one.
const EGRESS: &str = "egress";

/// The profile whose checks take seconds each: only those that are named run.
const LONG: &str = "load";

/// A choice of checks.
pub struct Judges<'a> {
    named: &'a [&'a str],
    scope: Scope<'a>,
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
    /// The named checks, and of core and of the profiles of the named ones all that are not costly. `home` is the crate of
    /// the defect.
    pub fn near(named: &'a [&'a str], home: &str) -> Judges<'a> {
        let concerned = GROUPS.iter().filter(|group| group.checks.iter().any(|check| named.contains(&check.id)));
        let core = (home != EGRESS).then_some(CORE);
        let profiles = concerned.map(|group| group.profile).chain(core).filter(|profile| *profile != LONG);
        Judges { named, scope: Scope::Profiles(profiles.collect()) }
    }

    /// The named checks, and all others but those of the profile load.
    pub fn all(named: &'a [&'a str]) -> Judges<'a> {
        Judges { named, scope: Scope::All }
    }

    /// The checks whose ids begin like this.
    pub fn prefixed(prefix: &'a str) -> Judges<'a> {
        Judges { named: &[], scope: Scope::Prefix(prefix) }
    }

    /// Whether a check of a profile is among them.
    pub fn include(&self, profile: &str, check: &Check) -> bool {
        self.named.contains(&check.id)
            || match &self.scope {
                Scope::Profiles(profiles) => profiles.contains(profile) && !check.costly,
                Scope::All => profile != LONG,
                Scope::Prefix(prefix) => check.id.starts_with(prefix),
            }
    }
}

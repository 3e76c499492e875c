//! Which checks are to run. Made before a target is attached, so that a wrong filter costs nothing.

use crate::{Check, Filter, Group, NoMatch};

/// The checks that were chosen, in the order of the suites.
#[derive(Clone, Debug)]
pub struct Plan {
    entries: Vec<Entry>,
    left_out: usize,
}

/// A check that was chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) group: &'static Group,
    pub(crate) check: &'static Check,
    /// Runs in one packaging only, of those of the target the one with this number, counted round and round.
    pub(crate) only: Option<usize>,
}

impl Plan {
    /// Every check of these groups.
    #[must_use]
    pub fn all(groups: &[&'static Group]) -> Plan {
        let entry = |group: &'static Group| group.checks.iter().map(move |check| Entry { group, check, only: None });
        let entries = groups.iter().copied().flat_map(entry);
        Plan { entries: entries.collect(), left_out: 0 }
    }

    /// The checks that the filter matches.
    ///
    /// # Errors
    /// If one of its globs matches nothing.
    pub fn filtered(self, filter: &Filter) -> Result<Plan, NoMatch> {
        filter.require(self.checks())?;
        let before = self.entries.len();
        let entries: Vec<_> = self.entries.into_iter().filter(|entry| filter.matches(entry.check)).collect();
        let left_out = self.left_out + before - entries.len();
        Ok(Plan { entries, left_out })
    }

    /// The checks that `keeps` says yes to. The others count as left out.
    #[must_use]
    pub fn keeping(self, keeps: impl Fn(&Group, &Check) -> bool) -> Plan {
        let before = self.entries.len();
        let entries: Vec<_> = self.entries.into_iter().filter(|entry| keeps(entry.group, entry.check)).collect();
        let left_out = self.left_out + before - entries.len();
        Plan { entries, left_out }
    }

    /// Runs the checks for which `chooses` names a packaging in that one alone: of those of the target the one with this
    /// number, counted round and round. The others run in all that they are for.
    #[must_use]
    pub fn in_one_packaging(mut self, chooses: impl Fn(&Check) -> Option<usize>) -> Plan {
        for entry in &mut self.entries {
            entry.only = chooses(entry.check);
        }
        self
    }

    /// The checks, in order.
    pub fn checks(&self) -> impl Iterator<Item = &'static Check> + Clone {
        self.entries.iter().map(|entry| entry.check)
    }

    /// How many checks a filter left out: a run that left any out is partial.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

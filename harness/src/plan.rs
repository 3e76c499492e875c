//! Which checks are to run. Made before a target is attached, so that a wrong filter costs nothing.

use crate::{Check, Filter, Group, NoMatch};

/// The checks that were chosen, in the order of the suites.
#[derive(Clone, Debug)]
pub struct Plan {
    entries: Vec<(&'static Group, &'static Check)>,
    left_out: usize,
}

impl Plan {
    /// Every check of these groups.
    #[must_use]
    pub fn all(groups: &[&'static Group]) -> Plan {
        let entries = groups.iter().flat_map(|group| group.checks.iter().map(move |check| (*group, check)));
        Plan { entries: entries.collect(), left_out: 0 }
    }

    /// The checks that the filter matches.
    ///
    /// # Errors
    /// If one of its globs matches nothing.
    pub fn filtered(self, filter: &Filter) -> Result<Plan, NoMatch> {
        filter.require(self.checks())?;
        let before = self.entries.len();
        let entries: Vec<_> = self.entries.into_iter().filter(|(_, check)| filter.matches(check)).collect();
        let left_out = self.left_out + before - entries.len();
        Ok(Plan { entries, left_out })
    }

    /// The checks that `keeps` says yes to. The others count as left out.
    #[must_use]
    pub fn keeping(self, keeps: impl Fn(&Group, &Check) -> bool) -> Plan {
        let before = self.entries.len();
        let entries: Vec<_> = self.entries.into_iter().filter(|(group, check)| keeps(group, check)).collect();
        let left_out = self.left_out + before - entries.len();
        Plan { entries, left_out }
    }

    /// The checks, in order.
    pub fn checks(&self) -> impl Iterator<Item = &'static Check> + Clone {
        self.entries.iter().map(|(_, check)| *check)
    }

    /// How many checks a filter left out: a run that left any out is partial.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'static Group, &'static Check)> {
        self.entries.iter().copied()
    }
}

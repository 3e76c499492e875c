//! The proof of the fuzzers: a runtime with a planted defect, and how soon a target finds it from an empty corpus.

use crate::{
    campaign::{Campaign, Found},
    finding::Kind,
    target::Target,
};

/// One planted defect, and what became of it.
pub struct Row {
    /// The target.
    pub target: &'static str,
    /// The name of the sabotage.
    pub defect: &'static str,
    /// Within so many executions.
    pub budget: u64,
    /// After how many executions it was found, and as what.
    pub found: Result<(u64, Kind), Survival>,
}

/// Why a defect counts as not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survival {
    /// There is no such sabotage.
    Unknown,
    /// No input of the budget shows it.
    NotFound,
    /// What was found is found without the defect, too.
    NotItsOwn,
}

/// Looks for a planted defect with the inputs of one seed.
pub fn prove(target: &Target, defect: &'static str, seed: u64) -> Row {
    let row = |found| Row { target: target.name, defect, budget: target.budget, found };
    let Some(subject) = (target.subject)(Some(defect)) else { return row(Err(Survival::Unknown)) };
    let mut campaign = Campaign::new(&subject, seed);
    while campaign.executions < target.budget {
        if let Some(found) = campaign.step() {
            let own = target.honest().judge(&found.input).is_ok();
            return row(if own { Ok((campaign.executions, found.finding.kind)) } else { Err(Survival::NotItsOwn) });
        }
    }
    row(Err(Survival::NotFound))
}

/// The control: without a defect the same loop finds nothing.
pub fn control(target: &Target, seed: u64) -> Option<Found> {
    let subject = target.honest();
    let mut campaign = Campaign::new(&subject, seed);
    while campaign.executions < target.budget {
        if let Some(found) = campaign.step() {
            return Some(found);
        }
    }
    None
}

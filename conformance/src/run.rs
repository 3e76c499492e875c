//! One run of the suites against an attached target, and the report that it leaves.

use std::time::Duration;

use assay_harness::{Filter, Group, NoMatch, Options, Plan, Progress, Session, TERMS, Verdict};
use assay_reports::{Level, Report, RequirementResult, SCHEMA, Suite};

use crate::contract::CONTRACT;
use crate::proof::{proving, sabotages};
use crate::suites::GROUPS;

/// Which checks are to be run: whole profiles, or those of a filter.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Profiles by name; empty means those that the target claims.
    pub profiles: Vec<String>,
    /// Narrows the run. Without named profiles it chooses among the checks of all.
    pub filter: Option<Filter>,
}

impl Selection {
    /// The plan for a target that claims these profiles, and the profiles that it belongs to.
    ///
    /// # Errors
    /// The filter matches nothing.
    pub fn plan(&self, claimed: &[String]) -> Result<(Plan, Vec<String>), NoMatch> {
        let wanted = |group: &&'static Group| {
            let named = if self.profiles.is_empty() { claimed } else { &self.profiles };
            (self.profiles.is_empty() && self.filter.is_some()) || named.iter().any(|profile| profile == group.profile)
        };
        let groups: Vec<&'static Group> = GROUPS.iter().filter(wanted).collect();
        let mut plan = Plan::all(&groups);
        if let Some(filter) = &self.filter {
            plan = plan.filtered(filter)?;
        }
        let chosen: Vec<&str> = plan.checks().map(|check| check.id).collect();
        let mut profiles: Vec<String> = Vec::new();
        for group in groups {
            let has_any = group.checks.iter().any(|check| chosen.contains(&check.id));
            if has_any && !profiles.iter().any(|profile| profile == group.profile) {
                profiles.push(group.profile.to_owned());
            }
        }
        Ok((plan, profiles))
    }
}

/// Runs the plan and makes the report. Nothing is written.
pub async fn judge(
    session: &Session,
    plan: &Plan,
    profiles: Vec<String>,
    options: &Options,
    overrides: Vec<String>,
    progress: &dyn Progress,
) -> Report {
    let mut result = assay_harness::run(session, plan, options, progress).await;
    // A table that does not read is caught by its own test; a run has better things to do than to stop for it.
    let table = sabotages().unwrap_or_default();
    for check in &mut result.checks {
        check.proved_by = proving(&check.id, table);
    }
    let requirements = CONTRACT
        .requirements
        .iter()
        .filter(|requirement| profiles.contains(&requirement.profile))
        .map(|requirement| RequirementResult {
            id: requirement.id.clone(),
            profile: requirement.profile.clone(),
            level: level(&requirement.level),
            feature: requirement.feature.clone(),
            text: requirement.text.clone(),
            why: requirement.why.clone(),
            clause: requirement.clause.clone(),
            source: requirement.source.clone(),
            verdict: Verdict::of_requirement(&requirement.id, &result.checks),
            checks: judging(&requirement.id, plan),
        })
        .collect();
    let started_at = result.started_at.to_string();
    let target = session.target();
    let whole = result.duration + Duration::from_millis(target.startup_ms.unwrap_or_default());
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        contract: TERMS.version.clone(),
        suite: suite(),
        started_at,
        finished_at: result.finished_at.to_string(),
        duration_ms: u64::try_from(whole.as_millis()).unwrap_or(u64::MAX),
        seed: options.seed,
        overrides,
        target,
        profiles,
        requirements,
        checks: result.checks,
        totals: result.totals,
        conclusion: assay_reports::Conclusion::Inconclusive,
        exit_code: 0,
    };
    report.conclude();
    report
}

/// The suite, with a digest over the contract and the table of checks.
pub fn suite() -> Suite {
    let table: String = GROUPS
        .iter()
        .flat_map(|group| group.checks)
        .map(|check| format!("{} {}\n", check.id, check.requirements.join(" ")))
        .collect();
    Suite { name: "assay".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), digest: CONTRACT.digest(&table) }
}

fn judging(requirement: &str, plan: &Plan) -> Vec<String> {
    plan.checks().filter(|check| check.requirements.contains(&requirement)).map(|check| check.id.to_owned()).collect()
}

fn level(text: &str) -> Level {
    match text {
        "SHOULD" => Level::Should,
        "MAY" => Level::May,
        _ => Level::Must,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_has_one_id_and_names_requirements_of_its_profile() {
        let mut ids = BTreeSet::new();
        for group in GROUPS {
            for check in group.checks {
                assert!(ids.insert(check.id), "{} stands twice", check.id);
                assert!(check.id.starts_with(group.profile), "{} is in profile {}", check.id, group.profile);
                assert!(!check.requirements.is_empty(), "{} judges nothing", check.id);
                for id in check.requirements {
                    assert!(CONTRACT.requirement(id).is_some(), "{} names {id}", check.id);
                }
            }
        }
    }

    #[test]
    fn without_a_choice_the_profiles_that_the_target_claims_are_run() {
        let (plan, profiles) = Selection::default().plan(&["registry".to_owned()]).expect("a plan");
        assert_eq!(profiles, ["registry"]);
        assert!(plan.checks().all(|check| check.id.starts_with("registry.")));
    }

    #[test]
    fn a_filter_chooses_among_all_profiles() {
        let selection = Selection { filter: Some(Filter::parse("LIFE-DUR-001")), ..Selection::default() };
        let (plan, profiles) = selection.plan(&["core".to_owned()]).expect("a plan");
        assert_eq!(profiles, ["lifecycle"]);
        assert_eq!(plan.checks().count(), 1);
    }
}

//! The table of sabotages against the contract, the checks and the runtime: nothing may be missing on any side.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use assay_conformance::contract::CONTRACT;
use assay_conformance::proof::{Sabotage, Words};
use assay_conformance::suites::GROUPS;
use assay_harness::Check;

/// The sabotages that the runtime says it has.
///
/// # Errors
/// It does not answer, or not with a JSON list of texts.
pub fn offered(binary: &Path) -> Result<BTreeSet<String>, String> {
    let output = Command::new(binary)
        .arg("--list-sabotages")
        .output()
        .map_err(|fault| format!("{} cannot be started: {fault}", binary.display()))?;
    let list: Vec<String> =
        serde_json::from_slice(&output.stdout).map_err(|fault| format!("--list-sabotages answers no list: {fault}"))?;
    Ok(list.into_iter().collect())
}

/// Everything that keeps the table from being a proof of the whole contract, one sentence each.
pub fn problems(sabotages: &[Sabotage], offered: &BTreeSet<String>) -> Vec<String> {
    let mut problems = coverage(sabotages);
    let named: BTreeSet<String> = sabotages.iter().map(|sabotage| sabotage.id.clone()).collect();
    problems.extend(named.difference(offered).map(|id| format!("the runtime has no sabotage {id}")));
    problems.extend(offered.difference(&named).map(|id| format!("sabotages.toml does not name the sabotage {id}")));
    problems
}

/// The part of [`problems`] that needs no runtime: every MUST has a check and a sabotage, every check proves itself.
pub fn coverage(sabotages: &[Sabotage]) -> Vec<String> {
    let checks: Vec<&Check> = GROUPS.iter().flat_map(|group| group.checks).collect();
    let mut problems = Vec::new();
    for requirement in CONTRACT.requirements.iter().filter(|requirement| requirement.level == "MUST") {
        if !checks.iter().any(|check| check.requirements.contains(&requirement.id.as_str())) {
            problems.push(format!("{} has no check", requirement.id));
        }
        if !sabotages.iter().any(|sabotage| sabotage.requirements.contains(&requirement.id)) {
            problems.push(format!("{} has no sabotage", requirement.id));
        }
    }
    for check in &checks {
        if !sabotages.iter().any(|sabotage| sabotage.kills.iter().any(|killed| killed == check.id)) {
            problems.push(format!("no sabotage is killed by {}", check.id));
        }
    }
    let mut seen = BTreeSet::new();
    for sabotage in sabotages {
        if !seen.insert(&sabotage.id) {
            problems.push(format!("the sabotage {} stands twice", sabotage.id));
        }
        for (_, check) in sabotage.kills.iter().enumerate().filter(|(at, _)| sabotage.words(*at).trim().is_empty()) {
            problems.push(format!("{} does not say with which words {check} fails", sabotage.id));
        }
        if matches!(&sabotage.reason, Words::Each(words) if words.len() > sabotage.kills.len()) {
            problems.push(format!("{} has words for more checks than it names", sabotage.id));
        }
        if sabotage.kills.is_empty() {
            problems.push(format!("{} is killed by no check", sabotage.id));
        }
        for id in &sabotage.requirements {
            if CONTRACT.requirement(id).is_none() {
                problems.push(format!("{} names the requirement {id}, which does not exist", sabotage.id));
            }
            let judged = checks.iter().filter(|check| sabotage.kills.iter().any(|killed| killed == check.id));
            if !judged.into_iter().any(|check| check.requirements.contains(&id.as_str())) {
                problems.push(format!("{} breaks {id}, and none of its checks judges that", sabotage.id));
            }
        }
        for id in &sabotage.kills {
            if !checks.iter().any(|check| check.id == id) {
                problems.push(format!("{} names the check {id}, which does not exist", sabotage.id));
            }
        }
        if !sabotage.collateral.is_empty() && sabotage.why.is_none() {
            problems.push(format!("{} has collateral without a reason", sabotage.id));
        }
    }
    problems
}

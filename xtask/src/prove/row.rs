//! One row of the kill matrix: what a run against a sabotaged runtime says.

use assay_conformance::proof::Sabotage;
use assay_harness::{CheckResult, Verdict};
use assay_reports::{Kill, Report, Row, RowVerdict};

/// Judges the report of a sabotaged runtime, or the reason why there is none.
pub fn judge(sabotage: &Sabotage, report: Result<Report, String>) -> Row {
    let mut row = Row {
        sabotage: sabotage.id.clone(),
        defect: sabotage.defect.clone(),
        requirements: sabotage.requirements.clone(),
        expected: sabotage.kills.clone(),
        killed_by: Vec::new(),
        missed: Vec::new(),
        collateral_declared: sabotage.collateral.clone(),
        collateral_unexpected: Vec::new(),
        verdict: RowVerdict::Killed,
        attempts: 1,
        duration_ms: 0,
    };
    let report = match report {
        Ok(report) => report,
        Err(fault) => {
            row.missed = row.expected.iter().map(|check| not_run(check)).collect();
            row.verdict = RowVerdict::Error;
            row.defect = format!("{} (not run: {fault})", row.defect);
            return row;
        }
    };
    let mut wrong_reason = false;
    for (at, expected) in sabotage.kills.iter().enumerate() {
        let results: Vec<&CheckResult> = report.checks.iter().filter(|check| check.id == *expected).collect();
        // A check that runs in two packagings must fail in both: a defect that one of them hides is not noticed.
        let others = results.iter().filter(|result| result.verdict != Verdict::Fail);
        let missed: Vec<Kill> =
            if results.is_empty() { vec![not_run(expected)] } else { others.map(|result| otherwise(result)).collect() };
        if !missed.is_empty() {
            row.missed.extend(missed);
            continue;
        }
        wrong_reason |= results.iter().any(|result| !says(result, sabotage.words(at)));
        row.killed_by.extend(results.into_iter().map(kill));
    }
    row.collateral_unexpected = report
        .checks
        .iter()
        .filter(|check| matches!(check.verdict, Verdict::Fail | Verdict::Error))
        .filter(|check| !sabotage.kills.contains(&check.id) && !sabotage.excuses(&check.id))
        .map(kill)
        .collect();
    row.verdict = match () {
        () if !row.missed.is_empty() => RowVerdict::Survived,
        () if wrong_reason => RowVerdict::WrongReason,
        () if !row.collateral_unexpected.is_empty() => RowVerdict::Collateral,
        () => RowVerdict::Killed,
    };
    row
}

/// What keeps the honest runtime from being the control of the proof: anything that is not a PASS.
pub fn control_problems(report: &Report) -> Vec<String> {
    let not_passed = report.checks.iter().filter(|check| check.verdict != Verdict::Pass);
    not_passed
        .map(|check| {
            let reason = reasons(check).join("; ");
            format!("on the honest runtime {} is {}: {reason}", check.label(), check.verdict.word())
        })
        .collect()
}

fn kill(check: &CheckResult) -> Kill {
    Kill { check: check.id.clone(), packaging: check.packaging.clone(), reason: reasons(check).join("; ") }
}

/// A check that was to fail and ended otherwise.
fn otherwise(check: &CheckResult) -> Kill {
    let reason = format!("it ended with {}: {}", check.verdict.word(), reasons(check).join("; "));
    Kill { reason: reason.trim_end_matches([':', ' ']).to_owned(), ..kill(check) }
}

/// A check that was to fail and did not run.
fn not_run(check: &str) -> Kill {
    Kill { check: check.to_owned(), packaging: None, reason: "it was not run".to_owned() }
}

/// The reason of the check and of each of its cases that did not pass.
fn reasons(check: &CheckResult) -> Vec<String> {
    let cases = check.cases.iter().filter(|case| case.verdict != Verdict::Pass);
    let cases = cases.map(|case| format!("{}: {}", case.name, case.reason.as_deref().unwrap_or_default()));
    check.reason.iter().cloned().chain(cases).collect()
}

/// Whether one of the reasons holds the words that the sabotage must provoke.
fn says(check: &CheckResult, words: &str) -> bool {
    reasons(check).iter().any(|reason| reason.contains(words))
}

//! What a run says on a terminal: before, after, and as a list.

use std::fmt::Write as _;
use std::path::PathBuf;

use assay_harness::{Plan, TERMS, Verdict};
use assay_reports::{CheckResult, Report, Target};

use crate::contract::CONTRACT;

/// So many failures are printed; the report has all.
const SHOWN: usize = 20;

/// The checks of a plan, one line each, with the requirements that they judge.
pub fn list(plan: &Plan) -> String {
    plan.checks().fold(String::new(), |mut text, check| {
        let _ = writeln!(text, "{:<44} {}  {}", check.id, check.requirements.join(","), check.title);
        text
    })
}

/// What is about to be judged.
pub fn opening(target: &Target, profiles: &[String], checks: usize, seed: u64) -> String {
    let implementation = &target.discovery["implementation"];
    format!(
        "assay {} · contract {} · {} {} at {}\nprofiles {} · {checks} checks · seed {seed}\n",
        env!("CARGO_PKG_VERSION"),
        TERMS.version,
        implementation["name"].as_str().unwrap_or("target"),
        implementation["version"].as_str().unwrap_or(""),
        target.url,
        profiles.join(", "),
    )
}

/// What was found, what failed and where the report is.
pub fn closing(report: &Report, written: &[PathBuf]) -> String {
    let mut text = String::new();
    let not_passed: Vec<&CheckResult> = report.checks.iter().filter(|check| check.verdict != Verdict::Pass).collect();
    for check in not_passed.iter().take(SHOWN) {
        let _ = writeln!(text, "{} {}", check.verdict.word(), check.label());
        if let Some(reason) = &check.reason {
            let _ = writeln!(text, "  {reason}");
        }
        for case in check.cases.iter().filter(|case| case.verdict != Verdict::Pass) {
            let _ = writeln!(text, "  {}: {}", case.name, case.reason.as_deref().unwrap_or(""));
        }
        for id in &check.requirements {
            let promise = CONTRACT.requirement(id).map_or("", |requirement| &requirement.text);
            let clause = CONTRACT.requirement(id).map_or("", |requirement| &requirement.clause);
            let _ = writeln!(text, "  {id} ({clause}): {promise}");
        }
    }
    if not_passed.len() > SHOWN {
        let _ = writeln!(text, "… and {} more, all in the report", not_passed.len() - SHOWN);
    }
    let totals = &report.totals;
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .filter(|verdict| totals.count(*verdict) > 0)
        .map(|verdict| format!("{} {}", totals.count(verdict), verdict.word()))
        .collect();
    let _ = writeln!(text, "{} results: {}", totals.planned, counts.join(", "));
    let _ = writeln!(
        text,
        "{:.2} s, {:.1} ms per check, start of the target included",
        report.duration_ms as f64 / 1000.0,
        report.ms_per_check().unwrap_or_default()
    );
    let _ = writeln!(text, "{}", report.conclusion.words());
    for path in written {
        let _ = writeln!(text, "  {}", path.display());
    }
    text
}

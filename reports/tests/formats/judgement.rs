//! Nothing is green by default: what a run concludes from its checks (design.md, section 4).

use assay_reports::{Conclusion, Level, Report, Verdict};

use crate::sample;

/// A report with one MUST, judged by checks with these verdicts.
fn judged(level: Level, verdicts: &[Verdict]) -> Report {
    let mut report = sample::report();
    report.requirements.truncate(1);
    report.requirements[0].level = level;
    let mut one = report.checks[0].clone();
    report.checks.clear();
    for verdict in verdicts {
        one.verdict = *verdict;
        report.checks.push(one.clone());
    }
    report.conclude();
    report
}

fn concluded(level: Level, verdicts: &[Verdict]) -> (Conclusion, u8) {
    let report = judged(level, verdicts);
    (report.conclusion, report.exit_code)
}

#[test]
fn passes_alone_are_conformant() {
    assert_eq!(concluded(Level::Must, &[Verdict::Pass]), (Conclusion::Conformant, 0));
}

#[test]
fn a_run_without_checks_is_inconclusive() {
    assert_eq!(concluded(Level::May, &[]), (Conclusion::Inconclusive, 3));
}

#[test]
fn a_run_that_skipped_everything_is_inconclusive() {
    assert_eq!(concluded(Level::May, &[Verdict::Skipped]), (Conclusion::Inconclusive, 3));
}

#[test]
fn a_skipped_must_is_inconclusive() {
    let verdicts = [Verdict::Pass, Verdict::Skipped];
    assert_eq!(concluded(Level::Must, &verdicts), (Conclusion::Inconclusive, 3));
}

#[test]
fn a_must_that_cannot_be_judged_is_inconclusive() {
    let verdicts = [Verdict::Pass, Verdict::Inconclusive];
    assert_eq!(concluded(Level::Must, &verdicts), (Conclusion::Inconclusive, 3));
}

#[test]
fn a_skipped_should_spoils_nothing() {
    let verdicts = [Verdict::Pass, Verdict::Skipped];
    assert_eq!(concluded(Level::Should, &verdicts), (Conclusion::Conformant, 0));
}

#[test]
fn a_must_without_any_check_is_inconclusive() {
    let mut report = judged(Level::Must, &[Verdict::Pass]);
    report.checks[0].requirements = vec!["REG-LST-001".into()];
    report.conclude();
    assert_eq!((report.conclusion, report.requirements[0].verdict), (Conclusion::Inconclusive, Verdict::Skipped));
}

#[test]
fn an_unknown_requirement_is_held_to_be_a_must() {
    let mut report = judged(Level::May, &[Verdict::Pass, Verdict::Skipped]);
    report.checks[1].requirements = vec!["NOT-LISTED".into()];
    report.conclude();
    assert_eq!(report.conclusion, Conclusion::Inconclusive);
}

#[test]
fn an_undeclared_feature_with_its_refusal_spoils_nothing() {
    assert_eq!(concluded(Level::Must, &[Verdict::Unsupported]), (Conclusion::Conformant, 0));
}

#[test]
fn an_error_wins_over_what_is_inconclusive() {
    let verdicts = [Verdict::Inconclusive, Verdict::Error];
    assert_eq!(concluded(Level::Must, &verdicts), (Conclusion::HarnessError, 4));
}

#[test]
fn a_failure_wins_over_an_error() {
    let verdicts = [Verdict::Error, Verdict::Fail];
    assert_eq!(concluded(Level::Must, &verdicts), (Conclusion::NotConformant, 1));
}

#[test]
fn verdicts_are_ordered_from_best_to_worst() {
    let mut verdicts = Verdict::ALL;
    verdicts.sort();
    let words = verdicts.map(Verdict::word);
    assert_eq!(words, ["PASS", "UNSUPPORTED", "SKIPPED", "INCONCLUSIVE", "FAIL", "ERROR"]);
}

#[test]
fn planned_is_the_sum_of_all_verdicts() {
    let totals = sample::report().totals;
    let sum: u32 = Verdict::ALL.iter().map(|verdict| totals.count(*verdict)).sum();
    assert_eq!((totals.planned, sum), (7, 7));
}

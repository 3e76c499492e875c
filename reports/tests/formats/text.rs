//! JUnit and Markdown say what CI has to see.

use quick_junit::{NonSuccessKind, TestCaseStatus};

use assay_reports::{Format as _, Report, Verdict, junit::Junit, markdown::Markdown};

use crate::sample;

fn junit() -> quick_junit::Report {
    quick_junit::Report::deserialize_from_str(&Junit.render(&sample::report())).expect("JUnit XML")
}

fn status(name: &str) -> TestCaseStatus {
    let suites = junit().test_suites;
    let cases = suites.into_iter().flat_map(|suite| suite.test_cases);
    cases.into_iter().find(|case| case.name.as_str() == name).expect("a case").status
}

#[test]
fn junit_has_a_suite_for_each_group() {
    let names: Vec<String> = junit().test_suites.into_iter().map(|suite| suite.name.into_string()).collect();
    assert_eq!(names, ["core.signature", "core.memory", "core.egress", "registry.list"]);
}

#[test]
fn junit_counts_what_was_judged() {
    let report = junit();
    assert_eq!((report.tests, report.failures, report.errors), (7, 1, 2));
}

#[test]
fn junit_names_the_packaging_of_a_case() {
    assert!(matches!(status("core.signature.trusted-0 [core]"), TestCaseStatus::Success { .. }));
}

#[test]
fn junit_reports_a_failed_control_as_an_error() {
    let status = status("core.memory.growth");
    assert!(matches!(status, TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. }), "{status:?}");
}

#[test]
fn junit_skips_what_is_unsupported_and_says_why() {
    let status = status("core.egress.rules");
    let TestCaseStatus::Skipped { message: Some(message), .. } = status else { panic!("{status:?}") };
    assert!(message.as_str().contains("not declared"));
}

#[test]
fn the_summary_leads_with_the_conclusion() {
    let page = Markdown.render(&sample::report());
    assert!(page.starts_with("## ❌ Assay: not conformant\n"), "{page}");
}

#[test]
fn the_summary_lists_each_failure_with_its_requirement() {
    let page = Markdown.render(&sample::report());
    let row = page.lines().find(|line| line.starts_with("| FAIL |")).expect("a row");
    assert!(row.contains("signature-invalid") && row.contains("**CORE-SIG-002** MUST"), "{row}");
}

#[test]
fn every_row_of_a_table_has_the_columns_of_its_head() {
    let page = Markdown.render(&sample::report());
    for table in page.split("\n\n").filter(|block| block.starts_with('|')) {
        let columns: Vec<usize> = table.lines().map(|line| line.matches('|').count()).collect();
        assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{table}");
    }
}

#[test]
fn a_conformant_run_has_no_section_of_failures() {
    let page = Markdown.render(&conformant());
    assert!(page.starts_with("## ✅ Assay: conformant\n") && !page.contains("What failed"), "{page}");
}

#[test]
fn a_long_list_of_failures_is_cut_and_says_so() {
    let mut report = sample::report();
    report.checks = vec![report.checks[2].clone(); 150];
    report.conclude();
    assert!(Markdown.render(&report).contains("And 50 more"));
}

fn conformant() -> Report {
    let mut report = sample::report();
    report.checks.iter_mut().for_each(|check| check.verdict = Verdict::Pass);
    report.conclude();
    report
}

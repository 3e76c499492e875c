//! JUnit XML: what CI systems show beside a build. One suite per group, one case per check and packaging.
//!
//! JUnit knows fewer words than Assay. FAIL is a failure; ERROR and INCONCLUSIVE are errors, since a control that
//! failed must not look green; SKIPPED and UNSUPPORTED are skipped, each with its reason.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::format::Format;
use crate::model::{CheckResult, Report, Verdict};

/// `junit.xml`.
#[derive(Clone, Copy, Debug)]
pub struct Junit;

impl Format for Junit {
    fn name(&self) -> &'static str {
        "junit"
    }

    fn file_name(&self) -> &'static str {
        "junit.xml"
    }

    fn render(&self, report: &Report) -> String {
        let mut document = quick_junit::Report::new(format!("assay {}", report.target.url));
        document.set_time(Duration::from_millis(report.duration_ms));
        for group in groups(&report.checks) {
            document.add_test_suite(suite(report, group));
        }
        document.to_string().expect("text in memory is written without fail")
    }
}

/// Profile and group of every suite, in the order of their first checks.
fn groups(checks: &[CheckResult]) -> Vec<(&str, &str)> {
    let mut groups = Vec::new();
    for check in checks {
        let group = (check.profile.as_str(), check.group.as_str());
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

fn suite(report: &Report, group: (&str, &str)) -> TestSuite {
    let (profile, name) = group;
    let members: Vec<&CheckResult> =
        report.checks.iter().filter(|check| (check.profile.as_str(), check.group.as_str()) == group).collect();
    let mut suite = TestSuite::new(format!("{profile}.{name}"));
    suite.set_time(members.iter().map(|check| time(check.duration_ms)).sum());
    suite.add_properties([
        ("contract", report.contract.as_str()),
        ("suite.version", &report.suite.version),
        ("suite.digest", &report.suite.digest),
        ("started_at", &report.started_at),
        ("seed", &report.seed.to_string()),
        ("conclusion", report.conclusion.words()),
    ]);
    suite.add_test_cases(members.into_iter().map(|check| case(report, check)));
    suite
}

fn case(report: &Report, check: &CheckResult) -> TestCase {
    let mut case = TestCase::new(check.label(), status(check));
    case.set_classname(format!("{}.{}", check.profile, check.group));
    case.set_time(time(check.duration_ms));
    case.add_properties(check.requirements.iter().map(|id| ("requirement", id.as_str())));
    if check.verdict != Verdict::Pass {
        case.set_system_out(details(report, check));
    }
    case
}

fn status(check: &CheckResult) -> TestCaseStatus {
    let mut status = match check.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Inconclusive | Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Skipped | Verdict::Unsupported => TestCaseStatus::skipped(),
    };
    status.set_type(check.verdict.word());
    status.set_message(check.reason.as_deref().unwrap_or("no reason given"));
    status
}

/// What a reader of the CI page needs before opening the HTML report: the rules, the cases, the traffic.
fn details(report: &Report, check: &CheckResult) -> String {
    let mut lines = vec![check.title.clone()];
    for requirement in &report.requirements {
        if check.requirements.contains(&requirement.id) {
            let level = requirement.level.word();
            lines.push(format!("{level} {}: {} ({})", requirement.id, requirement.text, requirement.clause));
        }
    }
    for case in &check.cases {
        let reason = case.reason.as_deref().unwrap_or_default();
        lines.push(format!("case {} {}: {reason}", case.verdict, case.name));
    }
    for exchange in &check.exchanges {
        let answer = match (&exchange.response, &exchange.error) {
            (Some(response), _) => &response.start_line,
            (None, Some(error)) => error,
            (None, None) => "no response",
        };
        let request = &exchange.request.start_line;
        lines.push(format!("{}. {}: {request} -> {answer}", exchange.n, exchange.role.word()));
    }
    lines.join("\n")
}

/// A figure that is no duration counts as none: one broken clock must not lose the report.
fn time(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

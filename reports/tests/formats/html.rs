//! The page is one file that needs nothing else, and shows everything.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use assay_reports::{Format as _, html::Html};

use crate::sample;

/// What stands between two marks, the first time.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    page.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(inner, _)| inner).expect("both marks")
}

#[test]
fn names_no_outside_resource() {
    let page = Html.render(&sample::report());
    for mark in ["src=", "<link", "@import", " url(", "https://"] {
        assert!(!page.contains(mark), "{mark}");
    }
}

#[test]
fn its_policy_allows_exactly_its_own_script_and_style() {
    let page = Html.render(&sample::report());
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
    for (from, to) in [("<style>", "</style>"), ("<script>", "</script>")] {
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(between(&page, from, to)));
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
    }
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
}

#[test]
fn uses_no_style_attribute_which_the_policy_would_drop() {
    assert!(!Html.render(&sample::report()).contains(" style="));
}

#[test]
fn no_element_names_its_classes_twice_which_would_drop_the_second() {
    let page = Html.render(&sample::report());
    let tags = page.split('<').filter_map(|rest| rest.split_once('>'));
    let twice: Vec<_> = tags.filter(|(tag, _)| tag.matches(" class=\"").count() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn shows_every_check_once_by_anchor_and_once_under_each_requirement() {
    let page = Html.render(&sample::report());
    assert_eq!(page.matches("id=\"check-2\"").count(), 1);
    assert_eq!(page.matches("data-check=\"2\"").count(), 2);
}

#[test]
fn a_check_without_a_listed_requirement_is_not_lost() {
    let mut report = sample::report();
    report.requirements.clear();
    assert_eq!(Html.render(&report).matches("class=\"check\"").count(), report.checks.len());
}

#[test]
fn counters_are_filters() {
    let page = Html.render(&sample::report());
    assert_eq!(page.matches("aria-pressed=\"false\"").count(), 6);
}

#[test]
fn broken_clocks_do_not_break_the_page() {
    let mut report = sample::report();
    for (check, clock) in report.checks.iter_mut().zip([f64::NAN, f64::INFINITY, -1.0]) {
        check.started_ms = clock;
        check.lane = u32::MAX;
    }
    let page = Html.render(&report);
    assert!(!page.contains("NaN") && !page.contains("inf%"));
}

#[test]
fn two_thousand_checks_stay_a_page_that_opens() {
    let mut report = sample::report();
    let one = report.checks[2].clone();
    report.checks = vec![one; 2000];
    report.conclude();
    assert!(Html.render(&report).len() < 16 << 20);
}

//! How a check ends decides its verdict, and every planned check has one.

use std::collections::BTreeSet;
use std::time::Duration;

use assay_harness::progress::{Lines, Silent};
use assay_harness::{
    Check, Control, Cx, Degenerate, Filter, Need, Options, Progress, Stop, Verdict, checks, ensure, run,
};
use rand::Rng as _;

use crate::{only, plan, run_on_echo, session};

async fn passes(cx: Cx) -> Result<(), Stop> {
    cx.admin().post("/x").json(&"hello".into()).send().await?.expect(200)?;
    Ok(())
}

async fn fails(cx: Cx) -> Result<(), Stop> {
    cx.user().get("/missing").send().await?.expect(404)?;
    Ok(())
}

async fn panics(_: Cx) -> Result<(), Stop> {
    panic!("out of cheese")
}

async fn waits_forever(_: Cx) -> Result<(), Stop> {
    std::future::pending().await
}

async fn has_a_dead_control(cx: Cx) -> Result<(), Stop> {
    let twin = cx.admin().control().get("/twin").send().await?;
    twin.expect(201).control("the twin is accepted")?;
    Ok(())
}

async fn has_cases(cx: Cx) -> Result<(), Stop> {
    cx.case("good", async { Ok(()) }).await;
    for name in ["bad", "worse"] {
        cx.case(name, async {
            ensure!(name.is_empty(), "{name} is not empty");
            Ok(())
        })
        .await;
    }
    Ok(())
}

#[tokio::test]
async fn a_check_that_reaches_its_end_passes() {
    const CHECKS: &[Check] = checks![once("t.passes", "", &["T-1"], passes)];
    let result = only(CHECKS, &Options::default()).await;
    assert_eq!((result.verdict, result.reason, result.packaging), (Verdict::Pass, None, None));
}

#[tokio::test]
async fn a_wrong_status_fails_and_says_what_was_answered() {
    const CHECKS: &[Check] = checks![once("t.fails", "", &["T-1"], fails)];
    let result = only(CHECKS, &Options::default()).await;
    assert_eq!(result.verdict, Verdict::Fail);
    assert_eq!(result.reason.unwrap(), "GET /missing answered 200, expected 404");
}

#[tokio::test]
async fn a_panic_is_an_error_of_the_harness() {
    const CHECKS: &[Check] = checks![once("t.panics", "", &["T-1"], panics)];
    let result = only(CHECKS, &Options::default()).await;
    assert_eq!(result.verdict, Verdict::Error);
    assert_eq!(result.reason.unwrap(), "the check panicked: out of cheese");
}

#[tokio::test]
async fn a_check_that_misses_its_deadline_fails() {
    const CHECKS: &[Check] = checks![once("t.waits", "", &["T-1"], waits_forever)];
    let options = Options { deadline: Duration::from_millis(30), ..Options::default() };
    let result = only(CHECKS, &options).await;
    assert_eq!((result.verdict, result.reason.unwrap().as_str()), (Verdict::Fail, "no verdict within 0.03 s"));
}

#[tokio::test]
async fn a_control_that_fails_makes_the_check_inconclusive() {
    const CHECKS: &[Check] = checks![once("t.control", "", &["T-1"], has_a_dead_control)];
    let result = only(CHECKS, &Options::default()).await;
    assert_eq!(result.verdict, Verdict::Inconclusive);
    assert_eq!(
        result.reason.unwrap(),
        "the control failed: the twin is accepted: GET /twin answered 200, expected 201"
    );
}

#[tokio::test]
async fn the_worst_case_decides_and_the_others_still_run() {
    const CHECKS: &[Check] = checks![once("t.cases", "", &["T-1"], has_cases)];
    let result = only(CHECKS, &Options::default()).await;
    let verdicts: Vec<Verdict> = result.cases.iter().map(|case| case.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail, Verdict::Fail]);
    assert_eq!(result.verdict, Verdict::Fail);
    assert_eq!(result.reason.unwrap(), "case `bad`: bad is not empty (and 1 more of 3 cases)");
}

#[tokio::test]
async fn a_blunted_check_passes_whatever_it_saw() {
    const CHECKS: &[Check] = checks![
        once("t.fails", "", &["T-1"], fails),
        once("t.cases", "", &["T-1"], has_cases),
        once("t.sharp", "", &["T-1"], fails),
    ];
    let blunt = BTreeSet::from(["t.fails".to_owned(), "t.cases".to_owned()]);
    let result = run_on_echo(CHECKS, &Options { blunt, ..Options::default() }).await;
    let verdicts: Vec<Verdict> = result.checks.iter().map(|check| check.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass, Verdict::Fail]);
}

#[tokio::test]
async fn an_undeclared_feature_is_unsupported_and_a_declared_one_runs() {
    const CHECKS: &[Check] = checks![
        once("t.egress", "", &["T-1"], passes).needs(&[Need::Feature("egress")]),
        once("t.state", "", &["T-1"], passes).needs(&[Need::Feature("state")]),
    ];
    let result = run_on_echo(CHECKS, &Options::default()).await;
    assert_eq!(result.checks[0].verdict, Verdict::Unsupported);
    assert_eq!(result.checks[0].reason.as_deref(), Some("the feature `egress` is not declared"));
    assert_eq!(result.checks[1].verdict, Verdict::Pass);
}

#[tokio::test]
async fn a_check_that_kills_is_skipped_if_the_harness_did_not_launch_the_target() {
    const CHECKS: &[Check] = checks![once("t.kills", "", &["T-1"], passes).needs(&[Need::Launch])];
    let result = only(CHECKS, &Options::default()).await;
    assert_eq!(result.verdict, Verdict::Skipped);
    assert!(result.reason.unwrap().contains("--launch"));
}

#[tokio::test]
async fn a_check_for_each_packaging_runs_once_per_declared_abi() {
    const CHECKS: &[Check] = checks![each("t.each", "", &["T-1"], passes)];
    let result = run_on_echo(CHECKS, &Options::default()).await;
    let labels: Vec<String> = result.checks.iter().map(|check| check.label()).collect();
    assert_eq!(labels, ["t.each [core]", "t.each [component]"]);
}

const MIXED: &[Check] = checks![
    each("t.passes", "", &["T-1"], passes),
    once("t.fails", "", &["T-1"], fails),
    once("t.panics", "", &["T-2"], panics),
    each("t.control", "", &["T-2"], has_a_dead_control),
    once("t.egress", "", &["T-3"], passes).needs(&[Need::Feature("egress")]),
    once("t.kills", "", &["T-3"], passes).needs(&[Need::Launch]),
];

#[tokio::test]
async fn planned_is_the_sum_of_all_verdicts_whatever_the_number_of_jobs() {
    for jobs in [0, 1, 3, 100] {
        let totals = run_on_echo(MIXED, &Options { jobs, ..Options::default() }).await.totals;
        let sum: u32 = Verdict::ALL.into_iter().map(|verdict| totals.count(verdict)).sum();
        assert_eq!((totals.planned, sum), (8, 8));
        assert_eq!((totals.pass, totals.fail, totals.inconclusive), (2, 1, 2));
        assert_eq!((totals.unsupported, totals.skipped, totals.error), (1, 1, 1));
    }
}

#[tokio::test]
async fn results_come_in_the_order_of_the_plan() {
    let result = run_on_echo(MIXED, &Options::default()).await;
    let ids: Vec<&str> = result.checks.iter().map(|check| check.id.as_str()).collect();
    let expected = ["t.passes", "t.passes", "t.fails", "t.panics", "t.control", "t.control", "t.egress", "t.kills"];
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn fail_fast_skips_what_comes_after_the_first_failure() {
    let options = Options { jobs: 1, fail_fast: true, ..Options::default() };
    let result = run_on_echo(MIXED, &options).await;
    assert_eq!(result.totals.skipped, 5);
    assert_eq!(result.checks[3].reason.as_deref(), Some("not started after t.fails (--fail-fast)"));
}

#[tokio::test]
async fn an_interrupt_ends_what_runs_and_skips_the_rest() {
    const CHECKS: &[Check] = checks![
        once("t.passes", "", &["T-1"], passes),
        once("t.interrupts", "", &["T-1"], waits_forever),
        once("t.later", "", &["T-1"], passes),
    ];
    let options = Options { jobs: 1, ..Options::default() };
    let (_target, session) = session(Degenerate::Echo).await;
    // Thrown by the first verdict, so the second check may have started or not: it is skipped either way.
    let progress = ThrowsAfterOne(options.interrupt.clone());
    let result = run(&session, &plan(CHECKS), &options, &progress).await;
    assert!(result.interrupted);
    let seen: Vec<_> = result.checks.iter().map(|check| (check.verdict, check.reason.as_deref())).collect();
    let skipped = (Verdict::Skipped, Some("interrupted"));
    assert_eq!(seen, [(Verdict::Pass, None), skipped, skipped]);
}

struct ThrowsAfterOne(assay_harness::Interrupt);

impl Progress for ThrowsAfterOne {
    fn planned(&self, _: usize) {}
    fn judged(&self, _: &assay_harness::CheckResult) {
        self.0.throw();
    }
    fn finished(&self, _: &assay_harness::Totals) {}
}

#[tokio::test]
async fn an_interrupt_ends_a_check_that_already_runs() {
    async fn throws_and_waits(cx: Cx) -> Result<(), Stop> {
        cx.admin().get("/before").send().await?;
        INTERRUPT.get().unwrap().throw();
        std::future::pending().await
    }
    static INTERRUPT: std::sync::OnceLock<assay_harness::Interrupt> = std::sync::OnceLock::new();
    const CHECKS: &[Check] = checks![once("t.waits", "", &["T-1"], throws_and_waits)];
    let options = Options::default();
    INTERRUPT.set(options.interrupt.clone()).unwrap();
    let result = only(CHECKS, &options).await;
    assert_eq!((result.verdict, result.exchanges.len()), (Verdict::Skipped, 1));
}

#[tokio::test]
async fn a_filter_makes_the_plan_smaller_and_says_so() {
    let plan = plan(MIXED).filtered(&Filter::parse("t.pass*,T-3")).unwrap();
    let ids: Vec<&str> = plan.checks().map(|check| check.id).collect();
    assert_eq!((ids, plan.left_out()), (vec!["t.passes", "t.egress", "t.kills"], 3));
}

#[test]
fn a_filter_that_matches_nothing_lists_what_is_near() {
    let refused = plan(MIXED).filtered(&Filter::parse("t.pases")).unwrap_err();
    assert_eq!(refused.near.first().map(String::as_str), Some("t.passes"));
}

#[tokio::test]
async fn randomness_repeats_with_the_seed_and_names_with_the_nonce() {
    async fn shows(cx: Cx) -> Result<(), Stop> {
        Err(Stop::Fail(format!("{} {}", cx.rng().random::<u64>(), cx.namespace())))
    }
    const CHECKS: &[Check] = checks![each("t.shows", "", &["T-1"], shows)];
    let options = Options { seed: 7, nonce: "fixed".into(), ..Options::default() };
    let reasons = |result: assay_harness::RunResult| -> Vec<String> {
        result.checks.into_iter().map(|check| check.reason.unwrap()).collect()
    };
    let first = reasons(run_on_echo(CHECKS, &options).await);
    assert_eq!(first, reasons(run_on_echo(CHECKS, &options).await));
    assert_ne!(first[0], first[1]);
    let other = reasons(run_on_echo(CHECKS, &Options { seed: 8, nonce: "other".into(), ..options }).await);
    assert!(first.iter().all(|reason| !other.contains(reason)));
}

#[tokio::test]
async fn plain_progress_has_a_line_per_failure_and_one_per_tenth() {
    let (_target, session) = session(Degenerate::Echo).await;
    let mut log = Vec::new();
    run(&session, &plan(MIXED), &Options { jobs: 1, ..Options::default() }, &Lines::new(&mut log)).await;
    let text = String::from_utf8(log).unwrap();
    assert!(text.starts_with("8 checks\n"), "{text}");
    assert!(text.contains("FAIL t.fails: GET /missing answered 200, expected 404\n"), "{text}");
    assert!(text.contains("8/8 checks, 4 need attention\n"), "{text}");
    assert!(text.ends_with("2 pass, 1 fail, 2 inconclusive, 1 unsupported, 1 skipped, 1 error\n"), "{text}");
}

#[tokio::test]
async fn no_check_at_all_is_an_empty_result() {
    let (_target, session) = session(Degenerate::Echo).await;
    let result = run(&session, &plan(&[]), &Options::default(), &Silent).await;
    assert_eq!((result.checks.len(), result.totals.planned), (0, 0));
}

//! Every exchange is kept, whatever became of it, and no token is.

use std::time::Duration;

use assay_harness::{Check, CheckResult, Cx, Degenerate, Options, Role, Stop, Verdict, checks, run};
use assay_reports::{Body, Content};

use crate::{ADMIN, USER, only, plan, session};

fn text(body: &Body) -> &str {
    match &body.content {
        Content::Text(text) => text,
        other => panic!("expected text, got {other:?}"),
    }
}

async fn leaks(cx: Cx) -> Result<(), Stop> {
    let body = format!("{{\"token\":\"{ADMIN}\"}}").into_bytes();
    cx.admin().post("/x?token=the-user-token").header("x-copy", USER).body("text/plain", body).send().await?;
    cx.attach("dump.txt", "text/plain", format!("{USER} and {}", ADMIN.to_uppercase()));
    Err(Stop::Fail(format!("it knows {ADMIN}")))
}

#[tokio::test]
async fn no_token_reaches_the_report() {
    const CHECKS: &[Check] = checks![once("t.leaks", "", &[], leaks)];
    let result = only(CHECKS, &Options::default()).await;
    let exchange = &result.exchanges[0];
    let sent = |name: &str| exchange.request.headers.iter().find(|(known, _)| known == name).unwrap().1.as_str();
    assert_eq!(sent("authorization"), "Bearer <admin token>");
    assert_eq!(sent("x-copy"), "<user token>");
    assert_eq!(text(&exchange.response.as_ref().unwrap().body), "{\"token\":\"<admin token>\"}");
    assert_eq!(result.reason.as_deref(), Some("it knows <admin token>"));

    let report = serde_json::to_string(&result).unwrap().to_lowercase();
    assert!(!report.contains(ADMIN) && !report.contains(USER), "{report}");
}

#[tokio::test]
async fn size_and_digest_are_those_of_the_body_before_redaction() {
    const CHECKS: &[Check] = checks![once("t.leaks", "", &[], leaks)];
    let result = only(CHECKS, &Options::default()).await;
    let body = format!("{{\"token\":\"{ADMIN}\"}}");
    let whole = Body::capture(body.as_bytes(), 0);
    let kept = &result.exchanges[0].request.body;
    assert_eq!((kept.size, &kept.digest, kept.truncated), (body.len() as u64, &whole.digest, false));
}

async fn sends_much(cx: Cx) -> Result<(), Stop> {
    cx.anonymous().post("/x").body("text/plain", vec![b'x'; 100_000]).send().await?;
    Ok(())
}

async fn sends_much_and_fails(cx: Cx) -> Result<(), Stop> {
    sends_much(cx).await?;
    Err(Stop::Fail("no".into()))
}

#[tokio::test]
async fn a_pass_keeps_less_of_each_body_than_a_failure() {
    const CHECKS: &[Check] = checks![once("t.much", "", &[], sends_much)];
    const FAILING: &[Check] = checks![once("t.much", "", &[], sends_much_and_fails)];
    let kept = |result: CheckResult| {
        let body = result.exchanges[0].response.clone().unwrap().body;
        (text(&body).len(), body.size, body.truncated)
    };
    assert_eq!(kept(only(CHECKS, &Options::default()).await), (1024, 100_000, true));
    assert_eq!(kept(only(FAILING, &Options::default()).await), (8192, 100_000, true));
}

async fn plays_roles(cx: Cx) -> Result<(), Stop> {
    cx.admin().setup().get("/a").label("makes it ready").send().await?;
    cx.admin().control().get("/b").send().await?;
    cx.admin().get("/c").send().await?;
    cx.admin().as_role(Role::Cleanup).delete("/d").send().await?;
    Ok(())
}

#[tokio::test]
async fn exchanges_are_numbered_labelled_and_have_their_role() {
    const CHECKS: &[Check] = checks![once("t.roles", "", &[], plays_roles)];
    let result = only(CHECKS, &Options::default()).await;
    let seen: Vec<_> = result.exchanges.iter().map(|e| (e.n, e.role, e.label.as_str())).collect();
    let expected = [
        (1, Role::Setup, "makes it ready"),
        (2, Role::Control, "GET /b"),
        (3, Role::Subject, "GET /c"),
        (4, Role::Cleanup, "DELETE /d"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(result.exchanges[3].request.start_line, "DELETE /d HTTP/1.1");
    assert_eq!(result.exchanges[3].response.as_ref().unwrap().start_line, "HTTP/1.1 200 OK");
}

async fn asks(cx: Cx) -> Result<(), Stop> {
    cx.admin().get("/x").send().await?;
    Ok(())
}

async fn asks_three_times(cx: Cx) -> Result<(), Stop> {
    for (path, leave_out) in [("/first", false), ("/second", true), ("/third", false)] {
        cx.anonymous().get(path).send().await?;
        if leave_out {
            cx.leave_out_earlier();
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_a_check_leaves_out_is_all_before_and_nothing_after() {
    const CHECKS: &[Check] = checks![once("t.asks-three-times", "", &[], asks_three_times)];
    let result = only(CHECKS, &Options::default()).await;
    let kept: Vec<(u32, &str)> =
        result.exchanges.iter().map(|exchange| (exchange.n, exchange.label.as_str())).collect();
    assert_eq!(kept, [(3, "GET /third")]);
}

const ASKS: &[Check] = checks![once("t.asks", "", &[], asks)];

#[tokio::test]
async fn a_request_that_is_never_answered_fails_within_the_request_timeout() {
    let (_target, session) = session(Degenerate::Hang).await;
    let options = Options { request_timeout: Duration::from_millis(40), ..Options::default() };
    let result = run(&session, &plan(ASKS), &options, &assay_harness::progress::Silent).await;
    assert_eq!(result.checks[0].verdict, Verdict::Fail);
    assert_eq!(result.checks[0].reason.as_deref(), Some("GET /x got no complete answer within 0.04 s"));
    assert_eq!(result.checks[0].exchanges[0].error.as_deref(), Some("no complete answer within 0.04 s"));
}

#[tokio::test]
async fn a_connection_that_is_reset_fails() {
    let (_target, session) = session(Degenerate::Reset).await;
    let result = run(&session, &plan(ASKS), &Options::default(), &assay_harness::progress::Silent).await;
    assert_eq!(result.checks[0].verdict, Verdict::Fail);
    let reason = result.checks[0].reason.clone().unwrap();
    assert!(reason.starts_with("GET /x got no answer: "), "{reason}");
}

#[tokio::test]
async fn a_check_that_misses_its_deadline_leaves_the_exchange_that_hung() {
    let (_target, session) = session(Degenerate::Hang).await;
    let options = Options { deadline: Duration::from_millis(40), ..Options::default() };
    let result = run(&session, &plan(ASKS), &options, &assay_harness::progress::Silent).await;
    assert_eq!(result.checks[0].exchanges.len(), 1);
    assert!(result.checks[0].exchanges[0].error.is_some());
}

async fn says_too_much(cx: Cx) -> Result<(), Stop> {
    let body = vec![0; assay_harness::MAX_BODY_BYTES + 1];
    cx.anonymous().post("/x").body("application/octet-stream", body).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_body_above_the_bound_fails() {
    const CHECKS: &[Check] = checks![once("t.much", "", &[], says_too_much)];
    let result = only(CHECKS, &Options::default()).await;
    assert_eq!(result.reason.as_deref(), Some("POST /x answered 200 and the body is larger than 16 MiB"));
}

async fn sends_nonsense(cx: Cx) -> Result<(), Stop> {
    cx.anonymous().get("/x").header("bad header", "x").send().await?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_sent_is_an_error_of_the_suite() {
    const CHECKS: &[Check] = checks![once("t.nonsense", "", &[], sends_nonsense)];
    assert_eq!(only(CHECKS, &Options::default()).await.verdict, Verdict::Error);
}

async fn judges_a_crowd(cx: Cx) -> Result<(), Stop> {
    for right in [true, false, true] {
        let judge = |_: &assay_harness::Reply| if right { Ok(()) } else { Err(Stop::Fail("wrong".into())) };
        cx.case(format!("{right}"), cx.anonymous().get(format!("/{right}")).send_and_judge(judge)).await;
    }
    Ok(())
}

#[tokio::test]
async fn of_a_crowd_only_the_wrong_answers_are_evidence() {
    const CHECKS: &[Check] = checks![once("t.crowd", "", &[], judges_a_crowd)];
    let result = only(CHECKS, &Options::default()).await;
    assert_eq!(result.verdict, Verdict::Fail);
    let kept: Vec<&str> = result.exchanges.iter().map(|exchange| exchange.label.as_str()).collect();
    assert_eq!(kept, ["GET /false"]);
    assert!(result.exchanges[0].response.is_some());
}

//! What a hostile host can send over HTTP/2.

use std::time::Duration;

use assay_fixtures::exchange::{Request, Then};
use assay_harness::observatory::{Frame, Gate, Host, Reply};
use assay_harness::{Control as _, Cx, Stop, ensure};
use futures_util::future::join_all;
use serde_json::json;

use super::{last, over_http2, pair, right};
use crate::outside::{Outside, Sender, case, expect, nonce, response, told};

/// Error codes of RFC 9113, 7.
const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
/// The limit of an exchange that runs out, in milliseconds.
const LIMIT: u64 = 1500;
/// The same where the host sends all the while as fast as it can.
const FLOODED: u64 = 300;
/// How long giving up may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// Each reply is `failed`, its request is sent once, and the next one finds the right answer.
async fn failed(cx: &Cx, host: &Host, sender: &Sender, replies: Vec<(&str, Reply)>) {
    for (what, reply) in replies {
        let judged = async {
            let before = host.requests().len();
            host.replies(vec![reply, right(host)]);
            let requests = ["/broken", "/next"].map(|target| Request::post(host.url(target), "pay"));
            let answers = sender.send_all(&requests).await?;
            last(host)?;
            expect(&answers[0], "failed")?;
            nonce(&answers[1], host).map_err(|stop| told(stop, "the next request"))?;
            let seen: Vec<String> = host.requests().split_off(before).into_iter().map(|seen| seen.target).collect();
            ensure!(seen == ["/broken", "/next"], "the host saw {seen:?}, expected each request once");
            Ok(())
        };
        cx.case(what, judged).await;
    }
}

/// A response of these headers and two bytes, in frames.
fn framed(headers: &[(&str, &str)]) -> Reply {
    Reply::frames(vec![Frame::headers(headers), Frame::data("ok").ends()])
}

pub(super) async fn malformed(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = pair(&cx).await?;
    // The twin of all that follows: frames that are right.
    host.reply_with(framed(&[(":status", "200"), ("content-length", "2"), ("x-a", "1")]));
    let answer = sender.send(Request::get(host.url("/right"))).await?;
    let twin = response(&answer).map(|found| found.carries(b"ok"));
    ensure!(matches!(twin, Ok(true)), "a response in frames that are right is not handed on");
    let with = |name: &str, value: &str| framed(&[(":status", "200"), (name, value)]);
    let pushed = vec![
        Frame::push_promise(host.name()),
        Frame::headers(&[(":status", "200"), ("content-length", "2")]),
        Frame::data("ok").ends(),
    ];
    let replies = vec![
        ("connection", with("connection", "close")),
        ("keep-alive", with("keep-alive", "timeout=5")),
        ("proxy-connection", with("proxy-connection", "close")),
        ("transfer-encoding", with("transfer-encoding", "chunked")),
        ("upgrade", with("upgrade", "h2c")),
        ("an upper-case letter in a name", with("X-Upper", "1")),
        ("no status", framed(&[("x-a", "1")])),
        ("a status of letters", framed(&[(":status", "abc")])),
        ("a status behind a header", framed(&[("x-a", "1"), (":status", "200")])),
        ("two statuses", framed(&[(":status", "200"), (":status", "200")])),
        ("a line break in a value", with("x-a", "1\r\nx-b: 2")),
        ("a length above the body", with("content-length", "3")),
        ("a length below the body", with("content-length", "1")),
        ("a length of letters", with("content-length", "two")),
        ("two lengths", framed(&[(":status", "200"), ("content-length", "2"), ("content-length", "3")])),
        ("a body before its head", Reply::frames(vec![Frame::data("ok").ends()])),
        ("a compression that is none", Reply::frames(vec![Frame::of_kind(1, 5, vec![0xff; 12])])),
        ("a pushed response", Reply::frames(pushed)),
    ];
    failed(&cx, &host, &sender, replies).await;
    Ok(())
}

pub(super) async fn broken(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = pair(&cx).await?;
    let half = || Reply::ok("1234567890").framed_as_written();
    let replies = vec![
        ("reset before the head", Reply::frames(vec![Frame::reset(INTERNAL_ERROR)])),
        ("refused", Reply::frames(vec![Frame::reset(REFUSED_STREAM)])),
        ("reset after the head", Reply::ok("").framed_as_written().then_reset(INTERNAL_ERROR)),
        ("reset in the body", half().then_reset(INTERNAL_ERROR)),
        ("reset in the body without an error", half().then_reset(NO_ERROR)),
        ("reset in the body with a length", Reply::ok("1234567890").header("x-a", "1").then_reset(INTERNAL_ERROR)),
        ("GOAWAY", Reply::frames(vec![Frame::go_away()])),
        ("closed before the head", Reply::ok("12345").cut_at(0)),
        ("closed in the body", Reply::ok("1234567890").cut_short(3)),
    ];
    failed(&cx, &host, &sender, replies).await;
    Ok(())
}

/// A host, a handler whose exchanges may take so many milliseconds, and one whose may take longer.
async fn limited(cx: &Cx, limit: u64) -> Result<(Outside, Host, [Sender; 2]), Stop> {
    let (outside, host, _) = pair(cx).await?;
    let sender = outside.limited("limited", &[host.rule()], json!({"timeout_ms": limit})).await?;
    let generous = outside.limited("generous", &[host.rule()], json!({"timeout_ms": 5000})).await?;
    generous.reaches(&host).await?;
    Ok((outside, host, [sender, generous]))
}

/// Judges that an exchange ends in one of these ways, and that its request is given up.
async fn ends(host: &Host, sender: &Sender, target: &str, ways: &[&str]) -> Result<(), Stop> {
    let answer = sender.send(Request::get(host.url(target))).await?;
    let (found, ways) = (case(&answer), ways.join("` or `"));
    ensure!(ways.contains(found), "came to `{found}`, expected `{ways}`");
    let seen = host.requests().into_iter().rfind(|seen| seen.target == target);
    host.given_up_within(&over_http2(seen)?, PATIENCE).await
}

pub(super) async fn floods(cx: Cx) -> Result<(), Stop> {
    let (_, host, [sender, generous]) = limited(&cx, FLOODED).await?;
    let head = || Frame::headers(&[(":status", "200")]);
    // Enough at once that sending is no work for the host.
    let flood = |frame: Frame| Reply::frames_without_end(vec![frame; 512]);
    let filler = "c".repeat(200);
    for (what, reply) in [
        ("PING", flood(Frame::ping())),
        ("SETTINGS", flood(Frame::settings())),
        ("WINDOW_UPDATE", flood(Frame::window_update(1))),
        ("1xx", flood(Frame::headers(&[(":status", "103"), ("x-a", "1")]))),
        ("DATA without a byte", flood(Frame::data("")).preceded_by(vec![head()])),
        ("DATA beyond the window", flood(Frame::data("d".repeat(1000))).preceded_by(vec![head()])),
        ("CONTINUATION", flood(Frame::continuation(&[("x-a", &filler)])).preceded_by(vec![head().unfinished()])),
        ("an unknown kind", flood(Frame::of_kind(0xfe, 0, *b"unknown"))),
    ] {
        host.reply_at("/flood", reply);
        let judged = async {
            ends(&host, &sender, "/flood", &["timed-out", "failed"]).await?;
            generous.reaches(&host).await
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

pub(super) async fn time(cx: Cx) -> Result<(), Stop> {
    let (outside, host, [sender, generous]) = limited(&cx, LIMIT).await?;
    let slow = Reply::ok("in time").after(Duration::from_millis(LIMIT + 100)).slow_body(2, Duration::from_millis(20));
    host.reply_at("/in-time", slow);
    let in_time = async {
        let answer = generous.send(Request::get(host.url("/in-time"))).await?;
        response(&answer).map(drop)
    };
    let (gate, pause) = (Gate::new(), Duration::from_millis(50));
    let replies = [
        ("no head", Reply::silence()),
        ("a head byte by byte", Reply::ok("x").header("x-long", &"a".repeat(1000)).slow_head(1, pause)),
        ("no body", Reply::ok("body").body_held(&gate)),
        ("a body byte by byte", Reply::ok("b".repeat(1000)).slow_body(1, pause)),
        ("a body without end", Reply::endless_trickle(pause)),
    ];
    // Side by side: each waits until its time is over.
    let judged = replies.into_iter().enumerate().map(|(number, (what, reply))| {
        let (cx, host, sender, target) = (&cx, &host, &sender, format!("/slow/{number}"));
        host.reply_at(&target, reply);
        async move { cx.case(what, ends(host, sender, &target, &["timed-out"])).await }
    });
    let (in_time, _) = tokio::join!(in_time, join_all(judged));
    in_time.control("a slow answer in time is handed on")?;
    let recipe = outside.recipe("hasty", &[host.rule()]).limit("timeout_ms", 1000);
    let hasty = outside.install(&recipe).await?;
    let replies = [("no head", Reply::ok("x").held(&gate)), ("no body", Reply::ok("x").body_held(&gate))];
    join_all(replies.into_iter().enumerate().map(async |(number, (what, reply))| {
        let target = format!("/held/{number}");
        host.reply_at(&target, reply);
        let judged = async {
            hasty.run(&[Request::get(host.url(&target))], Then::Answer).await?.expect("timeout")?;
            let seen = host.requests().into_iter().find(|seen| seen.target == target);
            host.given_up_within(&over_http2(seen)?, PATIENCE).await
        };
        cx.case(format!("the execution ends first: {what}"), judged).await;
    }))
    .await;
    gate.open();
    sender.reaches(&host).await
}

//! How long an exchange may take (egress.md 7.6), and what an execution that waits is charged (sandbox.md 8.1).

use std::time::Duration;

use assay_fixtures::exchange::{Request, Then};
use assay_harness::observatory::{DnsAnswer, Gate, Host, Reply, Tls};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use futures_util::future::join_all;
use serde_json::json;

use crate::outside::{NEEDS, Outside, Sender, answers, expect, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "time",
    checks: checks![
        each("egress.time.connecting", "the limit holds before a connection is there", &["EGR-HTT-007"], connecting)
            .needs(NEEDS)
            .waits(),
        each(
            "egress.time.resolving",
            "a slow resolver is waited for, and its time counts",
            &["EGR-HTT-007", "EGR-HTT-017"],
            resolving
        )
        .needs(NEEDS)
        .waits(),
        each("egress.time.head", "and for the head of a response", &["EGR-HTT-007"], head).needs(NEEDS).waits(),
        each("egress.time.body", "and for its body, however slowly bytes come", &["EGR-HTT-007"], body)
            .needs(NEEDS)
            .waits(),
        each("egress.time.execution", "an execution that is over gives its exchange up", &["EGR-HTT-008"], execution)
            .needs(NEEDS)
            .waits(),
        each("egress.time.limit", "it is the handler's, neither less nor more", &["EGR-HTT-007"], limit)
            .needs(NEEDS)
            .waits(),
        each("egress.time.turn", "and begins when the turn has come", &["EGR-HTT-007"], turn).needs(NEEDS).waits(),
        each("egress.time.charged", "to wait costs no processor", &["EGR-ABI-003"], charged).needs(NEEDS).waits(),
    ],
};

/// The limit of an exchange here, in milliseconds.
const LIMIT: u64 = 700;

/// A host and a handler whose exchanges may take [`LIMIT`]; a slow answer that keeps to it is handed on.
async fn limited(cx: &Cx) -> Result<(Outside, Host, Sender), Stop> {
    let outside = Outside::new(cx).await?;
    let host = outside.host("api")?;
    let generous = outside.limited("generous", &[host.rule()], json!({"timeout_ms": 5000})).await?;
    let sender = outside.limited("sender", &[host.rule()], json!({"timeout_ms": LIMIT})).await?;
    let slow = Reply::ok("in time").after(Duration::from_millis(LIMIT + 100)).slow_body(2, Duration::from_millis(20));
    host.reply_at("/in-time", slow);
    let answer = generous.send(Request::get(host.url("/in-time"))).await?;
    crate::outside::response(&answer).control("a slow answer in time is handed on")?;
    sender.reaches(&host).await?;
    Ok((outside, host, sender))
}

async fn timed_out(sender: &Sender, url: String) -> Result<(), Stop> {
    expect(&sender.send(Request::get(url)).await?, "timed-out")
}

/// Judges each of these replies in an exchange of its own, and all of them at once: each waits until its time is over.
async fn side_by_side<J: Future<Output = Result<(), Stop>>>(
    cx: &Cx,
    host: &Host,
    replies: impl IntoIterator<Item = (&'static str, Reply)>,
    judged: impl Fn(String) -> J,
) {
    let cases = replies.into_iter().enumerate().map(|(number, (what, reply))| {
        let target = format!("/slow/{number}");
        host.reply_at(&target, reply);
        cx.case(what, judged(target))
    });
    join_all(cases).await;
}

async fn connecting(cx: Cx) -> Result<(), Stop> {
    let (outside, _, _) = limited(&cx).await?;
    let hosts = ["resolver", "connection", "handshake"].map(|label| outside.host(label));
    let [resolver, connection, handshake] = hosts;
    let (resolver, connection, handshake) = (resolver?, connection?, handshake?);
    resolver.resolves_to(vec![DnsAnswer::Silence]);
    connection.resolves_to(vec![DnsAnswer::one(outside.watch().silent_address().await?)]);
    handshake.certificate(Tls::Silent);
    let rules = [&resolver, &connection, &handshake].map(Host::rule);
    let sender = outside.limited("all", &rules, json!({"timeout_ms": LIMIT})).await?;
    let cases = [("resolving", &resolver), ("connecting", &connection), ("the handshake", &handshake)];
    join_all(cases.map(|(what, host)| cx.case(what, timed_out(&sender, host.url("/"))))).await;
    Ok(())
}

/// An answer comes after so long, and so does a response; both together take longer than an exchange may.
const LATE: Duration = Duration::from_millis(1800);
const BOTH: u64 = 3000;
/// Longer than those wait for a resolver who have a limit of seconds for it, and shorter than any exchange may take.
const SECONDS: Duration = Duration::from_millis(3500);
const LONG: u64 = 5000;

async fn resolving(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let hosts = ["slow-name", "slow-host", "both", "late", "seconds"].map(|label| outside.host(label));
    let [name, answer, both, late, seconds] = hosts;
    let (name, answer, both, late, seconds) = (name?, answer?, both?, late?, seconds?);
    let after = |host: &Host, delay| {
        host.resolves_to(vec![DnsAnswer::After(delay, Box::new(DnsAnswer::one(host.address())))]);
    };
    after(&name, LATE);
    after(&both, LATE);
    after(&late, Duration::from_millis(BOTH) * 2);
    after(&seconds, SECONDS);
    for host in [&answer, &both] {
        host.reply_with(Reply::json(&json!({ "nonce": host.nonce() })).after(LATE));
    }
    let rules = [&name, &answer, &both, &late].map(Host::rule);
    let limited = async |label: &str| outside.limited(label, &rules, json!({"timeout_ms": BOTH})).await;
    // Each in an execution of a handler of its own: none waits for another one.
    let senders = [limited("one").await?, limited("two").await?, limited("three").await?, limited("four").await?];
    let send = async |number: usize, host: &Host| senders[number].send(Request::get(host.url("/"))).await;
    let patient = outside.limited("patient", &[seconds.rule()], json!({"timeout_ms": LONG})).await?;
    let (named, answered, twice_late, too_late, after_seconds) = tokio::join!(
        send(0, &name),
        send(1, &answer),
        send(2, &both),
        send(3, &late),
        patient.send(Request::get(seconds.url("/")))
    );
    cx.case("a late answer of the resolver", async { nonce(&named?, &name) }).await;
    cx.case("one that takes seconds", async { nonce(&after_seconds?, &seconds) }).await;
    cx.case("a late answer of the host", async { nonce(&answered?, &answer) }).await;
    let judged = async {
        expect(&twice_late?, "timed-out")?;
        // What was resolved in time was also connected to, so that it is the response that came too late.
        ensure!(!both.requests().is_empty(), "{} saw no request, though its name was resolved in time", both.name());
        Ok(())
    };
    cx.case("both of them", judged).await;
    let judged = async {
        expect(&too_late?, "timed-out")?;
        ensure!(!late.was_reached(), "{} was connected to after the time of its exchange", late.name());
        Ok(())
    };
    cx.case("one that comes when the time is over", judged).await;
    Ok(())
}

async fn head(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = limited(&cx).await?;
    let replies = [
        ("no head", Reply::silence()),
        ("byte by byte", Reply::ok("x").header("x-long", &"a".repeat(1000)).slow_head(1, Duration::from_millis(50))),
        (
            "1xx without end",
            (0..100).fold(Reply::ok("x").after(Duration::from_secs(30)), |reply, _| reply.informed(103, &[])),
        ),
    ];
    side_by_side(&cx, &host, replies, |target| timed_out(&sender, host.url(&target))).await;
    Ok(())
}

async fn body(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = limited(&cx).await?;
    let gate = Gate::new();
    let replies = [
        ("no body", Reply::ok("body").body_held(&gate)),
        ("byte by byte", Reply::ok("b".repeat(1000)).slow_body(1, Duration::from_millis(50))),
        ("without end", Reply::endless_trickle(Duration::from_millis(50))),
    ];
    let judged = async |target: String| {
        timed_out(&sender, host.url(&target)).await?;
        let seen = host.requests().into_iter().find(|seen| seen.target == target);
        host.closed(seen.map(|seen| seen.connection).unwrap_or_default()).await.map(drop)
    };
    side_by_side(&cx, &host, replies, judged).await;
    gate.open();
    Ok(())
}

async fn execution(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = outside.install(&outside.recipe("sender", &[host.rule()]).limit("timeout_ms", 1000)).await?;
    sender.reaches(&host).await?;
    let gate = Gate::new();
    for (number, (what, reply)) in
        [("no head", Reply::ok("x").held(&gate)), ("no body", Reply::ok("x").body_held(&gate))].into_iter().enumerate()
    {
        host.reply_at("/held", reply);
        let judged = async {
            let execution = sender.run(&[Request::get(host.url("/held"))], Then::Answer).await?;
            execution.expect("timeout")?;
            let seen = host.request_number(number + 2).await?;
            let closed = host.closed_within(seen.connection, Duration::from_secs(4)).await?;
            ensure!(closed.by_client, "the connection was not closed by the runtime");
            Ok(())
        };
        cx.case(what, judged).await;
    }
    gate.open();
    sender.reaches(&host).await
}

async fn charged(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    host.reply_at("/slow", Reply::ok("x").after(Duration::from_secs(2)));
    let execution = sender.run(&[Request::get(host.url("/slow")), Request::get(host.url("/"))], Then::Answer).await?;
    nonce(&answers(&execution, 2)?[1], &host)?;
    let charged = execution.body["usage"]["cpu_us"].as_u64().unwrap_or(u64::MAX);
    ensure!(charged < 1_000_000, "an execution that waited for 2 s was charged {charged} us");
    Ok(())
}

async fn limit(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let recipe = outside
        .recipe("sender", &[host.rule()])
        .limit("timeout_ms", 8000)
        .set("/limits/egress", json!({"timeout_ms": 2000}));
    let sender = outside.install(&recipe).await?;
    sender.reaches(&host).await?;
    for (target, after) in [("/in-time", 1200), ("/late", 5000)] {
        let right = Reply::json(&json!({ "nonce": host.nonce() }));
        host.reply_at(target, right.after(Duration::from_millis(after)));
    }
    let (in_time, late) =
        tokio::join!(sender.send(Request::get(host.url("/in-time"))), sender.send(Request::get(host.url("/late"))));
    cx.case("an answer in time", async { nonce(&in_time?, &host) }).await;
    cx.case("an answer that comes later", async { expect(&late?, "timed-out") }).await;
    Ok(())
}

async fn turn(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    // An exchange every 3 s, each of which may take half of that.
    let limits = json!({"requests_per_minute": 20, "queue": 1, "timeout_ms": 1500});
    let sender = outside.limited("sender", &[host.rule()], limits).await?;
    let requests = ["/first", "/waited"].map(|path| Request::get(host.url(path)));
    let answers = sender.send_all(&requests).await?;
    nonce(&answers[0], &host).control("the first is answered")?;
    nonce(&answers[1], &host)
}

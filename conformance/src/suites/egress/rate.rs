//! How fast exchanges of one handler start (egress.md 5.1 to 5.3 and 5.6). Only the least time is judged: from the moment at
//! which the check asked, which is before the first exchange started, to the moment at which a host saw a request, which is after
//! its exchange started.

use std::time::{Duration, Instant};

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{Host, Reply};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::json;

use crate::outside::{NEEDS, Outside, expect, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "rate",
    checks: checks![
        each("egress.rate.distance", "exchanges start one after another", &["EGR-RAT-003"], distance).needs(NEEDS),
        each("egress.rate.executions", "all executions of a handler together", &["EGR-RAT-001"], executions)
            .needs(NEEDS),
        each("egress.rate.neighbours", "and no two handlers together", &["EGR-RAT-002"], neighbours).needs(NEEDS),
        each("egress.rate.response-bytes", "bytes of a response are paid for", &["EGR-RAT-004"], response_bytes)
            .needs(NEEDS),
        each("egress.rate.request-bytes", "bytes of a request are paid for", &["EGR-RAT-004"], request_bytes)
            .needs(NEEDS),
        each("egress.rate.large-body", "a body that could never be sent is refused", &["EGR-RAT-005"], large_body)
            .needs(NEEDS),
        each("egress.rate.refused", "what is refused before counts nothing", &["EGR-RAT-009"], refused).needs(NEEDS),
    ],
};

/// What a clock's resolution may take off each distance (egress.md 5.2).
const RESOLUTION: Duration = Duration::from_millis(5);

/// Exchanges that a check starts, and the rate at which: ten in a second.
const EXCHANGES: u32 = 6;
const PER_MINUTE: u64 = 600;
const DISTANCE: Duration = Duration::from_millis(100);

/// Judges that so many exchanges after `asked` did not start sooner than they may.
fn paced(host: &Host, asked: Instant, distances: u32, distance: Duration) -> Result<(), Stop> {
    let last = host.requests().pop().map(|seen| seen.at);
    let took = last.map(|last| last.saturating_duration_since(asked)).unwrap_or_default();
    let least = (distance - RESOLUTION) * distances;
    ensure!(
        took >= least,
        "{} exchanges came within {} ms, expected at least {} ms",
        distances + 1,
        took.as_millis(),
        least.as_millis()
    );
    Ok(())
}

async fn distance(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": PER_MINUTE})).await?;
    let requests: Vec<Request> = (0..EXCHANGES).map(|_| Request::get(host.url("/"))).collect();
    let asked = Instant::now();
    for answer in sender.send_all(&requests).await? {
        nonce(&answer, &host)?;
    }
    paced(&host, asked, EXCHANGES - 1, DISTANCE)
}

async fn executions(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": PER_MINUTE})).await?;
    let asked = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..EXCHANGES {
        let (sender, url) = (sender.clone(), host.url("/"));
        running.spawn(async move { sender.send(Request::get(url)).await });
    }
    while let Some(ended) = running.join_next().await {
        nonce(&ended.map_err(|fault| Stop::Error(fault.to_string()))??, &host)?;
    }
    paced(&host, asked, EXCHANGES - 1, DISTANCE)
}

async fn neighbours(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let once_a_minute = json!({"requests_per_minute": 1, "queue": 0});
    let one = outside.limited("one", &[host.rule()], once_a_minute.clone()).await?;
    let other = outside.limited("other", &[host.rule()], once_a_minute).await?;
    let get = || Request::get(host.url("/"));
    // The first of each is judged: whoever else sends meanwhile must not have used its rate.
    let answers = one.send_all(&[get(), get()]).await?;
    nonce(&answers[0], &host)?;
    expect(&answers[1], "rate-limited").control("one handler has used up its rate")?;
    nonce(&other.send(get()).await?, &host)
}

/// A tenth of a megabyte in a second, and a body that takes 400 ms of that.
const BYTES_PER_MINUTE: u64 = 6_000_000;
const BODY: usize = 40_000;
const PAID: Duration = Duration::from_millis(400);

/// The second of these starts so long after the first was seen, since its end is later still.
async fn paid(cx: &Cx, first: impl Fn(&Host) -> Request) -> Result<(), Stop> {
    let outside = Outside::new(cx).await?;
    let host = outside.host("api")?;
    host.reply_at("/large", Reply::sized(BODY));
    let sender = outside.limited("sender", &[host.rule()], json!({"bytes_per_minute": BYTES_PER_MINUTE})).await?;
    let answers = sender.send_all(&[first(&host), Request::get(host.url("/"))]).await?;
    crate::outside::response(&answers[0]).control("the first is answered")?;
    nonce(&answers[1], &host)?;
    let first = host.requests().first().map(|seen| seen.at);
    let first = first.ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
    paced(&host, first, 1, PAID)
}

async fn response_bytes(cx: Cx) -> Result<(), Stop> {
    paid(&cx, |host| Request::get(host.url("/large"))).await
}

async fn request_bytes(cx: Cx) -> Result<(), Stop> {
    paid(&cx, |host| Request::post(host.url("/"), vec![b'x'; BODY])).await
}

async fn large_body(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = outside.limited("sender", &[host.rule()], json!({"bytes_per_minute": 10_000})).await?;
    let with = |bytes: usize| Request::post(host.url("/"), vec![b'x'; bytes]);
    expect(&sender.send(with(10_001)).await?, "rate-limited")?;
    // The body that fits comes last: what follows it would wait for a minute.
    nonce(&sender.send(with(10_000)).await?, &host).control("the body that fits is sent")?;
    let seen = host.requests().len();
    ensure!(seen == 1, "{seen} requests arrived, expected that with the smaller body");
    Ok(())
}

async fn refused(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, other) = (outside.host("api")?, outside.host("other")?);
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": 1, "queue": 0})).await?;
    let requests = [
        Request::get(other.url("/")),
        Request::new("TRACE", host.url("/")),
        Request::get("no url"),
        Request::get(host.url("/")).header("x", "a\r\nb"),
        Request::get(host.url("/")),
        Request::get(other.url("/")),
        Request::get(host.url("/")),
    ];
    let answers = sender.send_all(&requests).await?;
    let cases =
        ["denied", "invalid-request", "invalid-request", "invalid-request", "answered", "denied", "rate-limited"];
    for (number, (answer, case)) in answers.iter().zip(cases).enumerate() {
        cx.case(format!("request {number}"), async { expect(answer, case) }).await;
    }
    Ok(())
}

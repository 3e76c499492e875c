//! How fast exchanges of one handler start (egress.md 5.1 to 5.3 and 5.6). Only the least time is judged: from a moment before
//! which none of them can have been asked for, to the moment at which a host saw a request, which is after its exchange started.

use std::time::{Duration, Instant};

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{DnsAnswer, Gate, Host, Reply, Seen};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::json;

use crate::outside::{NEEDS, Outside, Sender, expect, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "rate",
    checks: checks![
        each("egress.rate.distance", "exchanges start one after another", &["EGR-RAT-003"], distance).needs(NEEDS),
        each("egress.rate.executions", "all executions of a handler together", &["EGR-RAT-001"], executions)
            .needs(NEEDS),
        each("egress.rate.failures", "an exchange that fails has started, too", &["EGR-RAT-003"], failures)
            .needs(NEEDS),
        each("egress.rate.neighbours", "and no two handlers together", &["EGR-RAT-002"], neighbours).needs(NEEDS),
        each(
            "egress.rate.response-bytes",
            "bytes of a response are paid for",
            &["EGR-RAT-001", "EGR-RAT-004"],
            response_bytes
        )
        .needs(NEEDS),
        each("egress.rate.request-bytes", "bytes of a request are paid for", &["EGR-RAT-004"], request_bytes)
            .needs(NEEDS),
        each("egress.rate.both-directions", "and those of both together", &["EGR-RAT-004"], both_directions)
            .needs(NEEDS),
        each("egress.rate.bytes-from-the-end", "from the exchange's end on", &["EGR-RAT-004"], from_the_end)
            .needs(NEEDS),
        each("egress.rate.overlap", "and those of exchanges that overlap add up", &["EGR-RAT-011"], overlap)
            .needs(NEEDS),
        each("egress.rate.large-body", "a body that could never be sent is refused", &["EGR-RAT-005"], large_body)
            .needs(NEEDS),
        each("egress.rate.refused", "what is refused before counts nothing", &["EGR-RAT-009"], refused).needs(NEEDS),
    ],
};

/// What a clock's resolution may take off each distance (egress.md 5.2).
const RESOLUTION: Duration = Duration::from_millis(5);

/// The rate here, and what lies between two starts.
const PER_MINUTE: u64 = 400;
const DISTANCE: Duration = Duration::from_millis(150);

/// Judges exchanges of which none was asked for before `from`: each came after as many distances as there were exchanges before it.
fn paced<'a>(seen: impl IntoIterator<Item = &'a Seen>, from: Instant, distance: Duration) -> Result<(), Stop> {
    let mut arrivals: Vec<Instant> = seen.into_iter().map(|seen| seen.at).collect();
    arrivals.sort();
    for (before, arrival) in (0..).zip(arrivals) {
        let (took, least) = (arrival.saturating_duration_since(from), (distance - RESOLUTION) * before);
        ensure!(
            took >= least,
            "{} exchanges came within {} ms, expected at least {} ms",
            before + 1,
            took.as_millis(),
            least.as_millis()
        );
    }
    Ok(())
}

async fn distance(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": PER_MINUTE})).await?;
    let gate = Gate::new();
    host.reply_at("/held", Reply::json(&json!({ "nonce": host.nonce() })).held(&gate));
    let mut requests = vec![Request::get(host.url("/held"))];
    requests.extend((0..6).map(|number| Request::get(host.url(&format!("/{number}")))));
    let opened = async {
        host.request_number(1).await?;
        // Turns that nobody takes meanwhile are not saved for later.
        tokio::time::sleep(DISTANCE * 3).await;
        let opened = Instant::now();
        gate.open();
        Ok(opened)
    };
    let (answers, opened) = tokio::try_join!(sender.send_all(&requests), opened)?;
    for answer in &answers {
        nonce(answer, &host)?;
    }
    paced(host.requests().iter().filter(|seen| seen.target != "/held"), opened, DISTANCE)
}

async fn executions(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": PER_MINUTE})).await?;
    let asked = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for execution in ["a", "b", "c"] {
        let targets = ["first", "second", "third"].map(|target| format!("/{execution}/{target}"));
        let (sender, requests) = (sender.clone(), targets.map(|target| Request::get(host.url(&target))));
        running.spawn(async move { sender.send_all(&requests).await });
    }
    while let Some(ended) = running.join_next().await {
        for answer in ended.map_err(|fault| Stop::Error(fault.to_string()))?? {
            nonce(&answer, &host)?;
        }
    }
    let seen = host.requests();
    paced(&seen, asked, DISTANCE)?;
    // Whoever holds all of them back at the beginning has time enough for that; but the second and third ones were asked for
    // when a first one had been answered.
    let first = seen.iter().map(|seen| seen.at).min().unwrap_or(asked);
    paced(seen.iter().filter(|seen| !seen.target.ends_with("/first")), first, DISTANCE)
}

async fn failures(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, absent) = (outside.host("api")?, outside.host("absent")?);
    absent.resolves_to(vec![DnsAnswer::NxDomain]);
    let once_a_minute = json!({"requests_per_minute": 1, "queue": 0});
    let sender = outside.limited("sender", &[host.rule(), absent.rule()], once_a_minute).await?;
    let answers = sender.send_all(&[Request::get(absent.url("/")), Request::get(host.url("/"))]).await?;
    expect(&answers[0], "failed").control("an exchange fails")?;
    expect(&answers[1], "rate-limited")
}

async fn neighbours(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let get = || Request::get(host.url("/"));
    for (what, limit, first) in [
        ("requests", json!({"requests_per_minute": 1, "queue": 0}), get()),
        ("bytes", json!({"bytes_per_minute": 10_000, "queue": 0}), Request::post(host.url("/"), vec![b'x'; 9_000])),
    ] {
        let judged = async {
            let one = outside.limited(&format!("{what}-one"), &[host.rule()], limit.clone()).await?;
            let other = outside.limited(&format!("{what}-other"), &[host.rule()], limit).await?;
            // The first of each is judged: whoever else sends meanwhile must not have used its rate.
            let answers = one.send_all(&[first, get()]).await?;
            nonce(&answers[0], &host)?;
            expect(&answers[1], "rate-limited").control("one handler has used up its rate")?;
            nonce(&other.send(get()).await?, &host)
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

/// A tenth of a megabyte in a second, and a body that takes 400 ms of that.
const BYTES_PER_MINUTE: u64 = 6_000_000;
const BODY: usize = 40_000;
const PAID: Duration = Duration::from_millis(400);

/// A host and a handler that may move [`BYTES_PER_MINUTE`].
async fn frugal(outside: &Outside, label: &str) -> Result<(Host, Sender), Stop> {
    let host = outside.host(label)?;
    host.reply_at("/large", Reply::sized(BODY));
    host.reply_at("/half", Reply::sized(BODY / 2));
    let sender = outside.limited(label, &[host.rule()], json!({"bytes_per_minute": BYTES_PER_MINUTE})).await?;
    Ok((host, sender))
}

/// A second exchange starts so long after the first was seen, since the end of that is later still: whichever execution sends it.
async fn paid(cx: &Cx, first: impl Fn(&Host) -> Request) -> Result<(), Stop> {
    let outside = Outside::new(cx).await?;
    for (what, label) in [("in the same execution", "same"), ("in another execution", "another")] {
        let judged = async {
            let (host, sender) = frugal(&outside, label).await?;
            let (first, second) = (first(&host), Request::get(host.url("/")));
            let answers = match label {
                "same" => sender.send_all(&[first, second]).await?,
                _ => vec![sender.send(first).await?, sender.send(second).await?],
            };
            crate::outside::response(&answers[0]).control("the first is answered")?;
            nonce(&answers[1], &host)?;
            let seen = host.requests();
            let first = seen.first().ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
            paced(&seen, first.at, PAID)
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

async fn response_bytes(cx: Cx) -> Result<(), Stop> {
    paid(&cx, |host| Request::get(host.url("/large"))).await
}

async fn request_bytes(cx: Cx) -> Result<(), Stop> {
    paid(&cx, |host| Request::post(host.url("/"), vec![b'x'; BODY])).await
}

async fn both_directions(cx: Cx) -> Result<(), Stop> {
    paid(&cx, |host| Request::post(host.url("/half"), vec![b'x'; BODY / 2])).await
}

async fn from_the_end(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, sender) = frugal(&outside, "api").await?;
    let gate = Gate::new();
    host.reply_at("/large", Reply::sized(BODY).held(&gate));
    let requests = [Request::get(host.url("/large")), Request::get(host.url("/"))];
    let opened = async {
        host.request_number(1).await?;
        // Longer than its bytes take: from its beginning on they would be worked off.
        tokio::time::sleep(PAID + DISTANCE).await;
        let opened = Instant::now();
        gate.open();
        Ok(opened)
    };
    let (answers, opened) = tokio::try_join!(sender.send_all(&requests), opened)?;
    crate::outside::response(&answers[0]).control("the first is answered")?;
    nonce(&answers[1], &host)?;
    after_the_end(&host, opened, PAID, "the next one")
}

/// Judges that the last request of a host came so long after an end that was at this moment, or later.
fn after_the_end(host: &Host, end: Instant, paid: Duration, what: &str) -> Result<(), Stop> {
    let seen = host.requests();
    let next = seen.last().ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
    let (took, least) = (next.at.saturating_duration_since(end), paid - RESOLUTION);
    ensure!(
        took >= least,
        "{what} came {} ms after the end, expected at least {} ms",
        took.as_millis(),
        least.as_millis()
    );
    Ok(())
}

/// Both end when the gate is open, or later, so that together they hold the next one up from then on.
async fn overlap(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, sender) = frugal(&outside, "api").await?;
    let gate = Gate::new();
    let send = async |target: &str| {
        host.reply_at(target, Reply::sized(BODY).held(&gate));
        sender.send(Request::get(host.url(target))).await
    };
    let opened = async {
        host.request_number(2).await.control("two exchanges of one handler overlap")?;
        let opened = Instant::now();
        gate.open();
        Ok(opened)
    };
    let (one, other, opened) = tokio::try_join!(send("/one"), send("/other"), opened)?;
    for answer in [one, other] {
        crate::outside::response(&answer).control("both are answered")?;
    }
    nonce(&sender.send(Request::get(host.url("/"))).await?, &host)?;
    after_the_end(&host, opened, PAID * 2, "the next one after two at once")
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

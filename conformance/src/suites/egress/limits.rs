//! The bounds of requests and of a manifest's limits (egress.md 3.3 and 5.1, core.md 3.3).

use std::time::{Duration, Instant};

use assay_fixtures::Behaviour;
use assay_fixtures::exchange::{Request, Then};
use assay_harness::observatory::Reply;
use assay_harness::{Control as _, Cx, Group, Need, Stop, checks, ensure};
use serde_json::json;

use crate::outside::{NEEDS, Outside, answers, case, nonce, response};
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "limits",
    checks: checks![
        once("egress.limits.bounds", "a limit of egress is kept within its bounds", &["EGR-LIM-001"], bounds)
            .needs(&[Need::Feature("egress")]),
        each("egress.limits.default-rate", "without a limit the rate is the bound", &["EGR-RAT-010"], default_rate)
            .needs(NEEDS),
        once("egress.limits.default-queue", "so is the queue", &["EGR-RAT-010"], default_queue).needs(NEEDS).waits(),
        each("egress.limits.default-timeout", "and an exchange may take long", &["EGR-RAT-010"], default_timeout)
            .needs(NEEDS)
            .waits(),
        each("egress.limits.header-count", "headers up to the bound are sent", &["EGR-REQ-004"], header_count)
            .needs(NEEDS),
        each("egress.limits.header-bytes", "bytes of headers up to the bound are sent", &["EGR-REQ-004"], header_bytes)
            .needs(NEEDS),
        each("egress.limits.body", "a body up to the bound is sent", &["EGR-REQ-005"], body).needs(NEEDS),
    ],
};

async fn bounds(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let limits = [
        ("requests_per_minute", "egress_requests_per_minute", 1),
        ("bytes_per_minute", "egress_bytes_per_minute", 1),
        ("queue", "egress_queue", 0_i64),
        ("timeout_ms", "egress_timeout_ms", 1),
    ];
    for (name, bound, least) in limits {
        let most = i64::try_from(cx.discovery().bound(bound)?).unwrap_or(i64::MAX - 1);
        let pointer = format!("/limits/egress/{name}");
        for (what, wrong, right) in [("above", most + 1, most), ("below", least - 1, least)] {
            let recipe = publisher.recipe(&format!("{what}-{}", name.replace('_', "-")), Behaviour::Echo);
            let with = |value: i64| publisher.sign(&recipe.clone().set(&pointer, value));
            let refusal = refused("limit-out-of-bounds").at(&pointer);
            cx.case(format!("{name}, {what}"), publisher.pair(&with(wrong), &with(right), &refusal)).await;
        }
    }
    Ok(())
}

/// The time that some of what a minute holds takes up.
fn share(some: u64, per_minute: u64) -> Duration {
    let nanoseconds = u128::from(some) * 60_000_000_000 / u128::from(per_minute.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// That a runtime starts no sooner than its bounds allow is seen of its bytes, and of its requests where the distance between two
/// is more than what a clock is granted (egress.md 5.2). That it allows as many is seen of any.
async fn default_rate(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let bound = |name| cx.discovery().bound(name);
    let (requests, bytes) = (bound("egress_requests_per_minute")?, bound("egress_bytes_per_minute")?);
    let judged = async {
        let host = outside.host("requests")?;
        // They have no bodies, so that only the distance counts, which is over when one is answered; and nobody may wait.
        host.reply_with(Reply::status(204).after(share(2, requests)));
        let sender = outside.limited("requests", &[host.rule()], json!({"queue": 0})).await?;
        let answers = sender.send_all(&vec![Request::get(host.url("/")); 2 * TIMES]).await?;
        answers.iter().try_for_each(|answer| response(answer).map(drop))
    };
    cx.case("as many requests as the bound", judged).await;
    let judged = async {
        let host = outside.host("crowd")?;
        let sender = outside.sender("crowd", &[host.rule()]).await?;
        sender.reaches(&host).await?;
        // Side by side, so that nothing holds them up but their rate.
        let (asked, before) = (Instant::now(), host.requests().len());
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..TIMES {
            let (sender, requests) = (sender.clone(), vec![Request::get(host.url("/")); CROWD]);
            running.spawn(async move { sender.send_all(&requests).await });
        }
        while let Some(ended) = running.join_next().await {
            for answer in ended.map_err(|fault| Stop::Error(fault.to_string()))?? {
                nonce(&answer, &host).control("all of them are answered")?;
            }
        }
        let seen = host.requests().split_off(before);
        let last = seen.iter().map(|seen| seen.at).max().unwrap_or(asked);
        let (took, distances) =
            (last.saturating_duration_since(asked), u32::try_from(seen.len()).unwrap_or(0).saturating_sub(1));
        let least = share(1, requests).saturating_sub(RESOLUTION) * distances;
        ensure!(
            took >= least,
            "{} exchanges came within {} ms, expected at least {} ms",
            seen.len(),
            took.as_millis(),
            least.as_millis()
        );
        Ok(())
    };
    cx.case("no more requests than the bound", judged).await;
    let judged = async {
        let host = outside.host("bytes")?;
        // As much as half a second allows, in both directions, as far as bodies may be so large.
        let most = cx.discovery().bound_as_size("egress_body_bytes")?;
        let most = usize::try_from(bytes / 240).unwrap_or(usize::MAX).min(most);
        host.reply_at("/large", Reply::sized(most).slow_body(most - 1, LAST));
        let memory = cx.discovery().bound("memory_bytes")?;
        let sender = outside.install(&outside.recipe("bytes", &[host.rule()]).limit("memory_bytes", memory)).await?;
        let pair = [Request::post(host.url("/large"), vec![b'x'; most]), Request::get(host.url("/"))];
        for answer in sender.send_all(&vec![pair; TIMES].concat()).await? {
            response(&answer).control("all of them are answered")?;
        }
        // The last byte of the response follows two pauses.
        let least = LAST * 2 + share(2 * most as u64, bytes).saturating_sub(RESOLUTION);
        let seen = host.requests();
        for pair in seen.chunks(2) {
            let took = pair[pair.len() - 1].at.saturating_duration_since(pair[0].at);
            ensure!(
                took >= least,
                "after {most} bytes in both directions the next exchange came within {} ms, expected at least {} ms",
                took.as_millis(),
                least.as_millis()
            );
        }
        Ok(())
    };
    cx.case("no more bytes than the bound", judged).await;
    Ok(())
}

/// How often that is tried: whatever holds a runtime up that does not hold back, it will not each time.
const TIMES: usize = 4;

/// So many requests are in each of as many executions.
const CROWD: usize = 12;

/// What a clock's resolution may take off a distance (egress.md 5.2).
const RESOLUTION: Duration = Duration::from_millis(5);

/// The pause before the last byte of a response, and before all the others.
const LAST: Duration = Duration::from_millis(100);

/// Executions that are left to others, of those that may be under way at once.
const OTHERS: usize = 8;

async fn default_queue(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let queue = cx.discovery().bound_as_size("egress_queue")?;
    let recipe = outside
        .recipe("sender", &[host.rule()])
        .limit("timeout_ms", 4000)
        .set("/limits/egress", json!({"requests_per_minute": 1}));
    let sender = outside.install(&recipe).await?;
    sender.reaches(&host).await?;
    // One more than may wait; but no runtime can be asked for more executions than it takes. Then all of them wait.
    let executions =
        (queue + 1).min(cx.discovery().bound_as_size("concurrent_executions")?.saturating_sub(OTHERS)).max(1);
    let mut running = tokio::task::JoinSet::new();
    for number in 0..executions {
        let (sender, url) = (sender.clone(), host.url(&format!("/{number}")));
        running.spawn(async move { sender.run(&[Request::get(url)], Then::Answer).await });
    }
    let mut found = (0, 0);
    while let Some(ended) = running.join_next().await {
        let execution = ended.map_err(|fault| Stop::Error(fault.to_string()))??;
        match execution.outcome() {
            "timeout" => found.0 += 1,
            _ if case(&answers(&execution, 1)?[0]) == "rate-limited" => found.1 += 1,
            outcome => {
                return Err(Stop::Fail(format!("one ended with `{outcome}`, expected it to wait or to be refused")));
            }
        }
    }
    let expected = (executions.min(queue), executions.saturating_sub(queue));
    ensure!(found == expected, "(waited, refused) are {found:?}, expected {expected:?}");
    Ok(())
}

/// Only that it is no less than every runtime grants: who waits until the bound is over waits longer than an execution may.
async fn default_timeout(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    host.reply_at("/slow", Reply::json(&json!({ "nonce": host.nonce() })).after(Duration::from_millis(3500)));
    nonce(&sender.send(Request::get(host.url("/slow"))).await?, &host)
}

async fn header_count(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let most = cx.discovery().bound_as_size("egress_headers")?;
    let with = |count: usize| {
        (0..count).fold(Request::get(host.url("/")), |request, number| request.header(format!("x-{number}"), "1"))
    };
    sender.refused(with(most + 1), "invalid-request", &host).await?;
    nonce(&sender.send(with(most)).await?, &host)?;
    let seen = host.requests().pop().map(|seen| seen.headers).unwrap_or_default();
    let arrived = seen.iter().filter(|(name, _)| name.to_ascii_lowercase().starts_with("x-")).count();
    ensure!(arrived == most, "of {most} headers {arrived} arrived");
    Ok(())
}

async fn header_bytes(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let most = cx.discovery().bound_as_size("egress_header_bytes")?;
    // Names of ten letters, and the rest in values.
    let with = |bytes: usize| {
        Request::get(host.url("/"))
            .header("x-filler-a", "a".repeat(most / 2 - 10))
            .header("x-filler-b", "b".repeat(bytes - most / 2 - 10))
    };
    sender.refused(with(most + 1), "invalid-request", &host).await?;
    nonce(&sender.send(with(most)).await?, &host)?;
    let seen = host.requests().pop().map(|seen| seen.headers).unwrap_or_default();
    let fillers = seen.iter().filter(|(name, _)| name.to_ascii_lowercase().starts_with("x-filler"));
    let arrived: usize = fillers.map(|(name, value)| name.len() + value.len()).sum();
    ensure!(arrived == most, "of {most} bytes of headers {arrived} arrived");
    Ok(())
}

async fn body(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let most = cx.discovery().bound_as_size("egress_body_bytes")?;
    let memory = cx.discovery().bound("memory_bytes")?;
    let sender = outside.install(&outside.recipe("sender", &[host.rule()]).limit("memory_bytes", memory)).await?;
    let with = |bytes: usize| Request::post(host.url("/"), vec![b'x'; bytes]);
    sender.refused(with(most + 1), "invalid-request", &host).await?;
    nonce(&sender.send(with(most)).await?, &host)?;
    let arrived = host.requests().pop().map(|seen| seen.body.len()).unwrap_or_default();
    ensure!(arrived == most, "of a body of {most} bytes {arrived} arrived");
    Ok(())
}

//! The bounds of requests and of a manifest's limits (egress.md 3.3 and 5.1, core.md 3.3).

use assay_fixtures::Behaviour;
use assay_fixtures::exchange::Request;
use assay_harness::{Cx, Group, Need, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside, nonce};
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "limits",
    checks: checks![
        once("egress.limits.bounds", "a limit of egress is kept within its bounds", &["EGR-LIM-001"], bounds)
            .needs(&[Need::Feature("egress")]),
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

fn usize_of(bound: u64) -> usize {
    usize::try_from(bound).unwrap_or(usize::MAX)
}

async fn header_count(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let most = usize_of(cx.discovery().bound("egress_headers")?);
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
    let most = usize_of(cx.discovery().bound("egress_header_bytes")?);
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
    let most = usize_of(cx.discovery().bound("egress_body_bytes")?);
    let memory = cx.discovery().bound("memory_bytes")?;
    let sender = outside.install(&outside.recipe("sender", &[host.rule()]).limit("memory_bytes", memory)).await?;
    let with = |bytes: usize| Request::post(host.url("/"), vec![b'x'; bytes]);
    sender.refused(with(most + 1), "invalid-request", &host).await?;
    nonce(&sender.send(with(most)).await?, &host)?;
    let arrived = host.requests().pop().map(|seen| seen.body.len()).unwrap_or_default();
    ensure!(arrived == most, "of a body of {most} bytes {arrived} arrived");
    Ok(())
}

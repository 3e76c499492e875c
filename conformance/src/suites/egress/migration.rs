//! A migration asks no host (core.md 9.35).

use assay_fixtures::{Behaviour, Step};
use assay_harness::{Cx, Group, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "migration",
    checks: checks![
        each(
            "egress.migration.denied",
            "what a migration asks of a host is denied, and on record",
            &["EGR-MIG-001"],
            denied
        )
        .needs(NEEDS),
    ],
};

async fn denied(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, publisher) = (outside.host("api")?, outside.publisher());
    let url = host.url("/migrate");
    let asks = Behaviour::Fetch.migrating(vec![Step::Send(url.clone())]);
    let package = publisher.publish(&outside.recipe("sender", &[host.rule()])).await?;
    let next = outside.recipe_of("sender", asks, &[host.rule()]).version("1.1.0");
    publisher.publish_after(&next, &package).await?;
    publisher.install_stored(&package).await?;
    let sender = outside.named("sender");
    sender.reaches(&host).await?;
    let reply = publisher.admin().upgrade(sender.id(), "1.1.0").await?.expect(200)?;
    let entries = sender.audit().await?;
    ensure!(entries.len() == 2, "the audit has {} entries, expected one for each request", entries.len());
    let execution = reply.json()?["migration"]["execution"].clone();
    for (name, expected) in
        [("outcome", "denied".into()), ("url", url.into()), ("version", "1.1.0".into()), ("execution", execution)]
    {
        let found: &serde_json::Value = &entries[1][name];
        ensure!(*found == expected, "the entry's `{name}` is {found}, expected {expected}");
    }
    // The new version itself may ask.
    sender.reaches(&host).await?;
    let seen: Vec<String> = host.requests().into_iter().map(|request| request.target).collect();
    ensure!(!seen.iter().any(|target| target == "/migrate"), "the host saw {seen:?}");
    Ok(())
}

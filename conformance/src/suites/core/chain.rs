//! Gate 8: updates follow what they replace (core.md, section 8).

use assay_fixtures::{Behaviour, Package, Recipe, Release};
use assay_harness::{Control as _, Cx, Group, Stop, checks};
use serde_json::{Value, json};

use crate::installed::Installed;
use crate::publisher::{Publisher, key_body};
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "chain",
    checks: checks![
        each(
            "core.chain.upgrade",
            "an upgrade runs the release that follows the installed one",
            &["CORE-CHN-001"],
            upgrade
        ),
        each(
            "core.chain.two-steps",
            "an upgrade may follow the chain over several steps",
            &["CORE-CHN-001"],
            two_steps
        ),
        once(
            "core.chain.unknown-previous",
            "a previous that is not stored is refused",
            &["CORE-CHN-002"],
            unknown_previous
        ),
        once(
            "core.chain.foreign-previous",
            "a release of another handler as previous is refused",
            &["CORE-CHN-002"],
            foreign_previous
        ),
        once(
            "core.chain.previous-higher",
            "a previous with a higher version is refused",
            &["CORE-CHN-003"],
            previous_higher
        ),
        each("core.chain.downgrade", "an upgrade to a lower version is refused", &["CORE-CHN-004"], downgrade),
        each("core.chain.order", "versions are ordered by SemVer, not as text", &["CORE-CHN-004"], order),
        each(
            "core.chain.fork",
            "an upgrade whose chain does not reach the installed release is refused",
            &["CORE-CHN-005"],
            fork
        ),
        once(
            "core.chain.disagreement",
            "statements that name different predecessors are refused",
            &["CORE-CHN-006"],
            disagreement
        ),
    ],
};

/// A handler that answers its own version.
fn versioned(publisher: &Publisher, leaf: &str, version: &str) -> Recipe {
    let answer = json!(version).to_string().into_bytes();
    publisher.recipe(leaf, Behaviour::Fixed(answer)).version(version)
}

/// Publishes releases that follow one another, and installs the first.
async fn line(publisher: &Publisher, leaf: &str, versions: &[&str]) -> Result<(Installed, Vec<Package>), Stop> {
    let mut releases: Vec<Package> = Vec::new();
    for version in versions {
        let recipe = versioned(publisher, leaf, version);
        let release = match releases.last() {
            None => publisher.publish(&recipe).await?,
            Some(previous) => publisher.publish_after(&recipe, previous).await?,
        };
        releases.push(release);
    }
    let first = releases.first().ok_or_else(|| Stop::Error("a line of no versions".to_owned()))?;
    Ok((publisher.install_stored(first).await?, releases))
}

async fn upgraded(publisher: &Publisher, handler: &Installed, version: &str) -> Result<(), Stop> {
    let reply = publisher.admin().upgrade(handler.id(), version).await?.expect(200)?;
    assay_harness::ensure!(reply.json()?["version"] == version, "{}: not the new version", reply.describe());
    handler.execute(Value::Null).await?.expect_output(&json!(version))
}

async fn upgrade(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let (handler, _) = line(&publisher, "line", &["1.0.0", "1.1.0"]).await?;
    handler.runs(Value::Null).await?.expect_output(&json!("1.0.0")).control("the first release runs")?;
    upgraded(&publisher, &handler, "1.1.0").await
}

async fn two_steps(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let (handler, _) = line(&publisher, "line", &["1.0.0", "1.1.0", "1.2.0", "2.0.0"]).await?;
    upgraded(&publisher, &handler, "2.0.0").await
}

async fn unknown_previous(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let first = publisher.publish(&versioned(&publisher, "line", "1.0.0")).await?;
    let next = versioned(&publisher, "line", "1.1.0").build();
    let nowhere = Release::valid().previous(format!("sha256:{}", "ab".repeat(32)));
    let flawed = next.clone().signed_with(publisher.key(), nowhere);
    let twin = next.signed_with(publisher.key(), Release::valid().previous(first.digest()));
    publisher.pair(&flawed, &twin, &refused("chain-broken")).await
}

async fn foreign_previous(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let first = publisher.publish(&versioned(&publisher, "line", "1.0.0")).await?;
    let foreign = publisher.publish(&versioned(&publisher, "foreign", "1.0.0")).await?;
    let next = versioned(&publisher, "line", "1.1.0").build();
    let flawed = next.clone().signed_with(publisher.key(), Release::valid().previous(foreign.digest()));
    let twin = next.signed_with(publisher.key(), Release::valid().previous(first.digest()));
    publisher.pair(&flawed, &twin, &refused("chain-broken")).await
}

async fn previous_higher(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let second = publisher.publish(&versioned(&publisher, "line", "2.0.0")).await?;
    let flawed = versioned(&publisher, "line", "1.9.9").build();
    let flawed = flawed.signed_with(publisher.key(), Release::valid().previous(second.digest()));
    refused("version-downgrade").judge(&publisher.admin().upload(&flawed).await?)?;
    publisher.absent(&flawed.id(), "1.9.9").await?;
    publisher.publish_after(&versioned(&publisher, "line", "2.0.1"), &second).await?;
    Ok(())
}

async fn downgrade(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let (handler, _) = line(&publisher, "line", &["1.0.0", "1.1.0", "1.2.0"]).await?;
    let up = async { upgraded(&publisher, &handler, "1.1.0").await };
    up.await.control("an upgrade works")?;
    for version in ["1.0.0", "1.1.0"] {
        let judged = async {
            refused("version-downgrade").judge(&publisher.admin().upgrade(handler.id(), version).await?)?;
            handler.execute(Value::Null).await?.expect_output(&json!("1.1.0"))
        };
        cx.case(version, judged).await;
    }
    upgraded(&publisher, &handler, "1.2.0").await.control("a further upgrade works")
}

async fn order(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (leaf, from, to) in [
        ("tens", "1.9.0", "1.10.0"),
        ("release", "2.0.0-rc.1", "2.0.0"),
        ("numbers", "1.0.0-2", "1.0.0-10"),
        ("letters", "1.0.0-9", "1.0.0-a"),
        ("longer", "1.0.0-a", "1.0.0-a.0"),
    ] {
        let case = async {
            let (handler, _) = line(&publisher, leaf, &[from, to]).await?;
            upgraded(&publisher, &handler, to).await?;
            refused("version-downgrade").judge(&publisher.admin().upgrade(handler.id(), from).await?)
        };
        // Even the upload of the follower is part of what is judged: an order that is wrong refuses it there.
        let case = case.await.map_err(|stop| match stop {
            Stop::Inconclusive(reason) => Stop::Fail(reason),
            other => other,
        });
        cx.case(format!("{from} < {to}"), async { case }).await;
    }
    Ok(())
}

async fn fork(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let (handler, releases) = line(&publisher, "line", &["1.0.0", "1.1.0"]).await?;
    publisher.publish(&versioned(&publisher, "line", "1.5.0")).await?;
    refused("chain-broken").judge(&publisher.admin().upgrade(handler.id(), "1.5.0").await?)?;
    handler.execute(Value::Null).await?.expect_output(&json!("1.0.0"))?;
    let twin = async {
        let last = releases.last().ok_or_else(|| Stop::Error("no releases".to_owned()))?;
        publisher.publish_after(&versioned(&publisher, "line", "1.6.0"), last).await?;
        upgraded(&publisher, &handler, "1.6.0").await
    };
    twin.await.control("the same upgrade with a chain that reaches works")
}

async fn disagreement(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let second = Publisher::stranger(&cx, "second");
    second.trust(&key_body(second.key(), &[second.scope()], None)).await?;
    let first = publisher.publish(&versioned(&publisher, "line", "1.0.0")).await?;
    let next = publisher.publish_after(&versioned(&publisher, "line", "1.1.0"), &first).await?;
    let third = versioned(&publisher, "line", "1.2.0").build();
    let after = |previous: &Package| Release::valid().previous(previous.digest());
    let flawed = third.clone().signed_with(publisher.key(), after(&next)).signed_with(second.key(), after(&first));
    let twin = third.signed_with(publisher.key(), after(&next)).signed_with(second.key(), after(&next));
    publisher.pair(&flawed, &twin, &refused("chain-broken")).await
}

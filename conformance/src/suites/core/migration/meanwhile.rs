//! What else happens while a migration is under way.
//!
//! No judgement here depends on a clock: migrations loop for as long as many exchanges take, and what is judged follows from
//! the order of answers and from what the state says afterwards.

use assay_fixtures::{Behaviour, Step};
use assay_harness::{Cx, Reply, Stop, ensure};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{get, hex, line, shows};
use crate::installed::{Execution, Installed};
use crate::publisher::Publisher;
use crate::refusal::refused;

/// Loops of a migration: long against an exchange.
const LONG: u64 = 40_000_000;

/// Long against some exchanges and a revocation.
const LONGER: u64 = 150_000_000;

/// A handler whose first version counts under one name and whose next one goes on under another, with the migration
/// between them. Each answers the number that it wrote.
fn counters(publisher: &Publisher, leaf: &str) -> Vec<assay_fixtures::Recipe> {
    let add = |key: &str| Behaviour::Scripts(vec![vec![Step::AddOne(key.to_owned(), 0)]]);
    // What it read is held for a while, and written then.
    let steps = vec![Step::Move("old".to_owned(), "new".to_owned()), Step::Turns(LONG)];
    vec![
        publisher.recipe(leaf, add("old")).limit("timeout_ms", 10_000),
        publisher.recipe(leaf, add("new").migrating(steps)).version("1.1.0").limit("timeout_ms", 10_000),
    ]
}

/// An upgrade that is under way.
fn begin(publisher: &Publisher, handler: &Installed, version: &'static str) -> JoinHandle<Result<Reply, Stop>> {
    let (admin, id) = (publisher.admin(), handler.id().to_owned());
    tokio::spawn(async move { admin.upgrade(&id, version).await })
}

async fn end(under_way: JoinHandle<Result<Reply, Stop>>) -> Result<Reply, Stop> {
    under_way.await.map_err(|fault| Stop::Error(fault.to_string()))?
}

pub async fn executions(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = line(&publisher, counters(&publisher, "counter")).await?;
    handler.runs(json!(0)).await?;
    let upgrade = begin(&publisher, &handler, "1.1.0");
    let mut counted = 1;
    let mut over = false;
    while !over {
        // At least one execution comes after the answer.
        over = upgrade.is_finished();
        let execution = handler.execute(json!(0)).await?;
        counted += 1;
        let (version, number) = (&execution.body["version"], &execution.output()[0]);
        let expected = json!([hex(u64::to_le_bytes(counted))]);
        execution.expect_output(&expected).map_err(|stop| match stop {
            Stop::Fail(_) => Stop::Fail(format!(
                "execution {counted}, by {version}, has counted to {number}: a version did not see what the other one left"
            )),
            other => other,
        })?;
    }
    end(upgrade).await?.expect(200)?;
    shows(&publisher, &handler, "1.1.0").await?;
    let last = handler.execute(json!(0)).await?;
    ensure!(last.body["version"] == "1.1.0", "after the upgrade was answered {} runs", last.body["version"]);
    last.expect_output(&json!([hex(u64::to_le_bytes(counted + 1))]))
}

pub async fn others(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let keeper = Behaviour::StateSwap { key: "last".to_owned() };
    let others = [
        publisher.install(&publisher.recipe("stateless", Behaviour::Echo)).await?,
        publisher.install(&publisher.recipe("stateful", keeper)).await?,
    ];
    for other in &others {
        other.runs(json!(1)).await?;
    }
    // It ends at its limit, after many exchanges.
    let releases = vec![
        publisher.recipe("endless", Behaviour::Echo),
        publisher.recipe("endless", Behaviour::Echo.migrating(vec![Step::Hang])).version("1.1.0"),
    ];
    let releases = releases.into_iter().map(|recipe| recipe.limit("timeout_ms", 1500)).collect();
    let handler = line(&publisher, releases).await?;
    let upgrade = begin(&publisher, &handler, "1.1.0");
    let mut rounds = 0;
    while !upgrade.is_finished() {
        // The handler itself uses no state, so it does not wait either.
        for other in others.iter().chain([&handler]) {
            let reply = publisher.admin().execute(other.id(), &json!({"input": 1})).await?.expect(200)?;
            Execution::read(&reply)?.expect("success")?;
        }
        rounds += 1;
    }
    ensure!(rounds > 3, "{rounds} rounds of executions were answered while a migration was hanging");
    refused("migration-failed").named("timeout").judge(&end(upgrade).await?)
}

/// A handler that tells from which versions it was migrated, in two steps that may be taken as one.
fn noted(publisher: &Publisher, leaf: &str, turns: u64) -> Vec<assay_fixtures::Recipe> {
    let looks = || Behaviour::Scripts(vec![vec![Step::Keys, get("1.0.0"), get("1.1.0")]]);
    let notes = |by: &str| looks().migrating(vec![Step::Turns(turns), Step::NoteInput(by.as_bytes().to_vec())]);
    let releases = vec![
        publisher.recipe(leaf, looks()),
        publisher.recipe(leaf, notes("to 1.1.0")).version("1.1.0"),
        publisher.recipe(leaf, notes("to 1.2.0")).version("1.2.0"),
    ];
    releases.into_iter().map(|recipe| recipe.limit("timeout_ms", 10_000)).collect()
}

/// After which part of the time that an upgrade takes its release is revoked: a target that is faster than it was just before
/// has another try.
const PARTS: [u32; 3] = [3, 8, 20];

pub async fn revoked(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // The same module: who keeps compiled modules has it at hand when the upgrades come, which take equally long.
    publisher.install(&noted(&publisher, "compiled", LONGER).swap_remove(1)).await?;
    let other = line(&publisher, noted(&publisher, "other", LONGER)).await?;
    let started = Instant::now();
    end(begin(&publisher, &other, "1.1.0")).await?.expect(200)?;
    let took = started.elapsed();
    for part in PARTS {
        let handler = line(&publisher, noted(&publisher, &format!("revoked{part}"), LONGER)).await?;
        handler.runs(json!(0)).await?;
        let upgrade = begin(&publisher, &handler, "1.1.0");
        // Nothing that can be seen tells when a migration starts.
        sleep(took / part).await;
        publisher.control().revoke(handler.id(), "1.1.0").await?.expect(200)?;
        // What is shown after the revocation was answered is replaced after it, if at all.
        if shows(&publisher, &handler, "1.0.0").await.is_err() {
            continue;
        }
        refused("release-revoked").judge(&end(upgrade).await?)?;
        shows(&publisher, &handler, "1.0.0").await?;
        return handler.execute(json!(0)).await?.expect_output(&json!([[], null, null]));
    }
    Err(Stop::Inconclusive("no release could be revoked before its upgrade was over".to_owned()))
}

pub async fn at_once(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = line(&publisher, noted(&publisher, "twice", LONG)).await?;
    handler.runs(json!(0)).await?;
    let judged = async {
        let both = [begin(&publisher, &handler, "1.1.0"), begin(&publisher, &handler, "1.1.0")];
        let mut refusals = Vec::new();
        for upgrade in both {
            let reply = end(upgrade).await?;
            if reply.status() != 200 {
                refusals.push(reply);
            }
        }
        ensure!(refusals.len() == 1, "of two upgrades to one version {} were refused", refusals.len());
        refused("version-downgrade").judge(&refusals[0])?;
        handler.execute(json!(0)).await?.expect_output(&json!([[hex("1.0.0")], hex("to 1.1.0"), null]))
    };
    cx.case("to the same version", judged).await;
    let handler = line(&publisher, noted(&publisher, "steps", LONG)).await?;
    handler.runs(json!(0)).await?;
    let judged = async {
        let (one, two) = (begin(&publisher, &handler, "1.1.0"), begin(&publisher, &handler, "1.2.0"));
        let (one, two) = (end(one).await?, end(two).await?.expect(200)?);
        let from = &two.json()?["migration"]["from"];
        let expected: Value = if one.status() == 200 {
            json!([[hex("1.0.0"), hex("1.1.0")], hex("to 1.1.0"), hex("to 1.2.0")])
        } else {
            refused("version-downgrade").judge(&one)?;
            json!([[hex("1.0.0")], hex("to 1.2.0"), null])
        };
        shows(&publisher, &handler, "1.2.0").await?;
        let execution = handler.execute(json!(0)).await?;
        ensure!(
            *execution.output() == expected,
            "the upgrades left {}, the second one was from {from}, expected {expected}",
            execution.output()
        );
        Ok(())
    };
    cx.case("to two versions", judged).await;
    Ok(())
}

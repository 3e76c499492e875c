//! What was acknowledged survives SIGKILL and a restart (lifecycle.md). Each check has a target of its own.

use assay_fixtures::{Behaviour, Step};
use assay_harness::{Control as _, Cx, Group, Need, OwnTarget, Stop, checks, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::installed::Installed;
use crate::operations::Operations;
use crate::publisher::Publisher;
use crate::refusal::refused;
use crate::suites::registry::retries::Sent;

/// The table.
pub const GROUP: Group = Group {
    profile: "lifecycle",
    name: "durability",
    checks: checks![
        each("lifecycle.durability.releases", "a release survives a kill, byte for byte", &["LIFE-DUR-001"], releases)
            .needs(LAUNCH),
        each("lifecycle.durability.revocations", "a revocation survives a kill", &["LIFE-DUR-002"], revocations)
            .needs(LAUNCH),
        once("lifecycle.durability.trust", "trust keys and their deletion survive a kill", &["LIFE-DUR-003"], trust)
            .needs(LAUNCH),
        each("lifecycle.durability.installations", "an installation survives a kill", &["LIFE-DUR-004"], installations)
            .needs(LAUNCH),
        each("lifecycle.durability.state", "state survives a kill", &["LIFE-DUR-004"], state).needs(STATE),
        each(
            "lifecycle.durability.migration",
            "an upgrade that migrated survives a kill",
            &["LIFE-DUR-006"],
            migration
        )
        .needs(STATE),
        each(
            "lifecycle.durability.migrating",
            "a kill in the middle of an upgrade leaves it done or not begun",
            &["LIFE-DUR-006"],
            migrating
        )
        .needs(STATE),
        each("lifecycle.durability.registry-key", "the registry key survives a kill", &["LIFE-DUR-005"], registry_key)
            .needs(LAUNCH),
        once("lifecycle.durability.retries", "an idempotency key survives a kill", &["LIFE-DUR-007"], retries)
            .needs(LAUNCH),
    ],
};

const LAUNCH: &[Need] = &[Need::Launch];
const STATE: &[Need] = &[Need::Launch, Need::Feature("state")];

/// SIGKILL, right after what was acknowledged, and a start on the same data.
async fn crash(target: &mut OwnTarget) -> Result<(), Stop> {
    target.kill().await;
    target.restart().await
}

async fn releases(cx: Cx) -> Result<(), Stop> {
    let mut target = cx.own_target().await?;
    let publisher = Publisher::new(&target.cx()).await?;
    let package = publisher.publish(&publisher.recipe("kept", Behaviour::Echo)).await?;
    crash(&mut target).await?;
    for (name, part) in
        [("manifest", &package.manifest), ("module", &package.module), ("signature-0", &package.signatures[0])]
    {
        let reply = publisher.admin().part(&package.id(), "1.0.0", name).await?.expect(200)?;
        ensure!(reply.body() == part.as_slice(), "`{name}` has other bytes after the restart");
    }
    publisher.admin().install(&package.id(), "1.0.0").await?.expect(201)?;
    Installed::new(&target.cx(), &package.id(), "1.0.0").execute(json!(1)).await?.expect_output(&json!(1))
}

async fn revocations(cx: Cx) -> Result<(), Stop> {
    let mut target = cx.own_target().await?;
    let publisher = Publisher::new(&target.cx()).await?;
    let running = publisher.install(&publisher.recipe("running", Behaviour::Echo)).await?;
    let waiting = publisher.publish(&publisher.recipe("waiting", Behaviour::Echo)).await?;
    let twin = publisher.install(&publisher.recipe("twin", Behaviour::Echo)).await?;
    let admin = publisher.control();
    let revoke = async {
        admin.revoke(running.id(), "1.0.0").await?.expect(200)?;
        admin.revoke_handler(&waiting.id()).await?.expect(200)
    };
    revoke.await.control("two revocations are acknowledged")?;
    crash(&mut target).await?;
    let revoked = refused("release-revoked");
    let admin = publisher.admin();
    cx.case("execute", async { revoked.judge(&admin.execute(running.id(), &json!({"input": 1})).await?) }).await;
    cx.case("install", async { revoked.judge(&admin.install(&waiting.id(), "1.0.0").await?) }).await;
    let later = publisher.sign(&publisher.recipe("waiting", Behaviour::Echo).version("1.0.1"));
    cx.case("upload", async { revoked.judge(&admin.upload(&later).await?) }).await;
    twin.runs(json!(1)).await?;
    Ok(())
}

async fn trust(cx: Cx) -> Result<(), Stop> {
    let mut target = cx.own_target().await?;
    let publisher = Publisher::new(&target.cx()).await?;
    let deleted = Publisher::stranger(&target.cx(), "deleted");
    deleted.trust(&crate::publisher::key_body(deleted.key(), &[deleted.scope()], None)).await?;
    let delete = async { deleted.control().delete_key(deleted.key_name()).await?.expect(204) };
    delete.await.control("a key is deleted")?;
    crash(&mut target).await?;
    publisher.accepted(&publisher.sign(&publisher.recipe("trusted", Behaviour::Echo))).await?;
    let late = deleted.sign(&deleted.recipe("late", Behaviour::Echo));
    refused("signature-invalid").judge(&deleted.admin().upload(&late).await?)
}

async fn installations(cx: Cx) -> Result<(), Stop> {
    let mut target = cx.own_target().await?;
    let publisher = Publisher::new(&target.cx()).await?;
    let kept = publisher.install(&publisher.recipe("kept", Behaviour::Echo)).await?;
    let gone = publisher.install(&publisher.recipe("gone", Behaviour::Echo)).await?;
    let uninstall = async { publisher.control().uninstall(gone.id()).await?.expect(204) };
    uninstall.await.control("a handler is uninstalled")?;
    crash(&mut target).await?;
    kept.execute(json!("still")).await?.expect_output(&json!("still"))?;
    refused("not-installed").judge(&publisher.admin().installation(gone.id()).await?)
}

async fn state(cx: Cx) -> Result<(), Stop> {
    let mut target = cx.own_target().await?;
    let publisher = Publisher::new(&target.cx()).await?;
    let swap = Behaviour::StateSwap { key: "last".to_owned() };
    let handler = publisher.install(&publisher.recipe("keeper", swap)).await?;
    for n in 1..=3 {
        handler.runs(json!(n)).await?;
        crash(&mut target).await?;
        handler.execute(json!(n * 10)).await?.expect_output(&json!(n))?;
    }
    Ok(())
}

async fn retries(cx: Cx) -> Result<(), Stop> {
    let mut target = cx.own_target().await?;
    let publisher = Publisher::new(&target.cx()).await?;
    let package = publisher.sign(&publisher.recipe("again", Behaviour::Echo));
    let sent = Sent::upload(&package);
    let first = sent.under(&target.cx(), &["\"again\""]).await.and_then(|reply| reply.expect(201));
    let first = first.control("an upload with a key is accepted")?;
    crash(&mut target).await?;
    let again = sent.under(&target.cx(), &["\"again\""]).await?.expect(201)?;
    ensure!(again.body() == first.body(), "{}: with another body than before the restart", again.describe());
    Ok(())
}

/// Loops of a migration: long against an exchange.
const LONG: u64 = 60_000_000;

/// A handler whose state says by its key which version has left it: `old`, or `new` once it is migrated.
async fn renaming(publisher: &Publisher, steps: Vec<Step>) -> Result<Installed, Stop> {
    let behaviour = || Behaviour::Scripts(vec![vec![Step::Set("old".to_owned(), b"1".to_vec())], vec![Step::Keys]]);
    let renames = [vec![Step::Move("old".to_owned(), "new".to_owned())], steps].concat();
    let recipe = |behaviour| publisher.recipe("renaming", behaviour).limit("timeout_ms", 10_000);
    let first = publisher.publish(&recipe(behaviour())).await?;
    publisher.publish_after(&recipe(behaviour().migrating(renames)).version("1.1.0"), &first).await?;
    let handler = publisher.install_stored(&first).await?;
    handler.runs(json!(0)).await?;
    Ok(handler)
}

/// The version that runs; its state has to be that of this version.
async fn whole(handler: &Installed) -> Result<String, Stop> {
    let execution = handler.execute(json!(1)).await?;
    let version = execution.body["version"].as_str().unwrap_or_default().to_owned();
    let key = if version == "1.1.0" { "new" } else { "old" };
    let keys = json!([[hex::encode(key)]]);
    ensure!(
        *execution.output() == keys,
        "after the restart {version} runs, and the keys are {}, expected {keys}",
        execution.output()
    );
    Ok(version)
}

async fn migration(cx: Cx) -> Result<(), Stop> {
    let mut target = cx.own_target().await?;
    let publisher = Publisher::new(&target.cx()).await?;
    let handler = renaming(&publisher, vec![]).await?;
    let upgrade = async { publisher.control().upgrade(handler.id(), "1.1.0").await?.expect(200) };
    upgrade.await.control("the upgrade works")?;
    crash(&mut target).await?;
    let version = whole(&handler).await?;
    ensure!(version == "1.1.0", "after the restart {version} runs, the upgrade to 1.1.0 was acknowledged");
    Ok(())
}

async fn migrating(cx: Cx) -> Result<(), Stop> {
    let mut target = cx.own_target().await?;
    let publisher = Publisher::new(&target.cx()).await?;
    let handler = renaming(&publisher, vec![Step::Turns(LONG)]).await?;
    // Its answer may get lost with the target.
    let begin = || {
        let (admin, id) = (publisher.admin(), handler.id().to_owned());
        tokio::spawn(async move { admin.upgrade(&id, "1.1.0").await })
    };
    let under_way = begin();
    for _ in 0..5 {
        shown(&publisher, &handler).await?;
    }
    crash(&mut target).await?;
    under_way.abort();
    if whole(&handler).await? == "1.1.0" {
        return Ok(());
    }
    // What was interrupted is done again, and the target killed as soon as it shows the new state.
    let under_way = begin();
    while !under_way.is_finished() && !shown(&publisher, &handler).await?.contains("new") {}
    crash(&mut target).await?;
    under_way.abort();
    let version = whole(&handler).await?;
    ensure!(version == "1.1.0", "after the restart {version} runs, and the state of 1.1.0 was there");
    Ok(())
}

/// The state of a handler, as an admin sees it.
async fn shown(publisher: &Publisher, handler: &Installed) -> Result<String, Stop> {
    Ok(publisher.control().state(handler.id(), "").await?.expect(200)?.json()?["keys"].to_string())
}

async fn registry_key(cx: Cx) -> Result<(), Stop> {
    let mut target = cx.own_target().await?;
    let publisher = Publisher::new(&target.cx()).await?;
    let published = async |operations: Operations| -> Result<serde_json::Value, Stop> {
        Ok(operations.discovery().await?.expect(200)?.json()?["registry_key"].clone())
    };
    let before = published(publisher.control()).await?;
    let package = publisher.recipe("signed", Behaviour::Echo).build();
    publisher.store(&package).await?;
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let sign = async {
        let body = json!({"expires_at": end.to_string()});
        publisher.control().sign(&package.id(), "1.0.0", &body).await?.expect(200)
    };
    sign.await.control("the registry signs")?;
    let handler = publisher.install_stored(&package).await?;
    crash(&mut target).await?;
    let after = published(publisher.admin()).await?;
    ensure!(before == after, "the registry key was {before} and is {after} after the restart");
    handler.execute(json!(1)).await?.expect_output(&json!(1))
}

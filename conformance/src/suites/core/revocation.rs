//! Gate 7: what was revoked does not run (core.md, section 7).

use assay_fixtures::Behaviour;
use assay_harness::{Control as _, Cx, Group, Stop, checks};
use serde_json::json;

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "revocation",
    checks: checks![
        each("core.revocation.install", "a revoked release is not installed", &["CORE-REV-001"], install),
        each(
            "core.revocation.execute",
            "an installed release that is revoked is not executed",
            &["CORE-REV-002"],
            execute
        ),
        once("core.revocation.handler", "nothing is uploaded for a revoked handler", &["CORE-REV-003"], handler),
        each(
            "core.revocation.other-release",
            "revoking a release leaves the others usable",
            &["CORE-REV-004"],
            other_release
        ),
    ],
};

async fn revoke(publisher: &Publisher, id: &str, version: &str) -> Result<(), Stop> {
    let revoke = async { publisher.control().revoke(id, version).await?.expect(200) };
    revoke.await.control("the release is revoked")?;
    Ok(())
}

async fn install(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("revoked", Behaviour::Echo)).await?;
    let twin = publisher.publish(&publisher.recipe("twin", Behaviour::Echo)).await?;
    revoke(&publisher, &package.id(), "1.0.0").await?;
    refused("release-revoked").judge(&publisher.admin().install(&package.id(), "1.0.0").await?)?;
    refused("not-installed").judge(&publisher.admin().installation(&package.id()).await?)?;
    publisher.install_stored(&twin).await?;
    Ok(())
}

async fn execute(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("revoked", Behaviour::Echo)).await?;
    let twin = publisher.install(&publisher.recipe("twin", Behaviour::Echo)).await?;
    handler.runs(json!(1)).await?;
    revoke(&publisher, handler.id(), "1.0.0").await?;
    let reply = publisher.admin().execute(handler.id(), &json!({"input": 2})).await?;
    refused("release-revoked").judge(&reply)?;
    twin.runs(json!(3)).await?;
    Ok(())
}

async fn handler(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let first = publisher.publish(&publisher.recipe("stolen", Behaviour::Echo)).await?;
    let later = publisher.sign(&publisher.recipe("stolen", Behaviour::Echo).version("1.0.1"));
    let revoke = async { publisher.control().revoke_handler(&first.id()).await?.expect(200) };
    revoke.await.control("the handler is revoked")?;
    refused("release-revoked").judge(&publisher.admin().upload(&later).await?)?;
    publisher.absent(&first.id(), "1.0.1").await?;
    refused("release-revoked").judge(&publisher.admin().install(&first.id(), "1.0.0").await?)?;
    publisher.publish(&publisher.recipe("twin", Behaviour::Echo)).await?;
    Ok(())
}

async fn other_release(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let recipe = publisher.recipe("partly", Behaviour::Echo);
    let first = publisher.publish(&recipe).await?;
    let second = publisher.publish_after(&recipe.version("1.0.1"), &first).await?;
    revoke(&publisher, &first.id(), "1.0.0").await?;
    refused("release-revoked")
        .judge(&publisher.control().install(&first.id(), "1.0.0").await?)
        .control("the revoked release is refused")?;
    publisher.admin().install(&second.id(), "1.0.1").await?.expect(201)?;
    publisher.admin().execute(&second.id(), &json!({"input": 1})).await?.expect(200)?;
    Ok(())
}

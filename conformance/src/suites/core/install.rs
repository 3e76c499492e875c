//! Install and uninstall (core.md 9.1 to 9.3).

use assay_fixtures::Behaviour;
use assay_harness::{Cx, Group, Stop, checks, ensure};
use serde_json::json;

use crate::installed::Installed;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "install",
    checks: checks![
        each(
            "core.install.way",
            "a package goes the whole way: upload, sign, list, install, execute, uninstall",
            &["CORE-INS-001"],
            way
        ),
        each(
            "core.install.after-uninstall",
            "nothing of an uninstalled handler answers",
            &["CORE-INS-001"],
            after_uninstall
        ),
        each("core.install.twice", "installing over an installation is refused", &["CORE-INS-002"], twice),
        once(
            "core.install.unknown-version",
            "installing a version that is not stored is refused",
            &["CORE-INS-003"],
            unknown_version
        ),
    ],
};

async fn way(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let admin = publisher.admin();
    let package = publisher.recipe("way", Behaviour::Echo).build();
    let id = package.id();
    publisher.accepted(&package).await?;
    let expiry = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
    admin.sign(&id, "1.0.0", &json!({"expires_at": expiry})).await?.expect(200)?;
    let detail = admin.detail(&id).await?.expect(200)?;
    ensure!(detail.json()?["installed"].is_null(), "{}: installed before install", detail.describe());
    let installed = admin.install(&id, "1.0.0").await?.expect(201)?;
    let body = installed.json()?;
    ensure!(
        body["id"] == id
            && body["version"] == "1.0.0"
            && body["package"] == package.digest()
            && body["installed_at"].is_string(),
        "install answers {body}"
    );
    let status = admin.installation(&id).await?.expect(200)?;
    ensure!(status.json()?["package"] == package.digest(), "the status is {}", status.describe());
    Installed::new(&cx, &id, "1.0.0").execute(json!({"a": [1, "b"]})).await?.expect_output(&json!({"a": [1, "b"]}))?;
    admin.uninstall(&id).await?.expect(204)?;
    let reply = admin.execute(&id, &json!({"input": 1})).await?;
    refused("not-installed").judge(&reply)?;
    admin.part(&id, "1.0.0", "module").await?.expect(200)?;
    Ok(())
}

async fn after_uninstall(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("gone", Behaviour::Echo)).await?;
    handler.runs(json!(1)).await?;
    let admin = publisher.admin();
    admin.uninstall(handler.id()).await?.expect(204)?;
    let gone = refused("not-installed");
    cx.case("status", async { gone.judge(&admin.installation(handler.id()).await?) }).await;
    cx.case("execute", async { gone.judge(&admin.execute(handler.id(), &json!({"input": 1})).await?) }).await;
    cx.case("upgrade", async { gone.judge(&admin.upgrade(handler.id(), "1.0.0").await?) }).await;
    cx.case("uninstall", async { gone.judge(&admin.uninstall(handler.id()).await?) }).await;
    cx.case("never uploaded", async { gone.judge(&admin.installation(&publisher.id("never")).await?) }).await;
    Ok(())
}

async fn twice(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let first = publisher.publish(&publisher.recipe("twice", Behaviour::Fixed(b"1".to_vec()))).await?;
    let second = publisher.recipe("twice", Behaviour::Fixed(b"2".to_vec())).version("2.0.0");
    publisher.publish_after(&second, &first).await?;
    let handler = publisher.install_stored(&first).await?;
    for version in ["1.0.0", "2.0.0"] {
        let judged = async {
            refused("already-installed").judge(&publisher.admin().install(handler.id(), version).await?)?;
            handler.execute(json!(null)).await?.expect_output(&json!(1))
        };
        cx.case(version, judged).await;
    }
    Ok(())
}

async fn unknown_version(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("known", Behaviour::Echo)).await?;
    let missing = refused("not-found");
    let admin = publisher.admin();
    cx.case("version", async { missing.judge(&admin.install(&package.id(), "1.0.1").await?) }).await;
    cx.case("handler", async { missing.judge(&admin.install(&publisher.id("never"), "1.0.0").await?) }).await;
    refused("not-installed").judge(&admin.installation(&package.id()).await?)?;
    publisher.install_stored(&package).await?;
    Ok(())
}

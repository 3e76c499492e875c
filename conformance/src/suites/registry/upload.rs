//! Uploads are acknowledged truly, and a version is stored once (registry.md, section 2).

use assay_fixtures::{Behaviour, Package};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "registry",
    name: "upload",
    checks: checks![
        once("registry.upload.acknowledged", "an accepted upload is located and found", &["REG-UPL-001"], acknowledged),
        once(
            "registry.upload.duplicate",
            "a second upload with other bytes is refused and changes nothing",
            &["REG-UPL-002"],
            duplicate
        ),
        once(
            "registry.upload.duplicate-same",
            "a second upload of the same bytes is refused",
            &["REG-UPL-002"],
            duplicate_same
        ),
        once(
            "registry.upload.concurrent",
            "of several uploads of one version exactly one wins",
            &["REG-UPL-003"],
            concurrent
        ),
    ],
};

async fn acknowledged(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.sign(&publisher.recipe("new", Behaviour::Echo));
    let reply = publisher.admin().upload(&package).await?.expect(201)?;
    let body = reply.json()?;
    ensure!(
        body["version"] == "1.0.0" && body["package"] == package.digest() && body["revoked"] == false,
        "the acknowledgement is {body}"
    );
    let location = reply.header("location").unwrap_or_default().to_owned();
    let expected = format!("/registry/handlers/{}", package.id());
    ensure!(location.ends_with(&expected), "`Location` is `{location}`, expected `{expected}`");
    let detail = cx.user().get(&expected).send().await?.expect(200)?;
    let versions = detail.json()?["versions"].as_array().cloned().unwrap_or_default();
    ensure!(
        versions.iter().any(|release| release["package"] == package.digest()),
        "{}: the release is not in the detail",
        detail.describe()
    );
    Ok(())
}

async fn stored_manifest(publisher: &Publisher, package: &Package) -> Result<(), Stop> {
    let reply = publisher.admin().part(&package.id(), &package.version(), "manifest").await?.expect(200)?;
    ensure!(reply.body() == package.manifest, "the stored manifest is not the first one");
    Ok(())
}

async fn duplicate(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let first = publisher.publish(&publisher.recipe("once", Behaviour::Echo).description("first")).await?;
    let second = publisher.sign(&publisher.recipe("once", Behaviour::Echo).description("second"));
    refused("version-exists").judge(&publisher.admin().upload(&second).await?)?;
    stored_manifest(&publisher, &first).await?;
    let twin = publisher.recipe("once", Behaviour::Echo).description("second").version("1.0.1");
    publisher.publish_after(&twin, &first).await?;
    Ok(())
}

async fn duplicate_same(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let first = publisher.publish(&publisher.recipe("same", Behaviour::Echo)).await?;
    refused("version-exists").judge(&publisher.admin().upload(&first).await?)?;
    stored_manifest(&publisher, &first).await
}

async fn concurrent(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let mut uploads = tokio::task::JoinSet::new();
    for n in 0..8 {
        let publisher = publisher.clone();
        let recipe = publisher.recipe("race", Behaviour::Echo).description(&format!("upload {n}"));
        uploads.spawn(async move {
            let package = publisher.sign(&recipe);
            let reply = publisher.admin().upload(&package).await?;
            Ok::<_, Stop>((package, reply))
        });
    }
    let mut winners = Vec::new();
    while let Some(joined) = uploads.join_next().await {
        let (package, reply) = joined.map_err(|fault| Stop::Error(fault.to_string()))??;
        if reply.status() == 201 {
            winners.push(package);
        } else {
            refused("version-exists").judge(&reply)?;
        }
    }
    ensure!(winners.len() == 1, "{} of 8 uploads of one version were acknowledged", winners.len());
    for winner in &winners {
        stored_manifest(&publisher, winner).await?;
    }
    publisher.store(&publisher.sign(&publisher.recipe("twin", Behaviour::Echo))).await.control("an upload alone wins")
}

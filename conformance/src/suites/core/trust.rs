//! Gate 5: the trust of the moment, and how signatures are counted (core.md 2.1, 2.2, 5.5; registry.md 2.5).

use assay_fixtures::Behaviour;
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::publisher::{Publisher, key_body};
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "trust",
    checks: checks![
        each(
            "core.signature.key-deleted-install",
            "a release whose key was deleted is not installed",
            &["CORE-SIG-009"],
            key_deleted_install
        ),
        each(
            "core.signature.key-deleted-execute",
            "an installed release whose key was deleted is not executed",
            &["CORE-SIG-009"],
            key_deleted_execute
        ),
        once("core.signature.unsigned", "a release without a signature is not installed", &["CORE-SIG-010"], unsigned),
        once(
            "core.signature.unsigned-stored",
            "a package without a signature is stored without a signer",
            &["CORE-SIG-010"],
            unsigned_stored
        ),
        once(
            "core.signature.bad-beside-good",
            "a bad envelope is refused beside a good one",
            &["CORE-SIG-011"],
            bad_beside_good
        ),
        once(
            "core.signature.duplicate-key",
            "a key counts once, however often it signs",
            &["CORE-SIG-012"],
            duplicate_key
        ),
    ],
};

async fn delete_key(publisher: &Publisher) -> Result<(), Stop> {
    let delete = async { publisher.control().delete_key(publisher.key_name()).await?.expect(204) };
    delete.await.control("the key is deleted")?;
    Ok(())
}

async fn trust_again(publisher: &Publisher) -> Result<(), Stop> {
    publisher.trust(&key_body(publisher.key(), &[publisher.scope()], None)).await
}

async fn key_deleted_install(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("waiting", Behaviour::Echo)).await?;
    delete_key(&publisher).await?;
    refused("signature-invalid").judge(&publisher.admin().install(&package.id(), "1.0.0").await?)?;
    refused("not-installed").judge(&publisher.admin().installation(&package.id()).await?)?;
    trust_again(&publisher).await?;
    publisher.install_stored(&package).await?;
    Ok(())
}

async fn key_deleted_execute(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("running", Behaviour::Echo)).await?;
    handler.runs(json!(1)).await?;
    delete_key(&publisher).await?;
    let reply = publisher.admin().execute(handler.id(), &json!({"input": 2})).await?;
    refused("signature-invalid").judge(&reply)?;
    trust_again(&publisher).await?;
    handler.runs(json!(3)).await?;
    Ok(())
}

async fn unsigned(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let bare = publisher.recipe("bare", Behaviour::Echo).build();
    publisher.store(&bare).await?;
    refused("signature-missing").judge(&publisher.admin().install(&bare.id(), "1.0.0").await?)?;
    refused("not-installed").judge(&publisher.admin().installation(&bare.id()).await?)?;
    publisher.install(&publisher.recipe("signed", Behaviour::Echo)).await?;
    Ok(())
}

async fn unsigned_stored(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let bare = publisher.recipe("bare", Behaviour::Echo).build();
    publisher.accepted(&bare).await?;
    let detail = publisher.admin().detail(&bare.id()).await?.expect(200)?;
    ensure!(signers(&detail.json()?)?.is_empty(), "a release without a signature has signers: {}", detail.describe());
    Ok(())
}

/// The names of the signers of the only release in a handler's detail.
fn signers(detail: &Value) -> Result<Vec<String>, Stop> {
    let signers = detail["versions"][0]["signers"].as_array();
    let signers = signers.ok_or_else(|| Stop::Fail(format!("the detail has no list of signers: {detail}")))?;
    Ok(signers.iter().map(|signer| signer["key"].as_str().unwrap_or_default().to_owned()).collect())
}

async fn bad_beside_good(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let second = Publisher::stranger(&cx, "second");
    let good = publisher.sign(&publisher.recipe("both", Behaviour::Echo));
    let both = good.clone().signed(second.key());
    refused("signature-invalid").judge(&publisher.admin().upload(&both).await?)?;
    publisher.absent(&good.id(), "1.0.0").await?;
    second.trust(&key_body(second.key(), &[second.scope()], None)).await?;
    publisher.store(&both).await
}

async fn duplicate_key(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let second = Publisher::stranger(&cx, "second");
    second.trust(&key_body(second.key(), &[second.scope()], None)).await?;
    let twice = publisher.sign(&publisher.recipe("twice", Behaviour::Echo)).signed(publisher.key());
    publisher.store(&twice).await?;
    let detail = publisher.admin().detail(&twice.id()).await?.expect(200)?;
    let found = signers(&detail.json()?)?;
    ensure!(found == [publisher.key_name()], "one key signed twice and the signers are {found:?}");
    let two = publisher.sign(&publisher.recipe("two", Behaviour::Echo)).signed(second.key());
    publisher.store(&two).await?;
    let detail = publisher.control().detail(&two.id()).await?.expect(200)?;
    let found = signers(&detail.json()?)?;
    if found != [publisher.key_name(), second.key_name()] {
        return Err(Stop::Inconclusive(format!("two keys signed and the signers are {found:?}")));
    }
    Ok(())
}

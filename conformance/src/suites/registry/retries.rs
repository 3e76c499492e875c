//! A request that is sent again under its key has its effect once (registry.md, section 6).

use assay_fixtures::{Behaviour, Package};
use assay_harness::{Control as _, Cx, Group, Reply, Role, Stop, checks, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::form::Form;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "registry",
    name: "retries",
    checks: checks![
        once("registry.retries.upload", "an upload that is sent again is answered again", &["REG-RTY-001"], upload),
        once("registry.retries.sign", "the registry signs once for each key", &["REG-RTY-001"], sign),
        once("registry.retries.install", "an install that is sent again installs nothing", &["REG-RTY-001"], install),
        once("registry.retries.upgrade", "an upgrade that is sent again changes nothing", &["REG-RTY-001"], upgrade),
        once("registry.retries.another", "a key is not taken for another request", &["REG-RTY-002"], another),
        once("registry.retries.refused", "what was refused leaves its key free", &["REG-RTY-003"], after_a_refusal),
        once("registry.retries.race", "of requests at the same time one has an effect", &["REG-RTY-004"], race),
        once("registry.retries.form", "a key that is not of its form is refused", &["REG-RTY-005"], form),
        once("registry.retries.kept", "the last keys are remembered", &["REG-RTY-006"], kept).costly(),
    ],
};

/// A request as it is sent, and sent again.
#[derive(Clone)]
pub struct Sent {
    path: String,
    media_type: String,
    body: Vec<u8>,
}

impl Sent {
    fn json(path: String, body: &serde_json::Value) -> Sent {
        Sent { path, media_type: "application/json".to_owned(), body: body.to_string().into_bytes() }
    }

    /// An upload.
    pub fn upload(package: &Package) -> Sent {
        let (media_type, body) = Form::of(package).encode();
        Sent { path: "/admin/registry/handlers".to_owned(), media_type, body }
    }

    /// The same upload as another client would write it, with another boundary.
    fn upload_anew(package: &Package) -> Sent {
        let (media_type, body) = Form::of(package).encode_between("another-boundary-of-another-client");
        Sent { media_type, body, ..Sent::upload(package) }
    }

    fn sign(package: &Package, end: Timestamp) -> Sent {
        let path = format!("/admin/registry/handlers/{}/versions/{}/sign", package.id(), package.version());
        Sent::json(path, &json!({"expires_at": end.to_string()}))
    }

    fn install(package: &Package) -> Sent {
        Sent::json(format!("/handlers/{}/install", package.id()), &json!({"version": package.version()}))
    }

    fn upgrade(package: &Package) -> Sent {
        Sent::json(format!("/handlers/{}/upgrade", package.id()), &json!({"version": package.version()}))
    }

    /// Sends it with these headers `Idempotency-Key`.
    pub async fn under(&self, cx: &Cx, keys: &[&str]) -> Result<Reply, Stop> {
        let request = cx.admin().post(&self.path).body(&self.media_type, self.body.clone());
        keys.iter().fold(request, |request, key| request.header("idempotency-key", key)).send().await
    }

    /// Sends it without a key.
    async fn alone(&self, cx: &Cx) -> Result<Reply, Stop> {
        let client = cx.admin().as_role(Role::Control);
        client.post(&self.path).body(&self.media_type, self.body.clone()).send().await
    }
}

/// A key of the check, as the header has it.
fn key(cx: &Cx, word: &str) -> String {
    format!("\"{}-{word}\"", cx.namespace())
}

/// Judges that a request was answered as it was the first time.
fn same(first: &Reply, again: &Reply) -> Result<(), Stop> {
    ensure!(again.status() == first.status(), "{}, and the first time {}", again.describe(), first.status());
    ensure!(
        again.body() == first.body(),
        "{}: the body is `{}`, and the first time it was `{}`",
        again.describe(),
        String::from_utf8_lossy(again.body()),
        String::from_utf8_lossy(first.body())
    );
    let location = |reply: &Reply| reply.header("location").unwrap_or_default().to_owned();
    ensure!(
        location(again) == location(first),
        "{}: `Location` is `{}`, and the first time it was `{}`",
        again.describe(),
        location(again),
        location(first)
    );
    Ok(())
}

async fn upload(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.sign(&publisher.recipe("upload", Behaviour::Echo));
    let (sent, key) = (Sent::upload(&package), key(&cx, "upload"));
    let first = sent.under(&cx, &[&key]).await?.expect(201)?;
    same(&first, &sent.under(&cx, &[&key]).await?)?;
    let boundary = Sent::upload_anew(&package);
    cx.case("with another boundary", async { same(&first, &boundary.under(&cx, &[&key]).await?) }).await;
    let later = async {
        publisher.control().revoke(&package.id(), "1.0.0").await?.expect(200).control("a release is revoked")?;
        same(&first, &sent.under(&cx, &[&key]).await?)
    };
    cx.case("after the release was revoked", later).await;
    refused("version-exists").judge(&sent.alone(&cx).await?).control("without the key the version exists")
}

/// How many signatures the registry shows of a release.
async fn signatures(publisher: &Publisher, package: &Package) -> Result<usize, Stop> {
    let detail = publisher.user().detail(&package.id()).await?.expect(200)?.json()?;
    let parts = detail["versions"][0]["parts"].as_array().cloned().unwrap_or_default();
    Ok(parts.iter().filter(|part| part["name"].as_str().is_some_and(|name| name.starts_with("signature-"))).count())
}

async fn sign(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.recipe("sign", Behaviour::Echo).build();
    publisher.store(&package).await?;
    let sent = Sent::sign(&package, Timestamp::now() + SignedDuration::from_hours(2));
    let key = key(&cx, "sign");
    let first = sent.under(&cx, &[&key]).await?.expect(200)?;
    same(&first, &sent.under(&cx, &[&key]).await?)?;
    let count = signatures(&publisher, &package).await?;
    ensure!(count == 1, "the release has {count} signatures after one request that was sent twice");
    sent.alone(&cx).await.and_then(|reply| reply.expect(200)).control("without the key the registry signs again")?;
    same(&first, &sent.under(&cx, &[&key]).await?)?;
    let count = signatures(&publisher, &package).await?;
    ensure!(count == 2, "the release has {count} signatures after two requests of which one was repeated");
    Ok(())
}

async fn install(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("install", Behaviour::Echo)).await?;
    let (sent, key) = (Sent::install(&package), key(&cx, "install"));
    let first = sent.under(&cx, &[&key]).await?.expect(201)?;
    same(&first, &sent.under(&cx, &[&key]).await?)?;
    refused("already-installed").judge(&sent.alone(&cx).await?).control("without the key it is installed already")?;
    let uninstall = async { publisher.control().uninstall(&package.id()).await?.expect(204) };
    uninstall.await.control("it is uninstalled")?;
    same(&first, &sent.under(&cx, &[&key]).await?)?;
    refused("not-installed").judge(&publisher.admin().installation(&package.id()).await?)
}

async fn upgrade(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let recipe = |version: &str| publisher.recipe("upgrade", Behaviour::Echo).version(version);
    let old = publisher.publish(&recipe("1.0.0")).await?;
    publisher.install_stored(&old).await?;
    let new = publisher.publish_after(&recipe("1.1.0"), &old).await?;
    let newest = publisher.publish_after(&recipe("1.2.0"), &new).await?;
    let (sent, key) = (Sent::upgrade(&new), key(&cx, "upgrade"));
    let first = sent.under(&cx, &[&key]).await?.expect(200)?;
    same(&first, &sent.under(&cx, &[&key]).await?)?;
    let upgrade = async { publisher.control().upgrade(&newest.id(), "1.2.0").await?.expect(200) };
    upgrade.await.control("it is upgraded once more")?;
    same(&first, &sent.under(&cx, &[&key]).await?)?;
    let shown = publisher.admin().installation(&new.id()).await?.expect(200)?;
    ensure!(shown.json()?["version"] == "1.2.0", "{}: the repeated upgrade went back", shown.describe());
    refused("version-downgrade").judge(&sent.alone(&cx).await?).control("without the key it goes back")
}

async fn another(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.sign(&publisher.recipe("first", Behaviour::Echo));
    let key = key(&cx, "another");
    Sent::upload(&package).under(&cx, &[&key]).await?.expect(201)?;
    let reused = refused("idempotency-key-reused");
    let others = publisher.sign(&publisher.recipe("second", Behaviour::Echo));
    let unsigned = publisher.recipe("first", Behaviour::Echo).build();
    for (name, sent) in [
        ("another package", Sent::upload(&others)),
        ("a part less", Sent::upload(&unsigned)),
        ("another path", Sent::install(&package)),
    ] {
        cx.case(name, async { reused.judge(&sent.under(&cx, &[&key]).await?) }).await;
    }
    publisher.absent(&others.id(), "1.0.0").await?;
    refused("not-installed").judge(&publisher.admin().installation(&package.id()).await?)?;
    let twin = Sent::upload(&others).under(&cx, &[&self::key(&cx, "twin")]).await;
    twin.and_then(|reply| reply.expect(201)).control("under a key of its own it is accepted")?;
    Ok(())
}

async fn after_a_refusal(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let stranger = Publisher::stranger(&cx, "stranger");
    let key = key(&cx, "refused");
    let recipe = publisher.recipe("refused", Behaviour::Echo);
    let refusal = Sent::upload(&stranger.sign(&recipe)).under(&cx, &[&key]).await?;
    refused("signature-invalid").judge(&refusal)?;
    let package = publisher.sign(&recipe);
    Sent::upload(&package).under(&cx, &[&key]).await?.expect(201)?;
    Ok(())
}

async fn race(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.sign(&publisher.recipe("race", Behaviour::Echo));
    at_once(&cx, &Sent::upload(&package), &key(&cx, "race-upload"), 201).await?;
    let sent = Sent::sign(&package, Timestamp::now() + SignedDuration::from_hours(2));
    at_once(&cx, &sent, &key(&cx, "race-sign"), 200).await?;
    let count = signatures(&publisher, &package).await?;
    ensure!(
        count == 2,
        "the release has {count} signatures, one of its publisher and of the registry those of one request"
    );
    Ok(())
}

/// Sends a request several times at the same time, and judges that all are answered alike.
async fn at_once(cx: &Cx, sent: &Sent, key: &str, status: u16) -> Result<(), Stop> {
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (cx, sent, key) = (cx.clone(), sent.clone(), key.to_owned());
        requests.spawn(async move { sent.under(&cx, &[&key]).await });
    }
    let mut first: Option<Reply> = None;
    while let Some(joined) = requests.join_next().await {
        let reply = joined.map_err(|fault| Stop::Error(fault.to_string()))??.expect(status)?;
        match &first {
            None => first = Some(reply),
            Some(first) => same(first, &reply)?,
        }
    }
    Ok(())
}

async fn form(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.sign(&publisher.recipe("form", Behaviour::Echo));
    let sent = Sent::upload(&package);
    let longest = format!("{:x<255}", cx.namespace());
    let (longer, well) = (format!("\"{longest}x\""), format!("\"{longest}\""));
    let malformed = refused("request-malformed").named("idempotency-key");
    for (name, keys) in [
        ("without quotes", &["plain"][..]),
        ("empty", &["\"\""]),
        ("a quote inside", &["\"a\"b\""]),
        ("a character longer than the longest", &[&longer]),
        ("two headers", &["\"a\"", "\"b\""]),
    ] {
        cx.case(name, async { malformed.judge(&sent.under(&cx, keys).await?) }).await;
    }
    publisher.absent(&package.id(), "1.0.0").await?;
    let accepted = sent.under(&cx, &[&well]).await.and_then(|reply| reply.expect(201));
    accepted.control("the longest key is taken")?;
    Ok(())
}

/// How many keys come between: fewer than every runtime remembers, for other checks use some meanwhile.
const BETWEEN: usize = 64;

async fn kept(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("kept", Behaviour::Echo)).await?;
    let sent = Sent::install(&package);
    let first = sent.under(&cx, &[&key(&cx, "first")]).await?.expect(201)?;
    for n in 0..BETWEEN {
        publisher.control().uninstall(&package.id()).await?.expect(204).control("it is uninstalled")?;
        let reply = sent.under(&cx, &[&key(&cx, &format!("later-{n}"))]).await;
        reply.and_then(|reply| reply.expect(201)).control("it is installed under another key")?;
    }
    same(&first, &sent.under(&cx, &[&key(&cx, "first")]).await?)
}

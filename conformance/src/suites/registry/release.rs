//! A release: its detail, its parts, the registry's signature, its revocation (registry.md, sections 3 to 5).

use assay_fixtures::{Behaviour, pae};
use assay_harness::{Control as _, Cx, Group, Stop, TERMS, checks, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::form;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "registry",
    name: "release",
    checks: checks![
        once(
            "registry.detail.release",
            "the detail shows a release with its signers and parts",
            &["REG-DET-001"],
            detail
        ),
        once("registry.download.bytes", "a part is downloaded as it was uploaded", &["REG-DWN-001"], bytes),
        once("registry.download.headers", "a download carries its media type and digests", &["REG-DWN-002"], headers),
        once(
            "registry.download.revoked",
            "a revoked release is shown as revoked and can be downloaded",
            &["REG-DWN-003"],
            revoked
        ),
        once(
            "registry.sign.verifies",
            "the registry's signature verifies under the published key",
            &["REG-SGN-001"],
            verifies
        ),
        each("registry.sign.runs", "a release that the registry signed runs", &["REG-SGN-002"], runs),
        once("registry.sign.expiry", "the registry does not sign an expiry that has passed", &["REG-SGN-003"], expiry),
        once("registry.revoke.again", "revoking again changes nothing", &["REG-REV-001"], again),
    ],
};

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

async fn detail(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("detail", Behaviour::Echo).name("Shown")).await?;
    let reply = publisher.user().detail(&package.id()).await?.expect(200)?;
    let body = reply.json()?;
    ensure!(body["id"] == package.id() && body["name"] == "Shown" && body["revoked"] == false, "{}", reply.describe());
    let release = &body["versions"][0];
    for (member, expected) in [
        ("version", json!("1.0.0")),
        ("package", json!(package.digest())),
        ("abi", json!(cx.packaging())),
        ("revoked", json!(false)),
    ] {
        ensure!(release[member] == expected, "`{member}` is {}, expected {expected}", release[member]);
    }
    ensure!(release["uploaded_at"].is_string(), "`uploaded_at` is {}", release["uploaded_at"]);
    let signers = release["signers"].as_array().cloned().unwrap_or_default();
    ensure!(signers.len() == 1, "one key signed and the signers are {signers:?}");
    ensure!(
        signers[0]["key"] == publisher.key_name()
            && signers[0]["role"] == "publisher"
            && signers[0]["previous"].is_null(),
        "the signer is {}",
        signers[0]
    );
    for (name, media_type, part) in [
        ("manifest", form::MANIFEST, &package.manifest),
        ("module", form::MODULE, &package.module),
        ("signature-0", form::SIGNATURE, &package.signatures[0]),
    ] {
        let parts = release["parts"].as_array().cloned().unwrap_or_default();
        let found = parts.iter().find(|part| part["name"] == name).cloned().unwrap_or_default();
        ensure!(
            found["media_type"] == media_type && found["digest"] == sha256(part) && found["size"] == part.len(),
            "the part `{name}` is {found}"
        );
        let href = found["href"].as_str().unwrap_or_default().to_owned();
        let download = cx.user().get(&href).send().await?.expect(200)?;
        ensure!(download.body() == part.as_slice(), "`href` of `{name}` leads to other bytes");
    }
    Ok(())
}

async fn bytes(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // White space and order are the publisher's; a manifest that is written anew has another digest.
    let recipe = publisher
        .recipe("bytes", Behaviour::Echo)
        .edit_manifest(|text| format!(" {}\n\n", text.replace("\":", "\" :\t")));
    let package = publisher.publish(&recipe).await?;
    for (name, part) in
        [("manifest", &package.manifest), ("module", &package.module), ("signature-0", &package.signatures[0])]
    {
        let judged = async {
            let reply = publisher.user().part(&package.id(), "1.0.0", name).await?.expect(200)?;
            ensure!(
                reply.body() == part.as_slice(),
                "{} bytes came back, other than the {} sent",
                reply.body().len(),
                part.len()
            );
            Ok(())
        };
        cx.case(name, judged).await;
    }
    let missing = publisher.user().part(&package.id(), "1.0.0", "signature-1").await?;
    refused("not-found").judge(&missing)
}

async fn headers(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("headers", Behaviour::Echo)).await?;
    for (name, media_type, part) in [
        ("manifest", form::MANIFEST, &package.manifest),
        ("module", form::MODULE, &package.module),
        ("signature-0", form::SIGNATURE, &package.signatures[0]),
    ] {
        let judged = async {
            let reply = publisher.user().part(&package.id(), "1.0.0", name).await?.expect(200)?;
            let digest = BASE64_STANDARD.encode(Sha256::digest(part));
            for (header, expected) in [
                ("content-type", media_type.to_owned()),
                ("etag", format!("\"{}\"", sha256(part))),
                ("repr-digest", format!("sha-256=:{digest}:")),
            ] {
                let found = reply.header(header).unwrap_or_default();
                ensure!(found == expected, "`{header}` is `{found}`, expected `{expected}`");
            }
            Ok(())
        };
        cx.case(name, judged).await;
    }
    Ok(())
}

async fn revoked(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("revoked", Behaviour::Echo)).await?;
    let before = publisher.control().part(&package.id(), "1.0.0", "module").await;
    before.and_then(|reply| reply.expect(200)).control("a release can be downloaded")?;
    publisher.admin().revoke(&package.id(), "1.0.0").await?.expect(200)?;
    let detail = publisher.user().detail(&package.id()).await?.expect(200)?;
    ensure!(detail.json()?["versions"][0]["revoked"] == true, "{}: not shown as revoked", detail.describe());
    let reply = publisher.user().part(&package.id(), "1.0.0", "module").await?.expect(200)?;
    ensure!(reply.body() == package.module, "a revoked release's module has other bytes");
    Ok(())
}

/// What the registry is asked to sign.
fn until(end: Timestamp) -> Value {
    json!({"expires_at": end.to_string()})
}

async fn verifies(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.recipe("signed", Behaviour::Echo).build();
    publisher.store(&package).await?;
    let end = Timestamp::now() + SignedDuration::from_hours(2);
    let reply = publisher.admin().sign(&package.id(), "1.0.0", &until(end)).await?.expect(200)?;
    let signer = &reply.json()?["signers"][0];
    ensure!(signer["key"] == "registry" && signer["role"] == "registry", "the signer is {signer}");

    let envelope = publisher.user().part(&package.id(), "1.0.0", "signature-0").await?.expect(200)?;
    let envelope = envelope.json()?.clone();
    let text = |pointer: &str| -> Result<String, Stop> {
        let found = envelope.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| Stop::Fail(format!("the registry's envelope has no text {pointer}")))
    };
    let decode = |pointer: &str| -> Result<Vec<u8>, Stop> {
        let decoded = BASE64_STANDARD.decode(text(pointer)?);
        decoded.map_err(|fault| Stop::Fail(format!("{pointer} of the registry's envelope is not base64: {fault}")))
    };
    let (payload, raw) = (decode("/payload")?, decode("/signatures/0/sig")?);
    let key = VerifyingKey::from_bytes(&cx.discovery().registry_key.public_key)
        .map_err(|_| Stop::Fail("the published registry key is no Ed25519 key".to_owned()))?;
    let signature =
        Signature::from_slice(&raw).map_err(|_| Stop::Fail(format!("the signature has {} bytes", raw.len())))?;
    let signed = pae(&text("/payloadType")?, &payload);
    ensure!(
        key.verify_strict(&signed, &signature).is_ok(),
        "the signature does not verify under the published registry key"
    );

    let statement: Value =
        serde_json::from_slice(&payload).map_err(|fault| Stop::Fail(format!("the payload is not JSON: {fault}")))?;
    let digest = package.digest();
    for (pointer, expected) in [
        ("/subject/0/name", json!(package.subject())),
        ("/subject/0/digest/sha256", json!(digest.trim_start_matches("sha256:"))),
        ("/predicateType", json!(TERMS.predicate_type)),
        ("/predicate/previous", Value::Null),
    ] {
        let found = statement.pointer(pointer);
        ensure!(found == Some(&expected), "{pointer} of the statement is {found:?}, expected {expected}");
    }
    let expires: Option<Timestamp> = statement["predicate"]["expires_at"].as_str().and_then(|text| text.parse().ok());
    ensure!(expires == Some(end), "the statement expires at {}, expected {end}", statement["predicate"]["expires_at"]);
    Ok(())
}

async fn runs(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.recipe("signed", Behaviour::Echo).build();
    publisher.store(&package).await?;
    refused("signature-missing")
        .judge(&publisher.control().install(&package.id(), "1.0.0").await?)
        .control("without the registry's signature it is not installed")?;
    let end = Timestamp::now() + SignedDuration::from_hours(2);
    publisher.admin().sign(&package.id(), "1.0.0", &until(end)).await?.expect(200)?;
    publisher.admin().install(&package.id(), "1.0.0").await?.expect(201)?;
    let handler = crate::installed::Installed::new(&cx, &package.id(), "1.0.0");
    handler.execute(json!([1])).await?.expect_output(&json!([1]))
}

async fn expiry(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.recipe("signed", Behaviour::Echo).build();
    publisher.store(&package).await?;
    let refusal = refused("request-malformed").at("/expires_at");
    let past = until(Timestamp::now() - SignedDuration::from_secs(60));
    for (name, body) in [("past", past), ("no date", json!({"expires_at": "soon"})), ("absent", json!({}))] {
        let judged = async { refusal.judge(&publisher.admin().sign(&package.id(), "1.0.0", &body).await?) };
        cx.case(name, judged).await;
    }
    refused("not-found").judge(&publisher.admin().part(&package.id(), "1.0.0", "signature-0").await?)?;
    let future = until(Timestamp::now() + SignedDuration::from_hours(1));
    let twin = async { publisher.control().sign(&package.id(), "1.0.0", &future).await?.expect(200) };
    twin.await.control("an expiry in the future is signed")?;
    Ok(())
}

async fn again(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("revoked", Behaviour::Echo)).await?;
    let first = publisher.admin().revoke(&package.id(), "1.0.0").await?.expect(200)?;
    let second = publisher.admin().revoke(&package.id(), "1.0.0").await?.expect(200)?;
    for reply in [&first, &second] {
        ensure!(reply.json()?["revoked"] == true, "{}: not revoked", reply.describe());
    }
    let handler = publisher.admin().revoke_handler(&package.id()).await?.expect(200)?;
    ensure!(handler.json()?["revoked"] == true, "{}: the handler is not revoked", handler.describe());
    publisher.admin().revoke_handler(&package.id()).await?.expect(200)?;
    refused("release-revoked").judge(&publisher.admin().install(&package.id(), "1.0.0").await?)
}

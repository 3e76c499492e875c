//! Gate 5: who signed, over what (core.md 5.1, 5.3, 5.4).

use assay_fixtures::{Behaviour, Envelope, PAYLOAD_TYPE, Package, Release, Statement, hostile_keys};
use assay_harness::{Control as _, Cx, Group, Stop, checks};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::publisher::{Publisher, key_body};
use crate::refusal::{Refusal, refused};

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "signature",
    checks: checks![
        each(
            "core.signature.valid",
            "a release signed by a trusted key is accepted, installed and executed",
            &["CORE-SIG-001"],
            valid
        ),
        once(
            "core.signature.untrusted-key",
            "a release signed by a key that nobody trusts is refused",
            &["CORE-SIG-002"],
            untrusted_key
        ),
        once(
            "core.signature.tampered-payload",
            "a statement that was changed after signing is refused",
            &["CORE-SIG-002"],
            tampered_payload
        ),
        once(
            "core.signature.tampered-signature",
            "a signature with a flipped bit is refused",
            &["CORE-SIG-002"],
            tampered_signature
        ),
        once(
            "core.signature.bare-payload",
            "a signature over the payload without PAE is refused",
            &["CORE-SIG-003"],
            bare_payload
        ),
        once(
            "core.signature.other-type",
            "a signature over another payload type is refused",
            &["CORE-SIG-003"],
            other_type
        ),
        once("core.signature.malleable", "a signature with S + L is refused", &["CORE-SIG-004"], malleable),
        once("core.signature.keyid", "keyid makes a signature neither valid nor invalid", &["CORE-SIG-005"], keyid),
        once(
            "core.signature.other-digest",
            "a statement about another package digest is refused",
            &["CORE-SIG-006"],
            other_digest
        ),
        once(
            "core.signature.other-name",
            "a statement about another id or version is refused",
            &["CORE-SIG-006"],
            other_name
        ),
        once("core.signature.scope", "a key that is trusted for other handlers is refused", &["CORE-SIG-007"], scope),
        once(
            "core.signature.scope-sibling",
            "a scope does not cover its sibling or its own prefix",
            &["CORE-SIG-007"],
            scope_sibling
        ),
        once("core.signature.key-ended", "a key that has ended is refused", &["CORE-SIG-008"], key_ended),
    ],
};

async fn valid(cx: Cx) -> Result<(), Stop> {
    // Every step is what the check judges: nothing here is a control.
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.sign(&publisher.recipe("valid", Behaviour::Echo));
    publisher.accepted(&package).await?;
    publisher.admin().install(&package.id(), "1.0.0").await?.expect(201)?;
    let handler = crate::installed::Installed::new(&cx, &package.id(), "1.0.0");
    handler.execute(json!({"n": 7})).await?.expect_output(&json!({"n": 7}))
}

/// A package whose only envelope is made by `envelope` out of the right statement.
fn enveloped(package: &Package, envelope: impl FnOnce(Statement) -> Envelope) -> Package {
    let statement = Statement::of(&package.subject(), &package.digest(), &Release::valid());
    package.clone().unsigned().with_signature(envelope(statement).to_bytes())
}

/// A minimal pair of envelopes around one package; the twin is signed as it should be.
async fn envelope_pair(
    publisher: &Publisher,
    leaf: &str,
    envelope: impl FnOnce(Statement) -> Envelope,
    refusal: &Refusal,
) -> Result<(), Stop> {
    let package = publisher.recipe(leaf, Behaviour::Echo).build();
    let flawed = enveloped(&package, envelope);
    let key = publisher.key();
    let twin = enveloped(&package, |statement| Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(key));
    publisher.pair(&flawed, &twin, refusal).await
}

async fn untrusted_key(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let stranger = Publisher::stranger(&cx, "stranger");
    let sign = |statement: Statement| Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(stranger.key());
    envelope_pair(&publisher, "stranger", sign, &refused("signature-invalid")).await
}

async fn tampered_payload(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let tamper = |statement: Statement| {
        let signature = Envelope::new(PAYLOAD_TYPE, statement.clone().to_bytes());
        let signature = publisher.key().sign(&signature.pae());
        let later = Timestamp::now() + SignedDuration::from_hours(24 * 365);
        let changed = statement.set("/predicate/expires_at", later.to_string());
        Envelope::new(PAYLOAD_TYPE, changed.to_bytes()).signature(signature)
    };
    envelope_pair(&publisher, "payload", tamper, &refused("signature-invalid")).await
}

async fn tampered_signature(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for bit in [0, 255, 256, 500] {
        let flip = |statement: Statement| {
            let envelope = Envelope::new(PAYLOAD_TYPE, statement.to_bytes());
            let mut signature = publisher.key().sign(&envelope.pae());
            signature[bit / 8] ^= 1 << (bit % 8);
            envelope.signature(signature)
        };
        let pair = envelope_pair(&publisher, &format!("bit{bit}"), flip, &refused("signature-invalid")).await;
        cx.case(format!("bit {bit}"), async { pair }).await;
    }
    Ok(())
}

async fn bare_payload(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let bare = |statement: Statement| {
        let payload = statement.to_bytes();
        let signature = publisher.key().sign(&payload);
        Envelope::new(PAYLOAD_TYPE, payload).signature(signature)
    };
    envelope_pair(&publisher, "bare", bare, &refused("signature-invalid")).await
}

async fn other_type(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let other = |statement: Statement| {
        let payload = statement.to_bytes();
        let signature = publisher.key().sign(&assay_fixtures::pae("application/json", &payload));
        Envelope::new(PAYLOAD_TYPE, payload).signature(signature)
    };
    envelope_pair(&publisher, "type", other, &refused("signature-invalid")).await
}

async fn malleable(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let add_order = |statement: Statement| {
        let envelope = Envelope::new(PAYLOAD_TYPE, statement.to_bytes());
        let signature = publisher.key().sign(&envelope.pae());
        envelope.signature(hostile_keys::s_plus_l(signature))
    };
    envelope_pair(&publisher, "malleable", add_order, &refused("signature-invalid")).await
}

async fn keyid(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let other = Publisher::stranger(&cx, "other");
    other.trust(&key_body(other.key(), &[other.scope()], None)).await?;
    let stranger = Publisher::stranger(&cx, "stranger");
    let lie = |statement: Statement| {
        Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by_with_keyid(stranger.key(), publisher.key_name())
    };
    let pair = envelope_pair(&publisher, "lie", lie, &refused("signature-invalid")).await;
    cx.case("a stranger names a trusted key", async { pair }).await;
    for (leaf, keyid) in [("wrong", other.key_name()), ("unknown", "nobody"), ("empty", "")] {
        let package = publisher.recipe(leaf, Behaviour::Echo).build();
        let package = enveloped(&package, |statement| {
            Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by_with_keyid(publisher.key(), keyid)
        });
        cx.case(format!("a trusted key with a keyid that is {leaf}"), publisher.accepted(&package)).await;
    }
    Ok(())
}

/// A minimal pair of statements: the flawed one is about something else.
async fn subject_case(cx: &Cx, publisher: &Publisher, leaf: &str, subject: Option<String>, digest: Option<String>) {
    let package = publisher.recipe(leaf, Behaviour::Echo).build();
    let subject = subject.unwrap_or_else(|| package.subject());
    let digest = digest.unwrap_or_else(|| package.digest());
    let statement = Statement::of(&subject, &digest, &Release::valid());
    let envelope = Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(publisher.key());
    let flawed = package.clone().with_signature(envelope.to_bytes());
    let twin = package.signed(publisher.key());
    cx.case(leaf, publisher.pair(&flawed, &twin, &refused("subject-mismatch"))).await;
}

async fn other_digest(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let other = publisher.recipe("elsewhere", Behaviour::Echo).build();
    subject_case(&cx, &publisher, "another-package", None, Some(other.digest())).await;
    subject_case(&cx, &publisher, "the-module", None, Some(assay_fixtures::sha256(&other.module))).await;
    Ok(())
}

async fn other_name(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let other = format!("{}@1.0.0", publisher.id("elsewhere"));
    subject_case(&cx, &publisher, "another-id", Some(other), None).await;
    let later = format!("{}@1.0.1", publisher.id("another-version"));
    subject_case(&cx, &publisher, "another-version", Some(later), None).await;
    subject_case(&cx, &publisher, "no-version", Some(publisher.id("no-version")), None).await;
    Ok(())
}

/// Trusts a key with this scope and judges which handlers it may sign for.
async fn scope_case(cx: &Cx, scope: &str, covered: &[&str], outside: &[&str]) -> Result<(), Stop> {
    let publisher = Publisher::stranger(cx, "scoped");
    publisher.trust(&key_body(publisher.key(), &[format!("{}.{scope}", cx.namespace())], None)).await?;
    for leaf in covered {
        publisher.publish(&publisher.recipe(leaf, Behaviour::Echo)).await?;
    }
    for leaf in outside {
        let package = publisher.sign(&publisher.recipe(leaf, Behaviour::Echo));
        let judged = async {
            refused("key-out-of-scope").judge(&publisher.admin().upload(&package).await?)?;
            publisher.absent(&package.id(), "1.0.0").await
        };
        cx.case(*leaf, judged).await;
    }
    Ok(())
}

async fn scope(cx: Cx) -> Result<(), Stop> {
    scope_case(&cx, "inside.*", &["inside.a", "inside.a.b"], &["outside.a", "a.inside.a"]).await
}

async fn scope_sibling(cx: Cx) -> Result<(), Stop> {
    scope_case(&cx, "inside.*", &["inside.a"], &["insider.a", "inside-a.b", "inside"]).await
}

async fn key_ended(cx: Cx) -> Result<(), Stop> {
    let ended = Publisher::stranger(&cx, "ended");
    let now = Timestamp::now();
    let until = |end: Timestamp| key_body(ended.key(), &[ended.scope()], Some(end.to_string()));
    ended.trust(&until(now - SignedDuration::from_hours(1))).await?;
    let package = ended.sign(&ended.recipe("ended", Behaviour::Echo));
    refused("key-expired").judge(&ended.admin().upload(&package).await?)?;
    ended.absent(&package.id(), "1.0.0").await?;
    let extend = async {
        let body = until(now + SignedDuration::from_hours(1));
        ended.control().put_key(ended.key_name(), &body).await?.expect(200)
    };
    extend.await.control("the key is extended")?;
    ended.store(&package).await
}

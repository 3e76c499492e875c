//! Gate 1 for signatures: the form of envelopes and statements (core.md 5.1, 5.2).

use assay_fixtures::{Behaviour, Envelope, PAYLOAD_TYPE, Release, Statement};
use assay_harness::{Cx, Group, Stop, checks};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "envelope",
    checks: checks![
        once(
            "core.signature.envelope-form",
            "what is not a DSSE envelope is refused",
            &["CORE-SIG-013"],
            envelope_form
        ),
        once(
            "core.signature.statement-form",
            "what is not a release statement is refused",
            &["CORE-SIG-014"],
            statement_form
        ),
        once("core.signature.base64", "both base64 alphabets are read", &["CORE-SIG-015"], base64),
    ],
};

/// A minimal pair of signatures, as a case: the flawed bytes come from the right statement.
async fn case(cx: &Cx, publisher: &Publisher, name: &str, number: usize, flawed: impl FnOnce(Statement) -> Vec<u8>) {
    let package = publisher.recipe(&format!("h{number}"), Behaviour::Echo).build();
    let statement = Statement::of(&package.subject(), &package.digest(), &Release::valid());
    let twin = Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(publisher.key());
    let twin = package.clone().with_signature(twin.to_bytes());
    let flawed = package.with_signature(flawed(statement));
    cx.case(name, publisher.pair(&flawed, &twin, &refused("envelope-malformed"))).await;
}

async fn envelope_form(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let sets: Vec<(&str, &str, Value)> = vec![
        ("an unknown member", "/colour", json!("blue")),
        ("an unknown member of a signature", "/signatures/0/cert", json!("…")),
        ("no signatures", "/signatures", json!([])),
        ("signatures that are no list", "/signatures", json!({"sig": ""})),
        ("a payload that is not base64", "/payload", json!("!!!")),
        ("a payload without padding", "/payload", json!("eyJhIjoxfQ")),
        ("a payload that is no text", "/payload", json!(7)),
        ("a payload that is not JSON", "/payload", json!("bm90IGpzb24=")),
        ("a signature that is not base64", "/signatures/0/sig", json!("***")),
        ("a keyid that is no text", "/signatures/0/keyid", json!(1)),
        ("a null payload type", "/payloadType", json!(null)),
    ];
    let mut number = 0;
    for (name, pointer, value) in sets {
        let flawed = |statement: Statement| {
            Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(publisher.key()).set(pointer, value).to_bytes()
        };
        case(&cx, &publisher, name, number, flawed).await;
        number += 1;
    }
    for pointer in ["/payloadType", "/payload", "/signatures", "/signatures/0/sig"] {
        let flawed = |statement: Statement| {
            Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(publisher.key()).remove(pointer).to_bytes()
        };
        case(&cx, &publisher, &format!("no {pointer}"), number, flawed).await;
        number += 1;
    }
    let typed = |statement: Statement| {
        Envelope::new("application/json", statement.to_bytes()).signed_by(publisher.key()).to_bytes()
    };
    case(&cx, &publisher, "another payload type", number, typed).await;
    let repeated = |statement: Statement| {
        let bytes = Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(publisher.key()).to_bytes();
        [b"{\"payload\":\"e30=\",", &bytes[1..]].concat()
    };
    case(&cx, &publisher, "a repeated member", number + 1, repeated).await;
    let bound = cx.discovery().bounds["signatures"];
    let many = |statement: Statement| {
        let envelope = Envelope::new(PAYLOAD_TYPE, statement.to_bytes());
        (0..=bound).fold(envelope, |envelope, _| envelope.signed_by(publisher.key())).to_bytes()
    };
    case(&cx, &publisher, "more signatures than the bound", number + 2, many).await;
    case(&cx, &publisher, "not JSON", number + 3, |_| b"-----BEGIN PGP SIGNATURE-----".to_vec()).await;
    Ok(())
}

async fn statement_form(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let now = Timestamp::now();
    let day = SignedDuration::from_hours(24);
    let zeroes = "0".repeat(64);
    let sets: Vec<(&str, &str, Value)> = vec![
        ("another statement type", "/_type", json!("https://in-toto.io/Statement/v0.1")),
        ("another predicate type", "/predicateType", json!("https://slsa.dev/provenance/v1")),
        ("no subject", "/subject", json!([])),
        ("two subjects", "/subject/1", json!({"name": "other@1.0.0", "digest": {"sha256": zeroes}})),
        ("a second digest", "/subject/0/digest/sha512", json!(zeroes)),
        ("a digest in upper case", "/subject/0/digest/sha256", json!("A".repeat(64))),
        ("an unknown member", "/colour", json!("blue")),
        ("an unknown member of the subject", "/subject/0/uri", json!("https://example.com")),
        ("an unknown member of the predicate", "/predicate/scope", json!("*")),
        ("a date that is none", "/predicate/issued_at", json!("yesterday")),
        ("a date with an offset", "/predicate/expires_at", json!("2090-01-01T00:00:00+01:00")),
        ("an end before the beginning", "/predicate/issued_at", json!((now + day * 30).to_string())),
        ("a previous that is no digest", "/predicate/previous", json!("sha256:12")),
    ];
    let mut number = 0;
    for (name, pointer, value) in sets {
        let flawed = |statement: Statement| {
            Envelope::new(PAYLOAD_TYPE, statement.set(pointer, value).to_bytes()).signed_by(publisher.key()).to_bytes()
        };
        case(&cx, &publisher, name, number, flawed).await;
        number += 1;
    }
    for pointer in [
        "/_type",
        "/subject",
        "/subject/0/name",
        "/subject/0/digest/sha256",
        "/predicateType",
        "/predicate",
        "/predicate/issued_at",
        "/predicate/expires_at",
        "/predicate/previous",
    ] {
        let flawed = |statement: Statement| {
            Envelope::new(PAYLOAD_TYPE, statement.remove(pointer).to_bytes()).signed_by(publisher.key()).to_bytes()
        };
        case(&cx, &publisher, &format!("no {pointer}"), number, flawed).await;
        number += 1;
    }
    Ok(())
}

async fn base64(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.recipe("alphabet", Behaviour::Echo).build();
    // The two alphabets differ in two characters: sign until one of them is there.
    let url_safe = (0..64)
        .map(|minutes| {
            let release = Release::valid().issued_at(Timestamp::now() - SignedDuration::from_mins(5 + minutes));
            let statement = Statement::of(&package.subject(), &package.digest(), &release);
            Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(publisher.key()).url_safe().to_bytes()
        })
        .find(|bytes| {
            let envelope: Value = serde_json::from_slice(bytes).unwrap_or_default();
            envelope["signatures"][0]["sig"].as_str().is_some_and(|sig| sig.contains(['-', '_']))
        })
        .ok_or_else(|| Stop::Error("no signature of 64 needs the second alphabet".to_owned()))?;
    publisher.accepted(&package.with_signature(url_safe)).await?;
    publisher.publish(&publisher.recipe("standard", Behaviour::Echo)).await?;
    Ok(())
}

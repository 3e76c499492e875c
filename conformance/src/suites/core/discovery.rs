//! What a target says of itself, and whether it keeps to it (README.md, section 4).

use assay_fixtures::Behaviour;
use assay_harness::{Control as _, Cx, Group, Stop, TERMS, checks, ensure};
use serde_json::{Value, json};

use crate::operations::Operations;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "discovery",
    checks: checks![
        once(
            "core.discovery.document",
            "discovery publishes the contract, the packagings and every bound",
            &["CORE-DSC-001"],
            document
        ),
        once(
            "core.discovery.undeclared-features",
            "a declared feature works, an undeclared one is refused",
            &["CORE-DSC-002"],
            undeclared_features
        ),
        once("core.discovery.health", "health answers without a token", &["CORE-DSC-003"], health),
    ],
};

async fn document(cx: Cx) -> Result<(), Stop> {
    let reply = Operations::of(cx.anonymous()).discovery().await?.expect(200)?;
    let body = reply.json()?;
    ensure!(body["contract"] == TERMS.version, "`contract` is {}", body["contract"]);
    for text in ["/implementation/name", "/implementation/version"] {
        ensure!(body.pointer(text).is_some_and(Value::is_string), "`{text}` is no text");
    }
    ensure!(body["profiles"].is_array() && body["features"].is_array(), "`profiles` or `features` is no list");
    let abis = body["abis"].as_array().cloned().unwrap_or_default();
    ensure!(
        !abis.is_empty() && abis.iter().all(|abi| TERMS.abis.iter().any(|known| abi == known)),
        "`abis` is {}",
        body["abis"]
    );
    for (name, bound) in &TERMS.bounds {
        let published = body["bounds"][name].as_u64();
        ensure!(
            published.is_some_and(|published| published >= bound.least),
            "`bounds.{name}` is {}, at least {} {} are required",
            body["bounds"][name],
            bound.least,
            bound.unit
        );
    }
    let key = &cx.discovery().registry_key;
    ensure!(key.algorithm == "ed25519", "the registry key's algorithm is {}", key.algorithm);
    Ok(())
}

async fn undeclared_features(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let asks = [
        ("state", "/permissions/state", json!({"max_bytes": 1024})),
        ("egress", "/permissions/egress", json!(["https://api.example.com"])),
        ("vault", "/permissions/vault", json!(["connections"])),
    ];
    for (feature, pointer, value) in asks {
        let twin = publisher.recipe(feature, Behaviour::Echo);
        let asking = publisher.sign(&twin.clone().set(pointer, value));
        if cx.discovery().features.iter().any(|declared| declared == feature) {
            let works = async {
                publisher.accepted(&asking).await?;
                ensure_judged(feature)
            };
            cx.case(format!("{feature} is declared"), works).await;
        } else {
            let twin = publisher.sign(&twin);
            let refusal = refused("feature-unsupported").at(pointer);
            cx.case(format!("{feature} is not declared"), publisher.pair(&asking, &twin, &refusal)).await;
        }
    }
    Ok(())
}

/// A feature that is declared must work; accepting a manifest does not show that it does.
fn ensure_judged(feature: &str) -> Result<(), Stop> {
    match feature {
        // Judged by the checks `core.state.*` and by the profile `egress`.
        "state" | "egress" => Ok(()),
        other => Err(Stop::Inconclusive(format!(
            "`{other}` is declared, and this version of the suite cannot judge whether it works"
        ))),
    }
}

async fn health(cx: Cx) -> Result<(), Stop> {
    let reply = Operations::of(cx.anonymous()).health().await?.expect(200)?;
    let found = reply.json().map_err(|_| Stop::Fail(format!("{}: no JSON", reply.describe())))?;
    ensure!(found["status"] == "ok", "health answers {found}");
    let discovery = async { Operations::of(cx.anonymous().control()).discovery().await?.expect(200) };
    discovery.await.control("discovery answers")?;
    Ok(())
}

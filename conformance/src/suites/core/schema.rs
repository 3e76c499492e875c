//! Gate 3: the schemas of input and output (core.md 3.5).

use assay_fixtures::Behaviour;
use assay_harness::{Cx, Group, Stop, checks};
use serde_json::{Value, json};

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "schema",
    checks: checks![
        once(
            "core.manifest.schema-valid",
            "a schema that is not a valid JSON Schema 2020-12 is refused",
            &["CORE-MAN-005"],
            schema_valid
        ),
        once(
            "core.manifest.schema-references",
            "a reference that leaves the schema is refused",
            &["CORE-MAN-006"],
            schema_references
        ),
        once(
            "core.manifest.schema-cost",
            "a schema that judges one value too often is refused",
            &["CORE-MAN-012"],
            schema_cost
        ),
        once(
            "core.manifest.schema-dialect",
            "a schema of another dialect is refused",
            &["CORE-MAN-007"],
            schema_dialect
        ),
    ],
};

/// Minimal pairs of schemas, each judged as the input's and as the output's schema.
async fn pairs(cx: &Cx, schemas: Vec<(&str, Value, Value)>) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    for (number, (name, flawed, twin)) in schemas.into_iter().enumerate() {
        for place in ["input", "output"] {
            let recipe = publisher.recipe(&format!("{place}{number}"), Behaviour::Echo);
            let pointer = format!("/{place}");
            let flawed = publisher.sign(&recipe.clone().set(&pointer, flawed.clone()));
            let twin = publisher.sign(&recipe.set(&pointer, twin.clone()));
            let refusal = refused("schema-invalid");
            cx.case(format!("{place}: {name}"), publisher.pair(&flawed, &twin, &refusal)).await;
        }
    }
    Ok(())
}

async fn schema_valid(cx: Cx) -> Result<(), Stop> {
    pairs(
        &cx,
        vec![
            ("type is a number", json!({"type": 12}), json!({"type": "string"})),
            ("unknown type", json!({"type": "text"}), json!({"type": ["string", "null"]})),
            ("properties is a list", json!({"properties": []}), json!({"properties": {}})),
            ("required is a text", json!({"required": "a"}), json!({"required": ["a"]})),
            ("minimum is a text", json!({"minimum": "1"}), json!({"minimum": 1})),
            ("nested", json!({"properties": {"a": {"items": 3}}}), json!({"properties": {"a": {"items": {}}}})),
            ("negative length", json!({"maxLength": -1}), json!({"maxLength": 1})),
        ],
    )
    .await
}

async fn schema_references(cx: Cx) -> Result<(), Stop> {
    let inside = json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}});
    let to = |target: &str| json!({"$ref": target, "$defs": {"a": {"type": "string"}}});
    pairs(
        &cx,
        vec![
            ("https", to("https://schemas.example.com/a.json"), inside.clone()),
            ("file", to("file:///etc/passwd"), inside.clone()),
            ("relative", to("a.json"), inside.clone()),
            ("no such definition", to("#/$defs/b"), inside.clone()),
            ("nested", json!({"items": to("https://schemas.example.com/a.json")}), json!({"items": true})),
            ("dynamic", json!({"$dynamicRef": "https://schemas.example.com/a.json"}), inside),
        ],
    )
    .await
}

/// A schema that judges one value about two to the power of `doublings` times.
fn doubling(doublings: u32) -> Value {
    let mut definitions = serde_json::Map::new();
    definitions.insert("d0".to_owned(), json!({"type": "string"}));
    for level in 1..=doublings {
        let below = json!({"$ref": format!("#/$defs/d{}", level - 1)});
        definitions.insert(format!("d{level}"), json!({"anyOf": [below, below]}));
    }
    json!({"$ref": format!("#/$defs/d{doublings}"), "$defs": definitions})
}

async fn schema_cost(cx: Cx) -> Result<(), Stop> {
    // No more than an unbounded target survives: the point is made with 4096, not with 2^40.
    pairs(&cx, vec![("doubling", doubling(12), doubling(5))]).await
}

async fn schema_dialect(cx: Cx) -> Result<(), Stop> {
    let right = json!({"$schema": "https://json-schema.org/draft/2020-12/schema"});
    pairs(
        &cx,
        vec![
            ("draft-07", json!({"$schema": "http://json-schema.org/draft-07/schema#"}), right.clone()),
            ("2019-09", json!({"$schema": "https://json-schema.org/draft/2019-09/schema"}), right.clone()),
            ("unknown", json!({"$schema": "https://example.com/dialect"}), right),
        ],
    )
    .await
}

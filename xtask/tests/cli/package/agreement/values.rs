//! One value of a manifest at a time: fields, rules for hosts, schemas, right ones and wrong ones.

use assay_fixtures::{Behaviour, Recipe};
use serde_json::{Value, json};

use super::Judges;

#[test]
fn every_value_is_judged_alike() {
    let judges = Judges::new();
    for (pointer, value) in values() {
        // Egress is one of the features that the module need not use.
        let recipe = Recipe::new(judges.id(), Behaviour::Echo).set(pointer, value.clone());
        let what = format!("{pointer} = {}", value.to_string().chars().take(80).collect::<String>());
        judges.agree(&what, &judges.signed(&recipe));
    }
}

#[test]
fn every_limit_is_judged_alike_around_its_bound() {
    let judges = Judges::new();
    for (pointer, bound) in [
        ("/limits/memory_bytes", "memory_bytes"),
        ("/limits/timeout_ms", "timeout_ms"),
        ("/limits/log_bytes", "log_bytes"),
        ("/limits/output_bytes", "output_bytes"),
        ("/permissions/state/max_bytes", "state_bytes"),
        ("/limits/egress/requests_per_minute", "egress_requests_per_minute"),
        ("/limits/egress/bytes_per_minute", "egress_bytes_per_minute"),
        ("/limits/egress/queue", "egress_queue"),
        ("/limits/egress/timeout_ms", "egress_timeout_ms"),
    ] {
        let bound = u64::from(judges.bound(bound));
        let verdicts = [bound - 1, bound, bound + 1].map(|value| {
            let recipe = Recipe::new(judges.id(), Behaviour::Echo).set(pointer, value);
            judges.agree(&format!("{pointer} = {value}"), &judges.signed(&recipe))
        });
        assert_eq!(verdicts, [true, true, false], "{pointer}");
    }
}

#[test]
fn every_missing_field_is_judged_alike() {
    let judges = Judges::new();
    let fields =
        ["/id", "/version", "/name", "/description", "/category", "/abi", "/module", "/module/digest", "/module/size"];
    let more = ["/input", "/output", "/permissions", "/limits", "/limits/memory_bytes", "/limits/timeout_ms"];
    for field in fields.into_iter().chain(more) {
        judges.agree(field, &judges.signed(&Recipe::new(judges.id(), Behaviour::Echo).remove(field)));
    }
}

/// Values that are put somewhere, right ones and wrong ones.
fn values() -> Vec<(&'static str, Value)> {
    let long = "x".repeat(81);
    let mut values = vec![
        ("/id", json!("com.example.Upper")),
        ("/id", json!("com")),
        ("/id", json!("com..example")),
        ("/id", json!(7)),
        ("/id", json!(format!("com.example.{}", "x".repeat(128)))),
        ("/name", json!("")),
        ("/name", json!(long)),
        ("/name", json!("a\tb")),
        ("/name", json!("é")),
        ("/description", json!(null)),
        ("/description", json!("x".repeat(1001))),
        ("/category", json!("Two Words")),
        ("/category", json!("x".repeat(33))),
        ("/abi", json!("wasm")),
        ("/abi", json!("component")),
        ("/module", json!([])),
        ("/module/size", json!(7)),
        ("/module/size", json!(9)),
        ("/module/size", json!("8")),
        ("/module/size", json!(-1)),
        ("/module/digest", json!("sha256:0")),
        ("/module/digest", json!(format!("sha256:{}", "0".repeat(64)))),
        ("/permissions", json!(null)),
        ("/permissions/files", json!({})),
        ("/permissions/State", json!({})),
        ("/permissions/state", json!({})),
        ("/permissions/state", json!({ "max_bytes": 0 })),
        ("/permissions/state", json!({ "max_bytes": 65536 })),
        ("/permissions/state", json!({ "max_bytes": u64::MAX })),
        ("/permissions/vault", json!(["profile"])),
        ("/permissions/vault", json!(["Profile"])),
        ("/limits", json!([])),
        ("/limits/fuel", json!(1)),
        ("/limits/egress", json!({ "queue": 0 })),
        ("/limits/egress", json!({ "queue": u64::MAX })),
        ("/limits/egress/speed", json!(1)),
        ("/licence", json!("MIT")),
        ("/a~1b", json!(1)),
        ("/Name", json!("x")),
    ];
    for version in ["1.0", "01.0.0", "1.0.0+7", "1.0.0-", "1.0.0-01", "v1.0.0", "1.0.0-rc.1", "0.0.0", "1.0.0--", ""] {
        values.push(("/version", json!(version)));
    }
    for limit in ["/limits/memory_bytes", "/limits/timeout_ms", "/limits/log_bytes", "/limits/output_bytes"] {
        values.extend(
            [json!(0), json!(-1), json!(true), json!("1"), json!(u64::MAX), json!(65536)].map(|value| (limit, value)),
        );
    }
    values.extend(rules().into_iter().map(|rule| ("/permissions/egress", json!(["https://a.example.com", rule]))));
    values.push(("/permissions/egress", json!(vec!["https://a.example.com"; 10_000])));
    values.push(("/permissions/egress", json!(vec!["https://a.example.com"; 500])));
    values.push(("/permissions/egress", json!("https://a.example.com")));
    values.push(("/permissions/egress", json!([1])));
    values.extend(schemas().into_iter().flat_map(|schema| [("/input", schema.clone()), ("/output", schema)]));
    values
}

fn rules() -> Vec<&'static str> {
    vec![
        "https://b.example.com",
        "https://B.EXAMPLE.com:8443",
        "https://*.example.com",
        "https://b\u{fc}cher.example",
        "https://xn--bcher-kva.example",
        "https://a\u{3002}example.com",
        "http://a.example.com",
        "https://",
        "https://a.example.com/",
        "https://u@a.example.com",
        "https://a.example.com:0",
        "https://a.example.com:65536",
        "https://a.example.com:443:443",
        "https://*",
        "https://*.com",
        "https://*.co.uk",
        "https://co.uk",
        "https://*.*.example.com",
        "https://a_b.example.com",
        "https://-a.example.com",
        "https://a.example.com.",
        "https://localhost",
        "https://a.localhost",
        "https://127.0.0.1",
        "https://0x7f.1",
        "https://[::1]",
        "https://[::1]:443",
        "https://a%62.example.com",
        "https://a.example.com ",
    ]
}

fn schemas() -> Vec<Value> {
    vec![
        json!(true),
        json!(false),
        json!(7),
        json!({}),
        json!({ "type": "strin" }),
        json!({ "type": ["string", "null"] }),
        json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$anchor": "b" } } }),
        json!({ "$ref": "#b", "$defs": { "a": { "$anchor": "b" } } }),
        json!({ "$ref": "#c", "$defs": { "a": { "$anchor": "b" } } }),
        json!({ "$ref": "https://example.com/x" }),
        json!({ "$ref": "https://json-schema.org/draft/2020-12/schema" }),
        json!({ "$id": "https://example.com/a", "items": { "$ref": "/a" } }),
        json!({ "$id": "https://example.com/a", "items": { "$ref": "/b" } }),
        json!({ "$ref": "#/x", "x": {} }),
        json!({ "$ref": "#" }),
        json!({ "items": { "$ref": "#" } }),
        json!({ "items": { "$ref": "#" }, "contains": { "$ref": "#" } }),
        json!({ "allOf": [{ "$ref": "#/$defs/a" }], "$defs": { "a": { "anyOf": [{ "$ref": "#" }] } } }),
        json!({ "$dynamicRef": "#n", "$defs": { "n": { "$dynamicAnchor": "n" } } }),
        json!({ "enum": (0..1000).collect::<Vec<_>>() }),
        json!({ "enum": (0..999).collect::<Vec<_>>() }),
        json!({ "unevaluatedProperties": false, "allOf": [{ "enum": (0..499).collect::<Vec<_>>() }] }),
        json!({ "unevaluatedProperties": false, "allOf": [{ "enum": (0..500).collect::<Vec<_>>() }] }),
        json!({ "$schema": "https://json-schema.org/draft/2020-12/schema" }),
        json!({ "$schema": "http://json-schema.org/draft-07/schema#" }),
        json!({ "pattern": "^a+$" }),
        json!({ "pattern": "(" }),
        json!({ "pattern": "(?=a)" }),
        json!({ "pattern": "(a)\\1" }),
        json!({ "pattern": "a".repeat(257) }),
        json!({ "pattern": "(?:(?:a{1000}){1000}){1000}" }),
        json!({ "$defs": { "a": { "pattern": "(" } } }),
        json!({ "patternProperties": { "[": true } }),
        json!({ "minLength": -1 }),
        json!({ "minLength": 1.5 }),
        json!({ "required": "a" }),
        json!({ "properties": { "a": 1 } }),
        json!({ "format": "date", "x-sensitive": true, "unknown": 1 }),
    ]
}

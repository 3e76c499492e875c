//! Gate 3, manifest: the two schemas, and what they accept.

use assay_package::{Code, compile_schema};
use serde_json::{Value, json};

use super::world::{Place::Pointer, World, echo};

#[track_caller]
fn refuses(schema: Value, place: &str) {
    World::empty().refuses(
        &echo().input(schema.clone()).build(),
        Code::SchemaInvalid,
        Pointer(&format!("/input{place}")),
    );
    World::empty().refuses(&echo().output(schema).build(), Code::SchemaInvalid, Pointer(&format!("/output{place}")));
}

#[track_caller]
fn accepts(schema: Value) {
    World::empty().accepts(&echo().input(schema).build());
}

#[test]
fn refuses_what_the_meta_schema_refuses() {
    refuses(json!({ "type": "text" }), "/type");
    refuses(json!({ "properties": { "a": { "minLength": -1 } } }), "/properties/a/minLength");
    accepts(json!({ "type": "string", "x-sensitive": true, "format": "no-such-format" }));
}

#[test]
fn refuses_another_dialect() {
    refuses(json!({ "$schema": "http://json-schema.org/draft-07/schema#" }), "/$schema");
    refuses(json!({ "items": { "$id": "urn:x", "$schema": "urn:y" } }), "/items/$schema");
    accepts(json!({ "$schema": "https://json-schema.org/draft/2020-12/schema" }));
}

#[test]
fn refuses_a_reference_that_leads_outside() {
    for reference in [
        "https://example.com/schema.json",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "other.json",
        "https://json-schema.org/draft/2020-12/schema",
        "#/$defs/absent",
        "#absent",
        "#/type",
    ] {
        refuses(json!({ "type": "object", "$ref": reference }), "/$ref");
    }
    refuses(json!({ "$dynamicRef": "https://example.com/#node" }), "/$dynamicRef");
    refuses(json!({ "$defs": { "unused": { "items": { "$ref": "#/$defs/absent" } } } }), "/$defs/unused/items/$ref");
}

#[test]
fn accepts_references_that_stay_inside() {
    let defs =
        json!({ "a": { "type": "string" }, "b": { "$anchor": "here" }, "c": { "$id": "sub", "$defs": { "d": true } } });
    for reference in ["#/$defs/a", "#here", "sub", "sub#/$defs/d", "#/$defs/c/$defs/d"] {
        accepts(json!({ "$id": "https://example.com/root", "$ref": reference, "$defs": defs }));
    }
    accepts(json!({ "$dynamicAnchor": "node", "properties": { "child": { "$dynamicRef": "#node" } } }));
    accepts(json!({ "properties": { "child": { "$ref": "#" } } }));
}

#[test]
fn does_not_take_data_for_references() {
    accepts(json!({ "const": { "$ref": "https://example.com/" }, "properties": { "$ref": { "type": "string" } } }));
}

#[test]
fn refuses_references_that_never_end() {
    for schema in [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#" }] }),
        json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } } }),
    ] {
        let outcome = World::empty().upload(&echo().input(schema).build()).expect_err("it never ends");
        assert_eq!(outcome.code, Code::SchemaInvalid);
        assert!(outcome.pointer.is_some_and(|pointer| pointer.starts_with("/input")));
    }
}

#[test]
fn bounds_regular_expressions() {
    accepts(json!({ "pattern": "^(?=a)[a-z]+$" }));
    let huge = json!({ "pattern": "((a{500}){500}){500}" });
    let outcome = World::empty().upload(&echo().input(huge).build()).expect_err("it is too large");
    assert_eq!(outcome.code, Code::SchemaInvalid);
    let schema = compile_schema(&json!({ "pattern": "^(?=(a+)+$)\\1b" })).expect("it is one");
    assert!(schema.validate(&json!("a".repeat(5000))).is_err());
}

#[test]
fn says_where_a_value_does_not_fit_without_quoting_it() {
    let schema = compile_schema(&json!({ "properties": { "a": { "items": { "type": "string" } } } })).expect("right");
    assert!(schema.validate(&json!({ "a": ["x"] })).is_ok());
    let fault = schema.validate(&json!({ "a": ["x", { "secret": "hunter2" }] })).expect_err("wrong");
    assert_eq!(fault.pointer, "/a/1");
    assert!(!fault.detail.contains("hunter2"), "{}", fault.detail);
}

#[test]
fn format_is_an_annotation() {
    let schema = compile_schema(&json!({ "format": "email" })).expect("right");
    assert!(schema.validate(&json!("no address")).is_ok());
}

#[test]
fn refuses_dynamic_references_that_may_never_end() {
    let node = json!({ "$id": "node", "$dynamicAnchor": "n", "allOf": [{ "$dynamicRef": "#n" }] });
    let schema = json!({ "$dynamicAnchor": "n", "$ref": "node", "$defs": { "node": node } });
    assert!(compile_schema(&schema).is_err());
}

#[test]
fn takes_long_chains_of_references() {
    let next = |number: usize| (format!("a{number}"), json!({ "$ref": format!("#/$defs/a{}", number + 1) }));
    let mut defs: serde_json::Map<String, Value> = (0..1000).map(next).collect();
    defs.insert("a1000".into(), json!({ "type": "string" }));
    let schema = compile_schema(&json!({ "$ref": "#/$defs/a0", "$defs": defs })).expect("it ends");
    assert!(schema.validate(&json!("x")).is_ok() && schema.validate(&json!(1)).is_err());
}

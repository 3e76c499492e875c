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
fn refuses_a_reference_to_what_is_no_subschema() {
    refuses(json!({ "$ref": "#/x/a", "x": { "a": { "$ref": "#/x/a" } } }), "/$ref");
    refuses(json!({ "$ref": "#/const", "const": { "type": "string" } }), "/$ref");
    refuses(json!({ "$ref": "#/properties", "properties": {} }), "/$ref");
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
    accepts(json!({ "pattern": "^[a-z]+(?:-[0-9]{1,8})?$" }));
    refuses(json!({ "pattern": "((a{500}){500}){500}" }), "/pattern");
    let schema = compile_schema(&json!({ "pattern": "^(a+)+$" })).expect("it is one");
    assert!(schema.validate(&json!("a".repeat(5000) + "!")).is_err());
}

#[test]
fn refuses_long_regular_expressions() {
    accepts(json!({ "pattern": "a".repeat(256) }));
    refuses(json!({ "pattern": "a".repeat(257) }), "/pattern");
    let names = |count: usize| {
        let names = (0..count).map(|number| (format!("{number:0256}"), json!(true)));
        json!({ "patternProperties": names.collect::<serde_json::Map<_, _>>() })
    };
    accepts(names(16));
    refuses(names(17), "/patternProperties");
}

#[test]
fn refuses_regular_expressions_that_have_to_go_back() {
    for pattern in ["^(?=a)", "^(?!a)", "(?<=a)b", "(?<!a)b", "(a)\\1", "(?<n>a)\\k<n>", "("] {
        refuses(json!({ "items": { "pattern": pattern } }), "/items/pattern");
    }
}

#[test]
fn judges_a_regular_expression_where_no_value_ever_meets_it() {
    refuses(json!({ "$defs": { "a": { "pattern": "(?=a)" } } }), "/$defs/a/pattern");
    refuses(json!({ "$defs": { "a": { "patternProperties": { "(": true } } } }), "/$defs/a/patternProperties");
    accepts(json!({ "$defs": { "a": { "pattern": "a" } } }));
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

/// A schema that judges one value by the last of `levels` definitions 2^`levels` times.
fn doubling(levels: usize) -> Value {
    let level = |number: usize| {
        let next = json!({ "$ref": format!("#/$defs/a{}", number + 1) });
        (format!("a{number}"), json!({ "anyOf": [next, next] }))
    };
    let mut defs: serde_json::Map<String, Value> = (0..levels).map(level).collect();
    defs.insert(format!("a{levels}"), json!({ "type": "string" }));
    json!({ "$ref": "#/$defs/a0", "$defs": defs })
}

fn cost(schema: &Value) -> u64 {
    compile_schema(schema).expect("right").cost()
}

#[test]
fn refuses_schemas_that_judge_one_value_too_often() {
    refuses(doubling(40), "");
    refuses(doubling(63), "");
    refuses(doubling(200), "");
}

#[test]
fn counts_every_evaluation_of_a_doubling() {
    // The last definition costs 1; a level costs 1, its two references 1 each, and twice the next level.
    assert_eq!(cost(&doubling(0)), 2);
    assert_eq!(cost(&doubling(7)), 510);
    assert_eq!(cost(&doubling(8)), 1022);
    accepts(doubling(7));
    refuses(doubling(8), "");
}

#[test]
fn accepts_a_cost_of_exactly_a_thousand() {
    let inner = |count: usize| json!({ "items": { "allOf": vec![true; count] } });
    assert_eq!(cost(&inner(999)), 1000);
    accepts(inner(999));
    refuses(inner(1000), "");
}

#[test]
fn counts_the_items_of_an_enum_and_not_those_of_a_const() {
    let numbers: Vec<usize> = (0..998).collect();
    assert_eq!(cost(&json!({ "enum": numbers })), 999);
    assert_eq!(cost(&json!({ "const": numbers })), 1);
    assert_eq!(cost(&json!({ "not": { "enum": numbers } })), 1000);
    refuses(json!({ "allOf": [true, { "enum": numbers }] }), "");
}

#[test]
fn counts_every_keyword_that_judges_the_same_value() {
    for keyword in ["not", "if", "then", "else"] {
        assert_eq!(cost(&json!({ keyword: { "type": "string" } })), 2, "{keyword}");
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        assert_eq!(cost(&json!({ keyword: [{}, true] })), 3, "{keyword}");
    }
    assert_eq!(cost(&json!({ "dependentSchemas": { "a": {}, "b": { "not": {} } } })), 4);
    assert_eq!(cost(&json!({ "$dynamicRef": "#a", "$defs": { "b": { "$dynamicAnchor": "a" } } })), 2);
}

#[test]
fn an_ordinary_schema_costs_little() {
    let person = json!({ "type": "object", "required": ["name"], "properties": {
        "name": { "type": "string" }, "kind": { "enum": ["a", "b"] }, "friends": { "items": { "$ref": "#" } },
    } });
    assert_eq!(cost(&person), 3);
    assert_eq!(cost(&json!(true)), 1);
}

/// A schema whose items are judged by it as often as this.
fn descending(branches: usize) -> Value {
    json!({ "allOf": vec![json!({ "items": { "$ref": "#" } }); branches] })
}

#[test]
fn refuses_schemas_that_judge_a_deep_place_too_often() {
    accepts(descending(1));
    refuses(descending(2), "");
    let twice = json!({ "items": { "$ref": "#" }, "contains": { "$ref": "#" } });
    refuses(twice, "");
    let again = json!({ "unevaluatedItems": false, "anyOf": [{ "items": { "$ref": "#" } }] });
    refuses(again, "");
    let members = json!({ "patternProperties": { "a": { "$ref": "#" } }, "additionalProperties": { "$ref": "#" } });
    refuses(members, "");
}

#[test]
fn counts_one_of_the_properties_and_all_of_the_patterns() {
    let enumeration = |count: usize| json!({ "enum": (1..count).collect::<Vec<_>>() });
    let schema = json!({ "properties": { "a": enumeration(300), "b": enumeration(400) },
        "additionalProperties": enumeration(350), "patternProperties": { "x": enumeration(20), "y": enumeration(30) } });
    assert_eq!(cost(&schema), 450);
    let items = json!({ "prefixItems": [enumeration(200), enumeration(300)], "items": enumeration(250), "contains": enumeration(50) });
    assert_eq!(cost(&items), 350);
}

/// What is kept out of the log of an execution with this input.
fn sensitive(schema: &Value, value: &str) -> Vec<String> {
    let value = assay_package::parse_json(value.as_bytes(), 64).expect("JSON");
    compile_schema(schema).expect("right").sensitive(&value).into_iter().collect()
}

#[test]
fn finds_marked_values_wherever_the_schema_could_mark_them() {
    let mark = json!({ "x-sensitive": true });
    let input = r#"{ "a": "secret", "b": "public" }"#;
    for schema in [
        json!({ "properties": { "a": mark } }),
        json!({ "allOf": [{ "properties": { "a": mark } }] }),
        json!({ "anyOf": [{ "type": "string", "properties": { "a": mark } }, true] }),
        json!({ "not": { "required": ["z"], "properties": { "a": mark } } }),
        json!({ "$ref": "#/$defs/x", "$defs": { "x": { "properties": { "a": { "$ref": "#/$defs/m" } } }, "m": mark } }),
        json!({ "patternProperties": { "^a$": mark } }),
        json!({ "properties": { "b": true }, "additionalProperties": mark }),
        json!({ "properties": { "b": true }, "unevaluatedProperties": mark }),
        json!({ "patternProperties": { "b": true }, "additionalProperties": mark }),
        json!({ "dependentSchemas": { "q": { "properties": { "a": mark } } } }),
    ] {
        assert_eq!(sensitive(&schema, input), ["secret"], "{schema}");
    }
    let items = json!({ "prefixItems": [true, mark], "items": { "properties": { "a": mark } } });
    assert_eq!(sensitive(&items, r#"["first", "second", { "a": "third", "b": "fourth" }]"#), ["second", "third"]);
    assert_eq!(sensitive(&json!({ "x-sensitive": false }), input), [""; 0]);
}

#[test]
fn finds_every_text_and_number_inside_a_marked_value() {
    let schema = json!({ "properties": { "a": { "x-sensitive": true } } });
    let value = r#"{ "a": { "deep": ["text", 1.2500e3, "abc", 123, true, null] } }"#;
    assert_eq!(sensitive(&schema, value), ["1.2500e3", "1250.0", "text"]);
}

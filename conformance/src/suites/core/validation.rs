//! What the schemas of inputs and outputs accept (core.md 3.5, 3.8 to 3.10): each vocabulary as pairs of values.

use assay_fixtures::Behaviour;
use assay_harness::{Control as _, Cx, Group, Stop, checks};
use serde_json::{Value, json};

use crate::installed::Installed;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "validation",
    checks: checks![
        once("core.validation.values", "types, numbers, texts and equality", &["CORE-VAL-001"], values).costly(),
        once("core.validation.containers", "arrays and objects", &["CORE-VAL-001"], containers).costly(),
        once("core.validation.applicators", "combined and conditional schemas", &["CORE-VAL-001"], applicators),
        once("core.validation.annotations", "annotations reject nothing", &["CORE-VAL-002"], annotations),
        once("core.validation.patterns", "the patterns of the subset mean what they say", &["CORE-VAL-003"], patterns),
        once("core.validation.pattern-refused", "other patterns are refused", &["CORE-VAL-003"], pattern_refused),
        once("core.validation.pattern-time", "no pattern takes long", &["CORE-VAL-004"], pattern_time),
        once(
            "core.validation.descent",
            "a schema that judges a deep place too often is refused",
            &["CORE-VAL-005"],
            descent
        ),
    ],
};

/// A name, a schema, a value that is valid under it, and one that is not.
type Row = (&'static str, Value, Value, Value);

/// Judges each row as an input and as an output.
async fn judge(cx: &Cx, rows: Vec<Row>) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    for (number, (name, schema, valid, invalid)) in rows.into_iter().enumerate() {
        // One handler for both: what it gets, it answers.
        let install = async |leaf: String, input: Value, output: Value| {
            publisher.install(&publisher.recipe(&leaf, Behaviour::Echo).input(input).output(output)).await
        };
        let input = install(format!("input{number}"), schema.clone(), json!(true)).await?;
        let output = install(format!("output{number}"), json!(true), schema).await?;
        cx.case(name, judge_row(&publisher, &input, &output, &valid, &invalid)).await;
    }
    Ok(())
}

async fn judge_row(
    publisher: &Publisher,
    input: &Installed,
    output: &Installed,
    valid: &Value,
    invalid: &Value,
) -> Result<(), Stop> {
    input.execute(valid.clone()).await?.expect_output(valid)?;
    let reply = publisher.admin().execute(input.id(), &json!({"input": invalid})).await?;
    refused("input-rejected").judge(&reply)?;
    output.execute(valid.clone()).await?.expect_output(valid)?;
    output.execute(invalid.clone()).await?.expect("output-rejected")?;
    Ok(())
}

async fn values(cx: Cx) -> Result<(), Stop> {
    judge(
        &cx,
        vec![
            ("type", json!({"type": "string"}), json!("1"), json!(1)),
            ("types", json!({"type": ["null", "boolean"]}), json!(null), json!(0)),
            ("an integer with a fraction of zero", json!({"type": "integer"}), json!(1.0), json!(1.5)),
            ("a boolean is no number", json!({"type": "number"}), json!(0), json!(false)),
            ("const of another form", json!({"const": 1}), json!(1.0), json!("1")),
            (
                "const in depth",
                json!({"const": {"a": [1, {"b": null}]}}),
                json!({"a": [1.0, {"b": null}]}),
                json!({"a": [1, {}]}),
            ),
            ("enum", json!({"enum": [[1], {"a": 1}]}), json!({"a": 1}), json!([2])),
            ("false is not 0", json!({"enum": [0, 1]}), json!(1), json!(true)),
            (
                "2^53 + 1 is exact",
                json!({"const": 9_007_199_254_740_993_u64}),
                json!(9_007_199_254_740_993_u64),
                json!(9_007_199_254_740_992_u64),
            ),
            ("maximum", json!({"maximum": 3}), json!(3), json!(3.5)),
            ("exclusiveMaximum", json!({"exclusiveMaximum": 3}), json!(2), json!(3)),
            ("minimum", json!({"minimum": -0.5}), json!(-0.5), json!(-1)),
            ("exclusiveMinimum", json!({"exclusiveMinimum": 0}), json!(0.25), json!(0)),
            ("multipleOf", json!({"multipleOf": 3}), json!(-9), json!(10)),
            ("multipleOf a fraction", json!({"multipleOf": 0.25}), json!(1.75), json!(1.8)),
            ("characters, not bytes", json!({"maxLength": 2}), json!("\u{1f512}\u{1f512}"), json!("abc")),
            ("characters, not units", json!({"minLength": 2}), json!("\u{e9}\u{e9}"), json!("\u{1f512}")),
        ],
    )
    .await
}

async fn containers(cx: Cx) -> Result<(), Stop> {
    judge(
        &cx,
        vec![
            ("items", json!({"items": {"type": "integer"}}), json!([1, 2]), json!([1, "2"])),
            ("prefixItems", json!({"prefixItems": [true, {"type": "null"}]}), json!([1]), json!([1, 2])),
            ("items after prefixItems", json!({"prefixItems": [true], "items": false}), json!([1]), json!([1, 2])),
            ("contains", json!({"contains": {"const": 1}}), json!([0, 1]), json!([0])),
            ("minContains", json!({"contains": {"const": 1}, "minContains": 2}), json!([1, 1]), json!([1])),
            ("maxContains", json!({"contains": {"const": 1}, "maxContains": 1}), json!([1, 0]), json!([1, 1])),
            ("minItems", json!({"minItems": 1}), json!([0]), json!([])),
            ("maxItems", json!({"maxItems": 1}), json!([0]), json!([0, 0])),
            ("uniqueItems", json!({"uniqueItems": true}), json!([1, true, "1"]), json!([1, 2, 1.0])),
            (
                "uniqueItems in depth",
                json!({"uniqueItems": true}),
                json!([{"a": 1}, {"a": 2}]),
                json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}]),
            ),
            (
                "unevaluatedItems",
                json!({"allOf": [{"prefixItems": [true]}], "unevaluatedItems": false}),
                json!([1]),
                json!([1, 2]),
            ),
            ("properties", json!({"properties": {"a": {"type": "null"}}}), json!({"b": 1}), json!({"a": 1})),
            (
                "patternProperties",
                json!({"patternProperties": {"^n": {"type": "null"}}}),
                json!({"an": 1}),
                json!({"na": 1}),
            ),
            (
                "additionalProperties",
                json!({"properties": {"a": true}, "additionalProperties": false}),
                json!({"a": 1}),
                json!({"b": 1}),
            ),
            (
                "unevaluatedProperties",
                json!({"anyOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}),
                json!({"a": 1}),
                json!({"b": 1}),
            ),
            ("propertyNames", json!({"propertyNames": {"maxLength": 1}}), json!({"a": 1}), json!({"ab": 1})),
            ("required", json!({"required": ["a"]}), json!({"a": null}), json!({})),
            ("dependentRequired", json!({"dependentRequired": {"a": ["b"]}}), json!({"b": 1}), json!({"a": 1})),
            ("minProperties", json!({"minProperties": 1}), json!({"a": 1}), json!({})),
            ("maxProperties", json!({"maxProperties": 1}), json!({"a": 1}), json!({"a": 1, "b": 1})),
        ],
    )
    .await
}

async fn applicators(cx: Cx) -> Result<(), Stop> {
    let list = json!({"$defs": {"list": {"properties": {"next": {"$ref": "#/$defs/list"}, "value": {"type": "integer"}}}}, "$ref": "#/$defs/list"});
    judge(
        &cx,
        vec![
            ("false", json!({"properties": {"a": false}}), json!({}), json!({"a": 1})),
            ("allOf", json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), json!(2), json!(3)),
            ("anyOf", json!({"anyOf": [{"const": 1}, {"const": 2}]}), json!(2), json!(3)),
            ("oneOf", json!({"oneOf": [{"minimum": 1}, {"maximum": 2}]}), json!(3), json!(2)),
            ("not", json!({"not": {"type": "string"}}), json!(1), json!("1")),
            ("then", json!({"if": {"minimum": 1}, "then": {"multipleOf": 2}}), json!(2), json!(3)),
            ("else", json!({"if": {"minimum": 1}, "else": {"multipleOf": 2}}), json!(1), json!(-1)),
            (
                "dependentSchemas",
                json!({"dependentSchemas": {"a": {"required": ["b"]}}}),
                json!({"b": 1}),
                json!({"a": 1}),
            ),
            ("recursion", list, json!({"next": {"next": {"value": 1}}}), json!({"next": {"next": {"value": "1"}}})),
            ("anchor", json!({"$ref": "#a", "$defs": {"b": {"$anchor": "a", "type": "null"}}}), json!(null), json!(1)),
            ("id", json!({"$ref": "urn:b", "$defs": {"b": {"$id": "urn:b", "type": "null"}}}), json!(null), json!(1)),
            (
                "dynamic anchor",
                json!({"$dynamicRef": "#a", "$defs": {"b": {"$dynamicAnchor": "a", "type": "null"}}}),
                json!(null),
                json!(1),
            ),
        ],
    )
    .await
}

async fn annotations(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (number, (name, schema, value)) in [
        ("format", json!({"format": "email"}), json!("no address")),
        ("unknown format", json!({"format": "no-such-format"}), json!("x")),
        ("contentEncoding", json!({"contentEncoding": "base64"}), json!("***")),
        ("contentMediaType", json!({"contentMediaType": "application/json"}), json!("{")),
        (
            "contentSchema",
            json!({"contentMediaType": "application/json", "contentSchema": {"type": "null"}}),
            json!("1"),
        ),
        ("default", json!({"default": 1, "examples": [2], "deprecated": true, "readOnly": true}), json!("x")),
        ("unknown keyword", json!({"no-such-keyword": false}), json!("x")),
        ("definitions", json!({"$defs": {"a": false}}), json!("x")),
    ]
    .into_iter()
    .enumerate()
    {
        let recipe = publisher.recipe(&format!("a{number}"), Behaviour::Echo).input(schema.clone()).output(schema);
        let handler = publisher.install(&recipe).await?;
        cx.case(name, async { handler.execute(value.clone()).await?.expect_output(&value) }).await;
    }
    Ok(())
}

async fn patterns(cx: Cx) -> Result<(), Stop> {
    let row = |name, pattern: &str, valid: &str, invalid: &str| {
        (name, json!({"pattern": pattern}), json!(valid), json!(invalid))
    };
    judge(
        &cx,
        vec![
            row("anywhere", "b", "abc", "ac"),
            row("anchored", "^a$", "a", "a\n"),
            row("alternatives", "^(?:a|bc)$", "bc", "abc"),
            row("counted", "^[a-c]{2,3}$", "abc", "abca"),
            row("digits are ASCII", "^\\d+$", "0123", "\u{0663}"),
            row("words are ASCII", "^\\w+$", "a_1", "\u{e9}"),
            row("white space is Unicode's", "^\\s$", "\u{a0}", "x"),
            row("not in the class", "^[^\\s,]+$", "a-b", "a b"),
            row("a property of Unicode", "^\\p{Lu}$", "\u{c9}", "\u{e9}"),
            row("characters", "^.$", "\u{1f512}", "ab"),
            row("escaped", "^\\.\\/\\\\$", "./\\", "a/\\"),
            row("by number", "^\\u0041\\x42$", "AB", "ab"),
            row("lazy", "^a+?b$", "aab", "aa"),
        ],
    )
    .await
}

async fn pattern_refused(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let long = "a".repeat(257);
    for (number, (name, flawed, twin)) in [
        ("257 bytes", long.as_str(), &long[1..]),
        ("look-ahead", "^(?=a)a", "^(?:a)a"),
        ("negative look-ahead", "^(?!b)a", "^(?:b)a"),
        ("look-behind", "(?<=a)b", "(?:a)b"),
        ("negative look-behind", "(?<!a)b", "(?:a)b"),
        ("back-reference", "(a)\\1", "(a)\\."),
        ("named back-reference", "(?<n>a)\\k<n>", "(?<n>a)k<n>"),
        ("unclosed", "(a", "(a)"),
        ("much repeated", "(?:(?:a{1000}){1000}){1000}", "(?:a{100}){10}"),
    ]
    .into_iter()
    .enumerate()
    {
        for (keyword, at) in [("pattern", "/pattern"), ("patternProperties", "")] {
            let schema = |pattern: &str| match keyword {
                "pattern" => json!({"properties": {"a": {"pattern": pattern}}}),
                _ => json!({"properties": {"a": {"patternProperties": {pattern: true}}}}),
            };
            let recipe = publisher.recipe(&format!("p{number}{}", keyword.len()), Behaviour::Echo);
            let flawed = publisher.sign(&recipe.clone().input(schema(flawed)));
            let twin = publisher.sign(&recipe.input(schema(twin)));
            let refusal = refused("schema-invalid");
            let refusal = if at.is_empty() { refusal } else { refusal.at(&format!("/input/properties/a{at}")) };
            cx.case(format!("{keyword}: {name}"), publisher.pair(&flawed, &twin, &refusal)).await;
        }
    }
    Ok(())
}

async fn pattern_time(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // An engine that goes back needs 2^60 steps for the first, and gives up; one that does not needs one for each byte.
    for (number, (pattern, valid, invalid)) in [
        ("^(a+)+$", "a".repeat(60), "a".repeat(60) + "!"),
        ("^(a|a)*$", "a".repeat(60), "a".repeat(60) + "!"),
        ("^(?:.*,){11}P", "1,".repeat(11) + "P", "1,".repeat(2000)),
        ("(x+x+)+y", "x".repeat(4000) + "y", "x".repeat(4000)),
    ]
    .into_iter()
    .enumerate()
    {
        let recipe = publisher.recipe(&format!("t{number}"), Behaviour::Echo).input(json!({"pattern": pattern}));
        let handler = publisher.install(&recipe).await?;
        let judged = async {
            handler.execute(json!(valid)).await?.expect_output(&json!(valid))?;
            let reply = publisher.admin().execute(handler.id(), &json!({"input": invalid})).await?;
            refused("input-rejected").judge(&reply)
        };
        cx.case(pattern, judged).await;
    }
    Ok(())
}

async fn descent(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let itself = || json!({"$ref": "#"});
    // A linear schema and one that doubles at each level: what an unbounded target is asked stays small.
    for (number, (name, flawed, twin)) in [
        (
            "items",
            json!({"allOf": [{"items": itself()}, {"items": itself()}]}),
            json!({"allOf": [{"items": itself()}]}),
        ),
        (
            "members",
            json!({"anyOf": [{"properties": {"a": itself()}}, {"additionalProperties": itself()}]}),
            json!({"properties": {"a": itself()}, "additionalProperties": itself()}),
        ),
        (
            "patterns",
            json!({"patternProperties": {"a": itself(), "b": itself()}}),
            json!({"patternProperties": {"a": itself()}}),
        ),
        (
            "contains",
            json!({"items": itself(), "contains": itself()}),
            json!({"prefixItems": [itself()], "items": itself()}),
        ),
        (
            "unevaluated",
            json!({"unevaluatedItems": false, "anyOf": [{"items": itself()}]}),
            json!({"anyOf": [{"items": itself()}]}),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        for place in ["input", "output"] {
            let recipe = publisher.recipe(&format!("d{number}{place}"), Behaviour::Echo);
            let pointer = format!("/{place}");
            let flawed = publisher.sign(&recipe.clone().set(&pointer, flawed.clone()));
            let twin = publisher.sign(&recipe.set(&pointer, twin.clone()));
            cx.case(format!("{place}: {name}"), publisher.pair(&flawed, &twin, &refused("schema-invalid"))).await;
        }
    }
    // What is accepted is judged, however deep.
    let recipe =
        publisher.recipe("deep", Behaviour::Echo).input(json!({"allOf": [{"items": itself()}], "type": "array"}));
    let handler = publisher.install(&recipe).await?;
    let deep = (0..20).fold(json!([]), |inner, _| json!([inner]));
    let judged = async { handler.execute(deep.clone()).await?.expect_output(&deep) };
    judged.await.control("a deep value is judged")?;
    Ok(())
}

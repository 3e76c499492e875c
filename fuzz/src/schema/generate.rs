//! Schemas that are mostly right, of keywords that meet each other, and values that meet the schemas: few names, few
//! texts, few numbers.

use serde_json::{Map, Value, json};

use super::rules::{HUGE, UNBALANCED};
use crate::source::Source;

const NAMES: [&str; 4] = ["a", "b", "ab", "c/d"];
const TEXTS: [&str; 6] = ["", "a", "ab", "secret", "ü", "😀"];
const TYPES: [&str; 8] = ["null", "boolean", "string", "number", "integer", "array", "object", "nothing"];
const PATTERNS: [&str; 8] = ["a", "^a", "b$", "^ab$", "(?=a)", "(?<!a)b", "\\d+", "[a-z]*"];
const REFERENCES: [&str; 10] = [
    "#",
    "#/$defs/a",
    "#/$defs/b",
    "#/properties/a",
    "#c",
    "#/allOf/0",
    "#/$defs/none",
    "https://example.com/s",
    "https://json-schema.org/draft/2020-12/schema",
    "other.json",
];

/// A schema.
pub fn schema(source: &mut Source<'_>) -> Value {
    source.byte();
    let mut schema = match source.below(16) {
        13 => descent(source),
        14 => fan_out(source),
        15 => repeated(source),
        _ => subschema(source, 3),
    };
    if let Value::Object(members) = &mut schema {
        if source.one_in(3) {
            members.insert("$defs".to_owned(), json!({"a": subschema(source, 1), "b": subschema(source, 1)}));
        }
        if source.one_in(8) {
            let dialect = source
                .pick(&["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"]);
            members.insert("$schema".to_owned(), json!(dialect));
        }
    }
    schema
}

fn subschema(source: &mut Source<'_>, levels: usize) -> Value {
    if source.one_in(6) {
        return Value::Bool(source.one_in(2));
    }
    let mut members = Map::new();
    for _ in 0..source.below(4) {
        let (keyword, value) = keyword(source, levels);
        members.insert(keyword.to_owned(), value);
    }
    Value::Object(members)
}

fn keyword(source: &mut Source<'_>, levels: usize) -> (&'static str, Value) {
    let flat = 22;
    match source.below(if levels == 0 { flat } else { flat + 16 }) {
        0..=2 => ("type", json!(source.pick(&TYPES[..7]))),
        3 => ("type", json!([source.pick(&TYPES[..7]), source.pick(&TYPES)])),
        4 => ("const", value(source, 1)),
        5 => ("enum", (0..=source.below(3)).map(|_| value(source, 1)).collect()),
        6 => ("minLength", json!(source.below(3))),
        7 => ("maxLength", json!(source.below(3))),
        8 => ("minimum", number(source)),
        9 => ("exclusiveMaximum", number(source)),
        10 => ("minItems", json!(source.below(3))),
        11 => ("maxItems", json!(source.below(3))),
        12 => ("uniqueItems", json!(source.one_in(2))),
        13 => ("required", json!([source.pick(&NAMES)])),
        14 => ("maxProperties", json!(source.below(3))),
        15 => ("x-sensitive", json!(source.one_in(2))),
        16 => ("$anchor", json!("c")),
        17 => ("pattern", json!(pattern(source))),
        18 => ("$ref", json!(source.pick(&REFERENCES))),
        19 => ("$ref", json!(source.pick(&REFERENCES[..5]))),
        20 => ("format", json!("email")),
        21 => ("$dynamicRef", json!("#c")),
        22 => ("not", subschema(source, levels - 1)),
        23 => ("if", subschema(source, levels - 1)),
        24 => ("then", subschema(source, levels - 1)),
        25 => ("else", subschema(source, levels - 1)),
        26 => ("items", subschema(source, levels - 1)),
        27 => ("contains", subschema(source, levels - 1)),
        28 => ("additionalProperties", subschema(source, levels - 1)),
        29 => ("propertyNames", subschema(source, levels - 1)),
        30 => ("unevaluatedProperties", subschema(source, levels - 1)),
        31 => ("allOf", several(source, levels)),
        32 => ("anyOf", several(source, levels)),
        33 => ("oneOf", several(source, levels)),
        34 => ("prefixItems", several(source, levels)),
        35 => ("properties", named(source, levels, &NAMES)),
        36 => ("patternProperties", named(source, levels, &PATTERNS[..4])),
        _ => ("dependentSchemas", named(source, levels, &NAMES)),
    }
}

fn several(source: &mut Source<'_>, levels: usize) -> Value {
    (0..=source.below(2)).map(|_| subschema(source, levels - 1)).collect()
}

fn named(source: &mut Source<'_>, levels: usize, names: &[&str]) -> Value {
    let members = (0..=source.below(2)).map(|_| (source.text(names), subschema(source, levels - 1)));
    Value::Object(members.collect())
}

fn pattern(source: &mut Source<'_>) -> String {
    match source.below(8) {
        5 => source.text(&UNBALANCED),
        6 => HUGE.to_owned(),
        7 => "a".repeat(source.pick(&[255, 256, 257])),
        _ => source.text(&PATTERNS),
    }
}

/// Each level judges the next one more than once, and so a deep one very often.
fn descent(source: &mut Source<'_>) -> Value {
    let reference = json!({"$ref": "#"});
    match source.below(5) {
        0 => json!({"items": reference}),
        1 => json!({"items": reference, "contains": reference}),
        2 => json!({"allOf": [{"items": reference}, {"items": reference}]}),
        3 => json!({"properties": {"a": reference}, "patternProperties": {"^a": reference}}),
        _ => json!({"additionalProperties": reference, "unevaluatedProperties": reference}),
    }
}

/// About a thousand evaluations of one value.
fn fan_out(source: &mut Source<'_>) -> Value {
    let entries = source.pick(&[998, 999, 1000, 497, 498, 499, 500]);
    let values: Value = (0..entries).map(Value::from).collect();
    match source.below(3) {
        0 => json!({"enum": values}),
        1 => json!({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"enum": values}}}),
        _ => json!({"items": {"enum": values}}),
    }
}

/// Many patterns, each short.
fn repeated(source: &mut Source<'_>) -> Value {
    let patterns = source.pick(&[15, 16, 17]);
    let each = (0..patterns).map(|number| (format!("{number:03}{}", "a".repeat(253)), Value::Bool(true)));
    json!({"patternProperties": Value::Object(each.collect())})
}

/// A value.
pub fn value(source: &mut Source<'_>, levels: usize) -> Value {
    match source.below(if levels == 0 { 5 } else { 8 }) {
        0 => json!(source.pick(&TEXTS)),
        1 => number(source),
        2 => Value::Null,
        3 => Value::Bool(source.one_in(2)),
        4 => json!(source.pick(&NAMES)),
        5 => (0..source.below(4)).map(|_| value(source, levels - 1)).collect(),
        _ => Value::Object((0..source.below(4)).map(|_| (source.text(&NAMES), value(source, levels - 1))).collect()),
    }
}

fn number(source: &mut Source<'_>) -> Value {
    match source.below(10) {
        0 => json!(0),
        1 => json!(1),
        2 => json!(1.0),
        3 => json!(-1),
        4 => json!(1.5),
        5 => json!(2),
        6 => json!(9_007_199_254_740_992_u64),
        7 => json!(9_007_199_254_740_993_u64),
        8 => json!(u64::MAX),
        _ => json!(i64::MIN),
    }
}

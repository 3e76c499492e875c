//! JSON-Schema-Test-Suite, draft 2020-12, through the manifest gate and the schemas that it takes (core.md 3.5 and 3.8 to 3.10).

use std::path::Path;

use assay_package::{Gates, Offer, compile_schema, parse_json};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{Report, Source, is_below, name};
use crate::schema::manifest_with;

/// Schemas, and values that are valid under them or not.
pub const JSON_SCHEMA: Source = Source {
    name: "JSON-Schema-Test-Suite 2020-12",
    reads: |path| is_below(path, "tests") && is_below(path, "draft2020-12") && name(path).ends_with(".json"),
    judge,
};

/// The deepest input (core.md 9.6).
const INPUT_DEPTH: u64 = 128;

/// The file keeps the texts: numbers are compared as they were written.
#[derive(Deserialize)]
struct Group {
    description: String,
    schema: Box<RawValue>,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    description: String,
    data: Box<RawValue>,
    valid: bool,
}

fn judge(path: &Path, bytes: &[u8], report: &mut Report) -> Result<(), String> {
    let groups: Vec<Group> = serde_json::from_slice(bytes).map_err(|fault| fault.to_string())?;
    for group in groups {
        let case = format!("{}: {}", name(path), group.description);
        let manifest = match Gates::honest().manifest(&manifest_with(group.schema.get()), &Offer::default()) {
            Ok(manifest) => manifest,
            Err(refusal) => {
                let schema: Value = serde_json::from_str(group.schema.get()).map_err(|fault| fault.to_string())?;
                let pointer = refusal.pointer.unwrap_or_default();
                let clause = why_refused(&schema, pointer.strip_prefix("/input").unwrap_or_default());
                report.differed(case, format!("the schema is refused at {pointer}: {}", refusal.detail), clause);
                continue;
            }
        };
        report.agreed();
        let schema = compile_schema(&manifest.input).map_err(|fault| format!("{case}: {fault}"))?;
        for test in group.tests {
            let value = parse_json(test.data.get().as_bytes(), INPUT_DEPTH).and_then(|value| value.to_value());
            let valid = value.is_ok_and(|value| schema.validate(&value).is_ok());
            if valid == test.valid {
                report.agreed();
            } else {
                let says = if valid { "it is valid" } else { "it is not valid" };
                let clause = why_judged(&manifest.input, valid);
                report.differed(format!("{case}: {}", test.description), says, clause);
            }
        }
    }
    Ok(())
}

/// The clause by which a schema is refused, read from what stands where the refusal points.
fn why_refused(schema: &Value, pointer: &str) -> Option<&'static str> {
    let text = schema.pointer(pointer)?.as_str();
    if pointer.is_empty() && has_anchors_twice(schema) {
        return Some("core.md 3.8: a `$dynamicRef` counts every subschema that has the anchor");
    }
    match (pointer.rsplit('/').next()?, text) {
        ("$schema", Some(dialect)) if dialect != "https://json-schema.org/draft/2020-12/schema" => {
            Some("core.md 3.5: the dialect is 2020-12")
        }
        ("$ref" | "$dynamicRef", Some(reference)) if leads_outside(schema, reference) => {
            Some("core.md 3.5: nothing is ever fetched")
        }
        ("$ref", Some(reference)) if leads_to_no_subschema(schema, reference) => {
            Some("core.md 3.5: a reference leads to a subschema")
        }
        ("pattern", Some(pattern)) if looks_around(pattern) => Some("core.md 3.9: no look-around, no back-reference"),
        _ => None,
    }
}

/// Whether a reference names a document that no `$id` of the schema names.
fn leads_outside(schema: &Value, reference: &str) -> bool {
    let file = |text: &str| {
        let document = text.split('#').next().unwrap_or_default();
        document.rsplit(['/', ':']).next().unwrap_or_default().to_owned()
    };
    let named = file(reference);
    !named.is_empty() && !ids(schema).iter().any(|id| file(id) == named)
}

fn ids(schema: &Value) -> Vec<&str> {
    texts(schema, &["$id"])
}

/// Whether a `$dynamicRef` could lead to several places.
fn has_anchors_twice(schema: &Value) -> bool {
    let anchors = texts(schema, &["$anchor", "$dynamicAnchor"]);
    let twice = anchors.iter().enumerate().any(|(place, anchor)| anchors[..place].contains(anchor));
    twice && has(schema, "$dynamicRef")
}

/// The texts under some names, wherever they are.
fn texts<'a>(schema: &'a Value, names: &[&str]) -> Vec<&'a str> {
    match schema {
        Value::Object(members) => {
            let own = names.iter().filter_map(|name| members.get(*name)?.as_str());
            own.chain(members.values().flat_map(|below| texts(below, names))).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| texts(item, names)).collect(),
        _ => Vec::new(),
    }
}

/// Whether a reference leads, by a JSON Pointer, to a value that no keyword of 2020-12 makes a subschema.
fn leads_to_no_subschema(schema: &Value, reference: &str) -> bool {
    let Some(pointer) = reference.strip_prefix('#') else { return false };
    let pointer = pointer.replace("%25", "%").replace("%22", "\"");
    let mut tokens = pointer.split('/').skip(1);
    let mut below = schema.pointer(&pointer).is_some();
    while let Some(keyword) = tokens.next().filter(|_| below) {
        below = match keyword {
            "not"
            | "if"
            | "then"
            | "else"
            | "items"
            | "contains"
            | "additionalProperties"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties"
            | "contentSchema" => true,
            "allOf" | "anyOf" | "oneOf" | "prefixItems" | "$defs" | "properties" | "patternProperties"
            | "dependentSchemas" => tokens.next().is_some(),
            _ => return true,
        };
    }
    false
}

fn looks_around(pattern: &str) -> bool {
    let back = pattern.as_bytes().windows(2).any(|pair| pair[0] == b'\\' && matches!(pair[1], b'1'..=b'9' | b'k'));
    back || ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|start| pattern.contains(start))
}

/// The clause by which a value is judged otherwise than the suite does.
fn why_judged(schema: &Value, valid: bool) -> Option<&'static str> {
    (valid && has(schema, "format")).then_some("core.md 3.5: `format` is an annotation")
}

/// Whether a keyword stands anywhere in a schema.
fn has(schema: &Value, keyword: &str) -> bool {
    match schema {
        Value::Object(members) => members.contains_key(keyword) || members.values().any(|below| has(below, keyword)),
        Value::Array(items) => items.iter().any(|item| has(item, keyword)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::JSON_SCHEMA;
    use crate::vectors::{Report, tests::judged};

    fn report(schema: Value, data: Value, valid: bool) -> Report {
        let group = json!([{"description": "a", "schema": schema, "tests": [{"description": "b", "data": data, "valid": valid}]}]);
        judged(&JSON_SCHEMA, "tests/draft2020-12/a.json", &group.to_string())
    }

    #[test]
    fn values_agree_or_are_a_problem() {
        let schema = json!({"type": "integer"});
        for (data, valid, unexplained) in
            [(json!(1), true, 0), (json!("1"), false, 0), (json!("1"), true, 1), (json!(1), false, 1)]
        {
            let report = report(schema.clone(), data, valid);
            assert_eq!((report.run, report.unexplained().count()), (2, unexplained), "{report}");
        }
    }

    #[test]
    fn refused_schemas_are_explained_by_what_stands_there() {
        for schema in [
            json!({"$ref": "http://localhost:1234/a.json"}),
            json!({"$schema": "http://json-schema.org/draft-07/schema#"}),
            json!({"pattern": "(?=a)"}),
            json!({"unknown": {"a": true}, "$ref": "#/unknown/a"}),
            json!({"$id": "https://example.com/r", "$dynamicAnchor": "a", "$ref": "s", "$defs": {
                "s": {"$id": "s", "$dynamicAnchor": "a", "properties": {"c": {"$dynamicRef": "s#a"}}}}}),
        ] {
            let report = report(schema, json!(1), true);
            assert_eq!((report.differed.len(), report.unexplained().count()), (1, 0), "{report}");
        }
        for schema in [json!({"type": "text"}), json!({"$ref": "#/$defs/a"})] {
            assert_eq!(report(schema, json!(1), true).unexplained().count(), 1);
        }
    }

    #[test]
    fn a_format_rejects_nothing() {
        let report = report(json!({"format": "ipv4"}), json!("text"), false);
        assert_eq!((report.differed.len(), report.unexplained().count()), (1, 0), "{report}");
    }
}

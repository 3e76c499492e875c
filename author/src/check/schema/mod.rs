//! The schemas of input and output (core.md 3.5, 3.8 and 3.9).

use jsonschema::{PatternOptions, ValidationOptions, draft202012};
use serde_json::{Value, json};

mod cost;
mod walk;

use walk::Walk;

/// The only dialect of the contract.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// The longest pattern, and all of a schema together, in bytes (3.9).
const PATTERN_BYTES: usize = 256;
const PATTERNS_BYTES: usize = 4096;
/// What a compiled pattern may take (3.9).
const COMPILED_BYTES: usize = 1024 * 1024;

/// Every fault of a schema that is an object: its place in the schema, and what is wrong.
pub(super) fn faults(schema: &Value) -> Vec<(String, String)> {
    let walk = Walk::through(schema);
    let dialects = walk.found.iter().filter(|sub| sub.schema.get("$schema").is_some_and(|stated| stated != DIALECT));
    let mut faults: Vec<(String, String)> =
        dialects.map(|sub| (format!("{}/$schema", sub.pointer), format!("the dialect is not {DIALECT}"))).collect();
    if let Err(error) = draft202012::meta::validate(schema) {
        faults.push((error.instance_path().as_str().to_owned(), format!("this is no JSON Schema: {}", error.masked())));
    }
    // A walk through what is no schema finds nothing that is certain.
    if !faults.is_empty() {
        return faults;
    }
    faults.extend(walk.unresolved.iter().map(|pointer| {
        (pointer.clone(), "the reference leads nowhere inside this schema; nothing is ever fetched".to_owned())
    }));
    faults.extend(patterns(&walk));
    if let Some(pointer) = cost::circle(&walk.found) {
        faults.push((pointer, "the references lead back here without ever looking at another value".to_owned()));
    } else if let Some(pointer) = cost::too_high(&walk.found) {
        faults.push((pointer, format!("one place of a value could be judged more than {} times", cost::MOST)));
    }
    if faults.is_empty()
        && let Err(error) = options().build(schema)
    {
        faults.push((
            error.instance_path().as_str().to_owned(),
            format!("no value can be judged by it: {}", error.masked()),
        ));
    }
    faults
}

/// 3.9: patterns are short, and regular expressions that take linear time.
fn patterns(walk: &Walk<'_>) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let mut all = 0;
    for sub in &walk.found {
        let own = sub.schema.get("pattern").and_then(Value::as_str).map(|pattern| ("pattern", pattern));
        let names = sub.schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        for (keyword, pattern) in own.into_iter().chain(names.map(|(name, _)| ("patternProperties", name.as_str()))) {
            all += pattern.len();
            let wrong = if pattern.len() > PATTERN_BYTES {
                Some(format!("a pattern has at most {PATTERN_BYTES} bytes"))
            } else if all > PATTERNS_BYTES {
                Some(format!("the patterns of a schema have together at most {PATTERNS_BYTES} bytes"))
            } else if options().build(&json!({ "pattern": pattern })).is_err() {
                Some(
                    "this is no regular expression of ECMA-262 without look-around and back-references, or a huge one"
                        .to_owned(),
                )
            } else {
                None
            };
            faults.extend(wrong.map(|detail| (format!("{}/{keyword}", sub.pointer), detail)));
        }
    }
    faults
}

fn options() -> ValidationOptions<'static> {
    let patterns = PatternOptions::regex().size_limit(COMPILED_BYTES).dfa_size_limit(COMPILED_BYTES);
    draft202012::options().with_pattern_options(patterns).should_validate_formats(false).offline()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(schema: Value) -> Vec<String> {
        faults(&schema).into_iter().map(|(pointer, _)| pointer).collect()
    }

    #[test]
    fn plain_schemas_are_right() {
        for schema in [
            json!({}),
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"pattern": "^a+$"}}}),
            json!({"items": {"$ref": "#"}}),
            json!({"$id": "https://example.com/a", "properties": {"x": {"$ref": "a#c"}}, "$defs": {"c": {"$anchor": "c"}}}),
            json!({"$dynamicRef": "#n", "$defs": {"n": {"$dynamicAnchor": "n", "type": "string"}}}),
            json!({"$schema": DIALECT, "format": "date", "x-sensitive": true}),
        ] {
            assert_eq!(places(schema.clone()), [""; 0], "{schema}");
        }
    }

    #[test]
    fn faults_are_named_by_their_place() {
        for (schema, place) in [
            (json!({"type": "strin"}), "/type"),
            (json!({"$ref": "https://example.com/x"}), "/$ref"),
            (json!({"properties": {"a": {"$ref": "#/nowhere"}}}), "/properties/a/$ref"),
            (json!({"x": {"type": "string"}, "items": {"$ref": "#/x"}}), "/items/$ref"),
            (json!({"$schema": "http://json-schema.org/draft-07/schema#"}), "/$schema"),
            (json!({"$ref": "#"}), ""),
            (json!({"pattern": "(?=a)"}), "/pattern"),
            (json!({"patternProperties": {"(": true}}), "/patternProperties"),
            (json!({"$defs": {"a": {"pattern": "a".repeat(257)}}}), "/$defs/a/pattern"),
        ] {
            assert_eq!(places(schema.clone()), [place], "{schema}");
        }
    }

    #[test]
    fn what_judges_an_item_twice_by_itself_costs_too_much() {
        assert_eq!(places(json!({"items": {"$ref": "#"}, "contains": {"$ref": "#"}})).len(), 1);
        assert_eq!(places(json!({"enum": (0..1000).collect::<Vec<_>>()})).len(), 1);
        assert_eq!(places(json!({"enum": (0..999).collect::<Vec<_>>()})).len(), 0);
    }
}

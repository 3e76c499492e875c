//! The target `schema`: which schemas the manifest gate takes, against core.md 3.5 and 3.8 to 3.10, and what those that it
//! takes say about values, against an evaluator of its own.

use assay_package::{Code, Gates, Offer, compile_schema, parse_json};
use serde_json::{Value, json};

use crate::{
    finding::{Finding, Kind},
    source::Source,
    target::{Seed, Subject, Target},
    verdict::{Expected, Place},
};

pub mod cost;
pub mod evaluate;
pub mod generate;
pub mod rules;

/// The target.
pub const SCHEMA: Target = Target {
    name: "schema",
    purpose: "schemas against core.md 3.5 and 3.8 to 3.10; values under them against an evaluator of its own",
    subject: |defect| Subject::of_gates(defect, judge),
    seeds,
    words: WORDS,
    planted: &[
        "schemas-unchecked",
        "remote-references-accepted",
        "schema-cost-unbounded",
        "schema-descent-unbounded",
        "patterns-unchecked",
        "dialects-ignored",
    ],
    budget: 10_000,
    bare: None,
};

const WORDS: &[&str] = &[
    "\"$ref\":\"#\"",
    "\"$ref\":\"#/$defs/a\"",
    "\"$defs\"",
    "\"$anchor\"",
    "\"$schema\"",
    "\"allOf\"",
    "\"anyOf\"",
    "\"oneOf\"",
    "\"not\"",
    "\"if\"",
    "\"then\"",
    "\"else\"",
    "\"properties\"",
    "\"additionalProperties\"",
    "\"patternProperties\"",
    "\"propertyNames\"",
    "\"unevaluatedProperties\"",
    "\"items\"",
    "\"prefixItems\"",
    "\"contains\"",
    "\"unevaluatedItems\"",
    "\"enum\"",
    "\"const\"",
    "\"type\"",
    "\"pattern\"",
    "\"minLength\"",
    "\"required\"",
    "\"x-sensitive\":true",
    "(?=a)",
];

/// An input that starts with this byte is a schema and a value, as text, with a zero byte between them.
const AS_IT_IS: u8 = 0;

/// A value judged under no more levels than this; deeper ones do not reach a schema.
const DEPTH: u64 = 64;

fn judge(bytes: &[u8], gates: &Gates) -> Result<String, Finding> {
    let (schema, value) = match bytes.split_first() {
        Some((&AS_IT_IS, text)) => {
            let mut texts = text.splitn(2, |byte| *byte == 0);
            let mut read = || texts.next().and_then(|text| serde_json::from_slice::<Value>(text).ok());
            match (read(), read()) {
                (Some(schema), value) => (schema, value.unwrap_or_default()),
                _ => return Ok("no schema".to_owned()),
            }
        }
        _ => {
            let mut source = Source::new(bytes);
            (generate::schema(&mut source), generate::value(&mut source, 4))
        }
    };
    if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
        return Ok("no schema".to_owned());
    }
    let mut expected = Expected::default();
    match rules::judge(&schema) {
        rules::Verdict::Right => {}
        rules::Verdict::Wrong => expected.fault(Code::SchemaInvalid, Place::Below("/input".to_owned())),
        rules::Verdict::Open => expected.open.push(Code::SchemaInvalid),
    }
    let text = manifest_with(&schema.to_string());
    // What a manifest may not be as a whole, too long or too deep, is the target `manifest`'s.
    if crate::document::read(&text, Offer::default().bounds.json_depth).is_none() {
        return Ok("no manifest".to_owned());
    }
    let outcome = gates.manifest(&text, &Offer::default());
    let seen = expected
        .compare(outcome.as_ref().map(|_| ()))
        .map_err(|finding| Finding::new(finding.kind, format!("{schema}: {}", finding.detail)))?;
    match outcome {
        Ok(manifest) => judge_value(&manifest.input, &value).map(|judged| format!("{seen}, {judged}")),
        Err(_) => Ok(seen),
    }
}

/// An accepted schema can be made ready, and says about a value what the evaluator says.
fn judge_value(schema: &Value, value: &Value) -> Result<String, Finding> {
    let differs = |what: String| Finding::new(Kind::Differs, what);
    let ready = compile_schema(schema)
        .map_err(|fault| differs(format!("accepted, and cannot be made ready: {schema}: {fault}")))?;
    let outcome = ready.validate(value);
    if let Err(fault) = &outcome {
        if fault.detail.len() > 200 {
            return Err(Finding::new(Kind::Unbounded, format!("the fault has {} bytes", fault.detail.len())));
        }
        if value.pointer(&fault.pointer).is_none() {
            return Err(differs(format!("{} is no place in {value}", fault.pointer)));
        }
    }
    let judged = evaluate::valid(schema, schema, value);
    if judged.is_some_and(|valid| valid != outcome.is_ok()) {
        return Err(differs(format!("{schema} and {value}: {outcome:?}, the evaluator says {judged:?}")));
    }
    let sensitive = match parse_json(value.to_string().as_bytes(), DEPTH) {
        Ok(json) => ready.sensitive(&json),
        Err(_) => return Ok("too deep".to_owned()),
    };
    let texts = value.to_string();
    if !schema.to_string().contains("x-sensitive") && !sensitive.is_empty() {
        return Err(differs(format!("nothing is marked in {schema}, and {sensitive:?} is sensitive")));
    }
    if schema.get("x-sensitive") == Some(&Value::Bool(true))
        && let Value::String(text) = value
        && text.len() >= 4
        && !sensitive.contains(text)
    {
        return Err(differs(format!("{texts} is marked and not sensitive")));
    }
    Ok(format!("{} {}", if outcome.is_ok() { "valid" } else { "invalid" }, judged.is_some()))
}

/// A manifest that is right but for its input schema, which stands in it as it is written.
pub(crate) fn manifest_with(schema: &str) -> Vec<u8> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let manifest = json!({
        "id": "com.example.fuzz", "version": "1.0.0", "name": "Fuzz", "category": "test", "abi": "core",
        "module": {"digest": digest, "size": 8},
        "output": true, "permissions": {}, "limits": {"memory_bytes": 65536, "timeout_ms": 1},
    });
    manifest.to_string().replacen('{', &format!("{{\"input\":{schema},"), 1).into_bytes()
}

fn seeds() -> Vec<Seed> {
    let schemas = [
        (
            "object",
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}),
            json!({"a": "b"}),
        ),
        ("list", json!({"items": {"$ref": "#"}, "maxItems": 2}), json!([[], []])),
        ("choice", json!({"oneOf": [{"const": 1}, {"enum": [1.0, "a"]}]}), json!(1)),
        ("marked", json!({"properties": {"a": {"x-sensitive": true}}}), json!({"a": "secret"})),
        ("pattern", json!({"pattern": "^a+$", "$defs": {"a": {"$anchor": "b"}}}), json!("aaa")),
        (
            "unevaluated",
            json!({"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}),
            json!({"b": 1}),
        ),
    ];
    let seed = |(name, schema, value): (&str, Value, Value)| Seed {
        name: name.to_owned(),
        bytes: [&[AS_IT_IS][..], schema.to_string().as_bytes(), b"\0", value.to_string().as_bytes()].concat(),
    };
    schemas.map(seed).into()
}

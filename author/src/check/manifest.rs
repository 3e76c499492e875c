//! Gate 3: manifest.schema.json, and what core.md 3 says besides.

use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use super::{Findings, host_rule, in_manifest, schema};
use crate::document::{Document, Kind, Node, segment};
use crate::{Fault, Offer};

/// manifest.schema.json.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../conformance/spec/manifest.schema.json");
    serde_json::from_str(text).expect("manifest.schema.json is part of the build")
});

static VALIDATOR: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::draft202012::new(&SCHEMA).expect("manifest.schema.json is a JSON Schema"));

/// The integers that are limits, and the bound of the same meaning (3.3).
const LIMITS: [(&str, &str); 9] = [
    ("/limits/memory_bytes", "memory_bytes"),
    ("/limits/timeout_ms", "timeout_ms"),
    ("/limits/log_bytes", "log_bytes"),
    ("/limits/output_bytes", "output_bytes"),
    ("/permissions/state/max_bytes", "state_bytes"),
    ("/limits/egress/requests_per_minute", "egress_requests_per_minute"),
    ("/limits/egress/bytes_per_minute", "egress_bytes_per_minute"),
    ("/limits/egress/queue", "egress_queue"),
    ("/limits/egress/timeout_ms", "egress_timeout_ms"),
];
const SIZE: &str = "/module/size";
const RULES: &str = "/permissions/egress";

/// Everything that is wrong with the manifest.
pub(super) fn judge(document: &Document, offer: &Offer, findings: &mut Findings) {
    written(document, findings);
    by_schema(document, findings);
    limits(document, offer, findings);
    if let Some(abi) = document.at("/abi").and_then(Node::text)
        && ["core", "component"].contains(&abi)
        && !offer.runs(abi)
    {
        findings.fault(in_manifest(document, "abi-unsupported", "/abi", format!("this runtime runs {}", offer.abis())));
    }
    rules(document, offer, findings);
    for feature in ["state", "egress", "vault"].into_iter().filter(|feature| offer.lacks(feature)) {
        let asked = [format!("/permissions/{feature}"), format!("/limits/{feature}")];
        for pointer in asked.into_iter().filter(|pointer| document.at(pointer).is_some()) {
            let detail = format!("this runtime does not offer `{feature}`");
            findings.fault(in_manifest(document, "feature-unsupported", pointer, detail));
        }
    }
    for pointer in ["/input", "/output"] {
        if let Some(node) = document.at(pointer).filter(|node| matches!(node.kind, Kind::Members(_))) {
            let mut exact = true;
            let value = node.to_value(&mut exact);
            let mut found = schema::faults(&value);
            if !exact {
                found.push((String::new(), "a number is too large to be compared".to_owned()));
            }
            let fault = |(below, detail)| in_manifest(document, "schema-invalid", format!("{pointer}{below}"), detail);
            findings.extend(found.into_iter().map(fault));
        }
    }
}

/// 3.2: how an integer is written. It comes first: what a number with a fraction comes to says nothing.
fn written(document: &Document, findings: &mut Findings) {
    for pointer in LIMITS.into_iter().map(|(pointer, _)| pointer).chain([SIZE]) {
        let Some(number) = document.at(pointer).and_then(Node::number) else { continue };
        if number.contains(['.', 'e', 'E']) {
            let detail = format!("an integer is written without fraction and exponent, not as {number}");
            findings.fault(invalid(document, pointer, detail));
        } else if pointer == SIZE && !number.starts_with('-') && number.parse::<u64>().is_err() {
            findings.fault(invalid(document, pointer, "no module is so large"));
        }
    }
}

/// 3.1, in the codes of the contract.
fn by_schema(document: &Document, findings: &mut Findings) {
    let mut value = document.root().to_value(&mut true);
    // Here they are only objects or booleans; what is in them is judged as schemas.
    for name in ["input", "output"] {
        if let Some(schema @ Value::Object(_)) = value.get_mut(name) {
            *schema = Value::Object(Map::new());
        }
    }
    for error in VALIDATOR.iter_errors(&value) {
        let place = error.instance_path().as_str().to_owned();
        let wrongly_written = findings.faults.iter().any(|fault| fault.pointer.as_deref() == Some(&place));
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let of = if place.is_empty() { "the manifest" } else { place.as_str() };
                let detail = format!("{of} has no member `{name}`");
                let pointer = format!("{place}/{}", segment(name));
                findings.fault(in_manifest(document, "manifest-missing-field", pointer, detail));
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let permissions = place == "/permissions";
                let code = if permissions { "capability-unknown" } else { "manifest-unknown-field" };
                for name in unexpected {
                    findings.fault(unknown(document, code, &place, name));
                }
            }
            _ if wrongly_written => {}
            ValidationErrorKind::Minimum { limit } if place != SIZE => {
                let detail = format!("the least value is {limit}");
                findings.fault(in_manifest(document, "limit-out-of-bounds", place, detail));
            }
            ValidationErrorKind::Minimum { limit } => {
                findings.fault(invalid(document, &place, format!("no module is smaller than {limit} bytes")));
            }
            ValidationErrorKind::Type { .. } => {
                let detail = format!("this is of the wrong type: {}", form(&place));
                findings.fault(invalid(document, &place, detail));
            }
            _ => findings.fault(invalid(document, &place, format!("this is not of its form: {}", form(&place)))),
        }
    }
}

fn invalid(document: &Document, pointer: &str, detail: impl Into<String>) -> Fault {
    in_manifest(document, "manifest-invalid-value", pointer, detail)
}

/// A member that is not known, with those that are.
fn unknown(document: &Document, code: &str, place: &str, name: &str) -> Fault {
    let steps = place.split('/').skip(1);
    let schema = steps.fold(&*SCHEMA, |schema, step| &schema["properties"][step]);
    let known: Vec<&str> =
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let detail = format!("{name:?} is none of the members here: {}", known.join(", "));
    in_manifest(document, code, format!("{place}/{}", segment(name)), detail)
}

/// What a value looks like that is right.
fn form(place: &str) -> &'static str {
    match place {
        "/id" => {
            "two or more labels of lower-case letters and digits, such as \"com.example.greet\", 128 characters at the most"
        }
        "/version" => "SemVer 2.0.0 without build metadata, such as \"1.0.0\" or \"1.1.0-rc.1\"",
        "/name" => "1 to 80 characters, none of them a control character",
        "/description" => "a text of at most 1000 characters",
        "/category" => "one word of at most 32 lower-case letters, digits and hyphens, such as \"tools\"",
        "/abi" => "\"core\" or \"component\"",
        "/module/digest" => "\"sha256:\" and 64 lower-case hexadecimal digits, which `package build` fills in",
        "/input" | "/output" => "a JSON Schema: an object, or `true` for anything",
        "/module" | "/permissions" | "/permissions/state" | "/limits" | "/limits/egress" => "an object, `{ … }`",
        "/permissions/egress" => "a list of rules such as \"https://api.example.com\"",
        "/permissions/vault" => "a list of names",
        _ if place.starts_with("/permissions/vault/") => "a name of lower-case letters and hyphens",
        _ if place.starts_with("/permissions/egress/") => "a text such as \"https://api.example.com\"",
        _ => "a whole number, without quotes",
    }
}

/// 3.3: the bounds of the same meaning.
fn limits(document: &Document, offer: &Offer, findings: &mut Findings) {
    for (pointer, bound) in LIMITS {
        let Some(number) = document.at(pointer).and_then(Node::number) else { continue };
        let most = offer.bound(bound);
        let whole = !number.starts_with('-') && number.bytes().all(|byte| byte.is_ascii_digit());
        if whole && number.parse::<u64>().map_or(true, |value| value > most) {
            let detail = format!("at most {most} is certain to be granted (`bounds.{bound}`)");
            findings.past_a_bound(offer, in_manifest(document, "limit-out-of-bounds", pointer, detail));
        }
    }
}

/// egress.md 1.1 and 1.2.
fn rules(document: &Document, offer: &Offer, findings: &mut Findings) {
    let Some(rules) = document.at(RULES).and_then(Node::items) else { return };
    let most = offer.bound("egress_rules");
    if rules.len() as u64 > most {
        let detail = format!("there are {} rules, at most {most} are certain to be taken", rules.len());
        findings.past_a_bound(offer, in_manifest(document, "egress-rule-invalid", RULES, detail));
    }
    for (index, rule) in rules.iter().enumerate() {
        if let Some(Err(why)) = rule.text().map(host_rule::judge) {
            findings.fault(in_manifest(
                document,
                "egress-rule-invalid",
                format!("{RULES}/{index}"),
                format!("this is no rule: {why}"),
            ));
        }
    }
}

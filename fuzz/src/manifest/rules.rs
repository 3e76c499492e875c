//! Everything that is wrong with a manifest: manifest.schema.json by the jsonschema crate, and what core.md 3 says besides.

use std::sync::LazyLock;

use assay_package::{Abi, Code, Feature, Offer};
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::{
    document::{self, Document, segment},
    egress_rule, schema,
    verdict::{Expected, Place},
};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../conformance/spec/manifest.schema.json");
    serde_json::from_str(text).unwrap_or_default()
});

static VALIDATOR: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::draft202012::new(&SCHEMA).expect("manifest.schema.json is a JSON Schema"));

/// What the contract says about the text of a manifest.
pub fn judge(text: &[u8], offer: &Offer) -> Expected {
    let Some(document @ Document::Members(_)) = document::read(text, offer.bounds.json_depth) else {
        return Expected::only(Code::ManifestMalformed, Place::Anywhere);
    };
    let mut expected = Expected::default();
    by_schema(&document, &mut expected);
    for pointer in INTEGERS.iter() {
        if let Some(Document::Number(written)) = document.at(pointer) {
            integer(pointer, written, offer, &mut expected);
        }
    }
    capabilities(&document, offer, &mut expected);
    egress(&document, offer, &mut expected);
    if let Some(abi) = document.at("/abi").and_then(Document::text).and_then(|text| text.parse::<Abi>().ok())
        && !offer.abis.contains(&abi)
    {
        expected.fault(Code::AbiUnsupported, Place::At("/abi".to_owned()));
    }
    for pointer in ["/input", "/output"] {
        let stated = document.at(pointer);
        if let Some(stated @ (Document::Members(_) | Document::Word("true" | "false"))) = stated {
            let (value, exact) = stated.to_value();
            match schema::rules::judge(&value) {
                schema::rules::Verdict::Right if exact => {}
                schema::rules::Verdict::Open => expected.open.push(Code::SchemaInvalid),
                // A number that binary64 cannot hold cannot be compared as 3.10 says.
                _ => expected.fault(Code::SchemaInvalid, Place::Below(pointer.to_owned())),
            }
        }
    }
    expected
}

/// 3.1: what manifest.schema.json says, in the codes of the contract.
fn by_schema(document: &Document, expected: &mut Expected) {
    let (mut value, _) = document.to_value();
    // The schema only asks whether they are objects or booleans.
    for name in ["input", "output"] {
        if let Some(schema @ Value::Object(_)) = value.get_mut(name) {
            *schema = Value::Object(serde_json::Map::new());
        }
    }
    for error in VALIDATOR.iter_errors(&value) {
        let place = error.instance_path().as_str().to_owned();
        let below = |name: &str| Place::At(format!("{place}/{}", segment(name)));
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                expected.fault(Code::ManifestMissingField, below(name));
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let permissions = place == "/permissions";
                let code = if permissions { Code::CapabilityUnknown } else { Code::ManifestUnknownField };
                unexpected.iter().for_each(|name| expected.fault(code, below(name)));
            }
            // 3.3 lists which integers are limits; the module's size is none.
            ValidationErrorKind::Minimum { .. } if place != "/module/size" => {
                expected.fault(Code::LimitOutOfBounds, Place::At(place));
            }
            _ => expected.fault(Code::ManifestInvalidValue, Place::At(place)),
        }
    }
}

/// Every place where manifest.schema.json has an integer.
static INTEGERS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut found = Vec::new();
    let mut todo = vec![(&*SCHEMA, String::new())];
    while let Some((schema, pointer)) = todo.pop() {
        if schema["type"] == "integer" {
            found.push(pointer.clone());
        }
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            todo.push((below, format!("{pointer}/{name}")));
        }
    }
    found
});

/// 3.2 and 3.3: how an integer is written, and the bound of the same meaning.
fn integer(pointer: &str, written: &str, offer: &Offer, expected: &mut Expected) {
    let place = Place::At(pointer.to_owned());
    if written.contains(['.', 'e', 'E']) {
        expected.fault(Code::ManifestInvalidValue, place);
        return;
    }
    if pointer == "/module/size" {
        // It has to be the size of a module, which no text above 64 bits is.
        if written.parse::<u64>().is_err() && !written.starts_with('-') {
            expected.fault(Code::ManifestInvalidValue, place);
        }
        return;
    }
    let meaning = match pointer {
        "/limits/memory_bytes" => "memory_bytes",
        "/limits/timeout_ms" => "timeout_ms",
        "/limits/log_bytes" => "log_bytes",
        "/limits/output_bytes" => "output_bytes",
        "/permissions/state/max_bytes" => "state_bytes",
        "/limits/egress/requests_per_minute" => "egress_requests_per_minute",
        "/limits/egress/bytes_per_minute" => "egress_bytes_per_minute",
        "/limits/egress/queue" => "egress_queue",
        "/limits/egress/timeout_ms" => "egress_timeout_ms",
        _ => return,
    };
    let bound = offer.bounds.by_name().into_iter().find(|(name, _)| *name == meaning).map_or(0, |(_, bound)| bound);
    let bound = bound.to_string();
    let longer = (written.len(), written) > (bound.len(), bound.as_str());
    if !written.starts_with('-') && longer {
        expected.fault(Code::LimitOutOfBounds, place);
    }
}

/// egress.md 1.1 and 1.2: how many rules there are, and what is none.
fn egress(document: &Document, offer: &Offer, expected: &mut Expected) {
    const PLACE: &str = "/permissions/egress";
    let Some(Value::Array(rules)) = document.at(PLACE).map(|stated| stated.to_value().0) else { return };
    if rules.len() as u64 > offer.bounds.egress_rules {
        expected.fault(Code::EgressRuleInvalid, Place::At(PLACE.to_owned()));
    }
    for (index, rule) in rules.iter().enumerate() {
        // What is no text is for the form to refuse.
        if rule.as_str().is_some_and(|text| egress_rule::rules::read(text).is_none()) {
            expected.fault(Code::EgressRuleInvalid, Place::At(format!("{PLACE}/{index}")));
        }
    }
}

/// 3.7: a capability whose feature is not declared, and limits of one.
fn capabilities(document: &Document, offer: &Offer, expected: &mut Expected) {
    for feature in Feature::ALL.into_iter().filter(|feature| !offer.features.contains(feature)) {
        let pointer = format!("/permissions/{feature}");
        if document.at(&pointer).is_some() {
            expected.fault(Code::FeatureUnsupported, Place::At(pointer));
        }
    }
    if !offer.features.contains(&Feature::Egress) && document.at("/limits/egress").is_some() {
        expected.fault(Code::FeatureUnsupported, Place::At("/limits/egress".to_owned()));
    }
}

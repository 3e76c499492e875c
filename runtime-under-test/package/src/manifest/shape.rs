//! The manifest's shape: one JSON object, of objects, with the fields that manifest.schema.json defines (core.md 3.1).

use super::{ManifestDraft, invalid, missing};
use crate::{Code, Json, Offer, Refusal, escape_pointer, parse_json};

type Verdict = Result<(), Refusal>;

/// One object of the manifest: where it is, which members it must have and which it may have.
struct Shape {
    pointer: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

/// All objects that the schema defines, outermost first.
const SHAPES: [Shape; 6] = [
    Shape {
        pointer: "",
        required: &["id", "version", "name", "category", "abi", "module", "input", "output", "permissions", "limits"],
        optional: &["description"],
    },
    Shape { pointer: "/module", required: &["digest", "size"], optional: &[] },
    Shape { pointer: PERMISSIONS, required: &[], optional: &["state", "egress", "vault"] },
    Shape { pointer: "/permissions/state", required: &["max_bytes"], optional: &[] },
    Shape {
        pointer: "/limits",
        required: &["memory_bytes", "timeout_ms"],
        optional: &["log_bytes", "output_bytes", "egress"],
    },
    Shape {
        pointer: "/limits/egress",
        required: &[],
        optional: &["requests_per_minute", "bytes_per_minute", "queue", "timeout_ms"],
    },
];

const PERMISSIONS: &str = "/permissions";

/// The manifest is one JSON object (2.3).
pub(crate) fn json(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    let refuse = |detail: String, pointer: Option<String>| {
        let refusal = Refusal::new(Code::ManifestMalformed, detail);
        pointer.into_iter().fold(refusal, Refusal::at)
    };
    let json =
        parse_json(&draft.bytes, offer.bounds.json_depth).map_err(|fault| refuse(fault.detail, fault.pointer))?;
    if json.as_object().is_none() {
        return Err(refuse("the manifest is not an object".to_owned(), Some(String::new())));
    }
    draft.json = Some(json);
    Ok(())
}

/// What should be an object is one.
pub(crate) fn objects(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    for shape in SHAPES {
        if draft.field(shape.pointer).is_some_and(|json| json.as_object().is_none()) {
            return Err(invalid(shape.pointer, "this is not an object"));
        }
    }
    Ok(())
}

/// No required field is absent.
pub(crate) fn required_fields(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    for shape in SHAPES {
        let Some(members) = draft.field(shape.pointer).and_then(Json::as_object) else {
            continue;
        };
        if let Some(name) = shape.required.iter().find(|name| !members.contains_key(**name)) {
            return Err(missing(&format!("{}/{name}", shape.pointer)));
        }
    }
    Ok(())
}

/// No field is there that the schema does not define.
pub(crate) fn unknown_fields(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    match unknown(draft, |pointer| pointer != PERMISSIONS) {
        Some(pointer) => Err(Refusal::new(Code::ManifestUnknownField, "a manifest has no such field").at(pointer)),
        None => Ok(()),
    }
}

/// No capability is asked for that the contract does not know.
pub(crate) fn unknown_capabilities(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    match unknown(draft, |pointer| pointer == PERMISSIONS) {
        Some(pointer) => Err(Refusal::new(Code::CapabilityUnknown, "there is no such capability").at(pointer)),
        None => Ok(()),
    }
}

/// The pointer of a member that its object does not define, in the objects at these places.
fn unknown(draft: &ManifestDraft, places: impl Fn(&str) -> bool) -> Option<String> {
    SHAPES.iter().filter(|shape| places(shape.pointer)).find_map(|shape| {
        let members = draft.field(shape.pointer)?.as_object()?;
        let known = |name: &&String| shape.required.iter().chain(shape.optional).any(|known| known == name);
        let name = members.keys().find(|name| !known(name))?;
        Some(format!("{}/{}", shape.pointer, escape_pointer(name)))
    })
}

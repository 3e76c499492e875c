//! The manifest's two schemas (core.md 3.5). Each rule looks at both.

use serde_json::Value;

use super::{ManifestDraft, invalid};
use crate::{
    Code, Json, Offer, Refusal, SchemaFault,
    schema::{
        DEEPEST, MOST_EVALUATIONS, build, compile_patterns, cost, dialect as other_dialect, meta_valid,
        references as resolve,
    },
};

type Verdict = Result<(), Refusal>;

/// A schema is an object or a boolean, of numbers that can be compared.
pub(crate) fn values(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    draft.input = value(draft, "/input")?;
    draft.output = value(draft, "/output")?;
    Ok(())
}

/// `$schema`, if present, names draft 2020-12.
pub(crate) fn dialect(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    both(draft, other_dialect)
}

/// Both are valid under the meta-schema of 2020-12.
pub(crate) fn valid(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    both(draft, meta_valid)
}

/// Every `$ref` and `$dynamicRef` resolves inside the same schema.
pub(crate) fn references(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    both(draft, resolve)
}

/// Neither costs more than is allowed on one place of a value, however deep it lies.
pub(crate) fn affordable(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    affordable_to(draft, DEEPEST)
}

/// Neither costs more than is allowed on a place at most so many levels deep.
pub(crate) fn affordable_to(draft: &mut ManifestDraft, deepest: usize) -> Verdict {
    both(draft, |schema| match cost(schema, deepest, MOST_EVALUATIONS) {
        0..=MOST_EVALUATIONS => Ok(()),
        _ => Err(SchemaFault::new("", format!("one place would cost more than {MOST_EVALUATIONS} evaluations"))),
    })
}

/// Both can be judged by: their regular expressions are ones, and in bounds.
pub(crate) fn usable(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    both(draft, |schema| {
        build(schema)?;
        compile_patterns(schema)
    })
}

fn value(draft: &ManifestDraft, pointer: &str) -> Result<Option<Value>, Refusal> {
    let Some(json) = draft.field(pointer) else {
        return Ok(None);
    };
    if !matches!(json, Json::Object(_) | Json::Bool(_)) {
        return Err(invalid(pointer, "a schema is an object or a boolean"));
    }
    let refuse = |fault: crate::JsonFault| {
        let pointer = format!("{pointer}{}", fault.pointer.unwrap_or_default());
        Refusal::new(Code::SchemaInvalid, fault.detail).at(pointer)
    };
    json.to_value().map(Some).map_err(refuse)
}

fn both(draft: &ManifestDraft, judge: impl Fn(&Value) -> Result<(), SchemaFault>) -> Verdict {
    for (pointer, schema) in [("/input", &draft.input), ("/output", &draft.output)] {
        if let Some(schema) = schema {
            judge(schema).map_err(|fault| {
                Refusal::new(Code::SchemaInvalid, fault.detail).at(format!("{pointer}{}", fault.pointer))
            })?;
        }
    }
    Ok(())
}

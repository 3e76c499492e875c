//! The manifest's integers: how they are written and between which bounds they lie (core.md 3.2, 3.3).

use super::{ManifestDraft, invalid};
use crate::{Bounds, Code, Json, Number, Offer, Refusal};

type Verdict = Result<(), Refusal>;

/// An integer of the manifest: where it is, its least value, and the published bound of the same meaning.
struct Limit {
    pointer: &'static str,
    least: u64,
    most: fn(&Bounds) -> u64,
}

const LIMITS: [Limit; 9] = [
    Limit { pointer: "/limits/memory_bytes", least: 65536, most: |bounds| bounds.memory_bytes },
    Limit { pointer: "/limits/timeout_ms", least: 1, most: |bounds| bounds.timeout_ms },
    Limit { pointer: "/limits/log_bytes", least: 0, most: |bounds| bounds.log_bytes },
    Limit { pointer: "/limits/output_bytes", least: 1, most: |bounds| bounds.output_bytes },
    Limit { pointer: "/permissions/state/max_bytes", least: 1, most: |bounds| bounds.state_bytes },
    Limit { pointer: "/limits/egress/requests_per_minute", least: 1, most: |bounds| bounds.egress_requests_per_minute },
    Limit { pointer: "/limits/egress/bytes_per_minute", least: 1, most: |bounds| bounds.egress_bytes_per_minute },
    Limit { pointer: "/limits/egress/queue", least: 0, most: |bounds| bounds.egress_queue },
    Limit { pointer: "/limits/egress/timeout_ms", least: 1, most: |bounds| bounds.egress_timeout_ms },
];

/// The one integer that is no limit. It has to be the module's size, so that it needs no bound.
const MODULE_SIZE: &str = "/module/size";

/// Every place of the manifest where an integer stands.
pub(crate) fn integer_places() -> impl Iterator<Item = &'static str> {
    LIMITS.iter().map(|limit| limit.pointer).chain([MODULE_SIZE])
}

/// Every integer is written without fraction and exponent (3.2).
pub(crate) fn integers(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    for pointer in integer_places() {
        match draft.field(pointer) {
            Some(Json::Number(number)) if !number.is_integer() => {
                return Err(invalid(pointer, "an integer is written without fraction and exponent"));
            }
            Some(Json::Number(_)) | None => {}
            Some(_) => return Err(invalid(pointer, "this is not an integer")),
        }
    }
    Ok(())
}

/// `/module/size` is at least that of an empty module.
pub(crate) fn module_size(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    match number(draft, MODULE_SIZE) {
        Some(size) if size.as_u64().is_none_or(|size| size < 8) => Err(invalid(MODULE_SIZE, "no module has this size")),
        _ => Ok(()),
    }
}

/// No limit is below its least value (3.3).
pub(crate) fn at_least(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    for limit in LIMITS {
        let below = |number: &Number| {
            number.as_str().starts_with('-') && number.as_u64() != Some(0)
                || number.as_u64().is_some_and(|value| value < limit.least)
        };
        if number(draft, limit.pointer).is_some_and(below) {
            return Err(out_of_bounds(limit.pointer, format!("the least value is {}", limit.least)));
        }
    }
    Ok(())
}

/// No limit is above the bound that discovery publishes (3.3).
pub(crate) fn at_most(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    for limit in LIMITS {
        let most = (limit.most)(&offer.bounds);
        let above =
            |number: &Number| !number.as_str().starts_with('-') && number.as_u64().is_none_or(|value| value > most);
        if number(draft, limit.pointer).is_some_and(above) {
            return Err(out_of_bounds(limit.pointer, format!("this runtime's bound is {most}")));
        }
    }
    Ok(())
}

fn number<'a>(draft: &'a ManifestDraft, pointer: &str) -> Option<&'a Number> {
    draft.field(pointer).and_then(Json::as_number)
}

fn out_of_bounds(pointer: &str, detail: String) -> Refusal {
    Refusal::new(Code::LimitOutOfBounds, detail).at(pointer)
}

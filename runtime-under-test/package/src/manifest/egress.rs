//! The manifest's rules for hosts (egress.md, section 1).

use super::{ManifestDraft, invalid};
use crate::{
    Code, HostRule, Json, Offer, Refusal,
    host_rule::steps::{self, Step},
};

type Verdict = Result<(), Refusal>;

/// Where the rules stand.
const PLACE: &str = "/permissions/egress";

/// There are no more rules than the bound (1.1).
pub(crate) fn count(draft: &mut ManifestDraft, offer: &Offer) -> Verdict {
    let most = offer.bounds.egress_rules;
    match draft.field(PLACE).and_then(Json::as_array) {
        Some(items) if items.len() as u64 > most => {
            Err(Refusal::new(Code::EgressRuleInvalid, format!("this runtime's bound is {most} rules")).at(PLACE))
        }
        _ => Ok(()),
    }
}

/// Every item is a rule (1.2).
pub(crate) fn rules(draft: &mut ManifestDraft, _: &Offer) -> Verdict {
    rules_by(draft, &steps::HONEST)
}

/// Every item is a rule by these steps.
pub(crate) fn rules_by(draft: &mut ManifestDraft, steps: &[Step]) -> Verdict {
    let Some(json) = draft.field(PLACE) else {
        return Ok(());
    };
    let items = json.as_array().ok_or_else(|| invalid(PLACE, "this is not an array"))?;
    let read = |(index, item): (usize, &Json)| {
        let place = format!("{PLACE}/{index}");
        let text = item.as_str().ok_or_else(|| invalid(&place, "this is not a string"))?;
        HostRule::parse_by(steps, text)
            .map_err(|fault| Refusal::new(Code::EgressRuleInvalid, fault.to_string()).at(place))
    };
    draft.egress = Some(items.iter().enumerate().map(read).collect::<Result<_, _>>()?);
    Ok(())
}

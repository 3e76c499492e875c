//! Defects of the structure gate.

use crate::{
    Code, Offer, Refusal,
    envelope::draft::{EnvelopeDraft, malformed},
    structure::PackageCandidate,
};

/// Drops all but the last `manifest` and the last `module`.
pub(super) fn keep_last(package: &mut PackageCandidate, _: &Offer) -> Result<(), Refusal> {
    let mut seen = Vec::new();
    let mut parts: Vec<_> = std::mem::take(&mut package.parts)
        .into_iter()
        .rev()
        .filter(|part| {
            let repeated = seen.contains(&part.name) && part.name != "signature";
            seen.push(part.name.clone());
            !repeated
        })
        .collect();
    parts.reverse();
    *package = PackageCandidate::new(parts);
    Ok(())
}

/// Refuses the two characters that only the URL-safe alphabet has.
pub(super) fn standard_alphabet(draft: &mut EnvelopeDraft, _: &Offer) -> Result<(), Refusal> {
    let signatures = draft.member("/signatures").ok().and_then(|json| json.as_array()).unwrap_or_default();
    let texts = signatures.iter().filter_map(|signature| signature.at("/sig")).chain(draft.member("/payload").ok());
    if texts.filter_map(|json| json.as_str()).any(|text| text.contains(['-', '_'])) {
        return Err(malformed("this is not padded base64", "/payload"));
    }
    Ok(())
}

/// The refusal of a signature that could have been a right one.
pub(super) fn invalid_signature() -> Refusal {
    Refusal::new(Code::SignatureInvalid, "no signature verifies under a trusted key")
}

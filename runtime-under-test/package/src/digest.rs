//! Gate 2, digest: is the module the one that the manifest pins (core.md 2.4).
//!
//! The gate compares what can be compared. A pin that is absent or of the wrong form is the manifest gate's to refuse.

use crate::{Code, Digest, Json, Offer, Refusal, structure::PackageCandidate};

/// The module has the size that the manifest pins.
pub(crate) fn size(package: &mut PackageCandidate, _: &Offer) -> Result<(), Refusal> {
    let pinned = package.manifest.field("/module/size").and_then(Json::as_number);
    match pinned.filter(|number| number.is_integer()) {
        Some(pinned) if pinned.as_u64() != Some(package.module_bytes().len() as u64) => {
            let detail = format!("the module has {} bytes", package.module_bytes().len());
            Err(Refusal::new(Code::DigestMismatch, detail).at("/module/size"))
        }
        _ => Ok(()),
    }
}

/// The module has the digest that the manifest pins.
pub(crate) fn digest(package: &mut PackageCandidate, _: &Offer) -> Result<(), Refusal> {
    let pinned = package.manifest.field("/module/digest").and_then(Json::as_str);
    let pinned: Option<Digest> = pinned.and_then(|text| text.parse().ok());
    match pinned.map(|pinned| (pinned, Digest::of(package.module_bytes()))) {
        Some((pinned, actual)) if pinned != actual => {
            Err(Refusal::new(Code::DigestMismatch, format!("the module's digest is {actual}")).at("/module/digest"))
        }
        _ => Ok(()),
    }
}

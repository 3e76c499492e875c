//! Gate 1, structure: are the parts there, once, in bounds and of their media types (core.md 2.3).
//!
//! That the manifest is one JSON object and each signature an envelope belongs to this gate, too; those rules stand with
//! what they read, in `manifest` and `envelope`.

use crate::{
    Code, Digest, Offer, Package, Part, Refusal, envelope::draft::EnvelopeDraft, manifest::ManifestDraft,
    module::ModuleFacts,
};

/// A package on its way through the first four gates.
pub(crate) struct PackageCandidate {
    /// The parts as they came.
    pub parts: Vec<Part>,
    /// What is known of the manifest.
    pub manifest: ManifestDraft,
    /// What is known of each signature.
    pub envelopes: Vec<EnvelopeDraft>,
    /// What is known of the module.
    pub module: ModuleFacts,
}

/// The parts of a package: name, media type, how often it may come, and its bound.
const PARTS: [PartKind; 3] = [
    PartKind {
        name: "manifest",
        media_type: "application/json",
        most: |_| 1,
        bound: |offer| offer.bounds.manifest_bytes,
    },
    PartKind { name: "module", media_type: "application/wasm", most: |_| 1, bound: |offer| offer.bounds.module_bytes },
    PartKind {
        name: "signature",
        media_type: "application/vnd.dsse+json",
        most: |offer| offer.bounds.signatures,
        bound: |offer| offer.bounds.envelope_bytes,
    },
];

struct PartKind {
    name: &'static str,
    media_type: &'static str,
    most: fn(&Offer) -> u64,
    bound: fn(&Offer) -> u64,
}

impl PackageCandidate {
    /// The parts sorted, nothing judged. A part that is missing is empty until a rule refuses.
    pub fn new(parts: Vec<Part>) -> Self {
        let manifest = ManifestDraft::new(content(&parts, "manifest"));
        let signatures = parts.iter().filter(|part| part.name == "signature");
        let envelopes = signatures.map(|part| EnvelopeDraft::new(&part.bytes)).collect();
        Self { parts, manifest, envelopes, module: ModuleFacts::default() }
    }

    /// The bytes of the module.
    pub fn module_bytes(&self) -> &[u8] {
        content(&self.parts, "module")
    }

    /// The package, once every rule has let it pass.
    pub fn finish(self, offer: &Offer) -> Result<Package, Refusal> {
        let manifest_bytes = content(&self.parts, "manifest").to_vec();
        let module = self.parts.into_iter().find(|part| part.name == "module").map(|part| part.bytes);
        Ok(Package {
            manifest: self.manifest.finish(offer)?,
            digest: Digest::of(&manifest_bytes),
            manifest_bytes,
            module: module.unwrap_or_default(),
            envelopes: self.envelopes.into_iter().map(EnvelopeDraft::finish).collect::<Result<_, _>>()?,
        })
    }
}

fn content<'a>(parts: &'a [Part], name: &str) -> &'a [u8] {
    parts.iter().find(|part| part.name == name).map_or(&[], |part| &part.bytes)
}

/// Every name is known.
pub(crate) fn parts_known(package: &mut PackageCandidate, _: &Offer) -> Result<(), Refusal> {
    match package.parts.iter().find(|part| kind(part).is_none()) {
        Some(part) => Err(Refusal::new(Code::PartUnknown, "no part of a package has this name").named(&part.name)),
        None => Ok(()),
    }
}

/// None is repeated beyond its number.
pub(crate) fn parts_once(package: &mut PackageCandidate, offer: &Offer) -> Result<(), Refusal> {
    for kind in PARTS {
        let most = (kind.most)(offer);
        let count = package.parts.iter().filter(|part| part.name == kind.name).count();
        if count as u64 > most {
            let detail = format!("the part is sent {count} times and may be sent {most} times");
            return Err(Refusal::new(Code::PartRepeated, detail).named(kind.name));
        }
    }
    Ok(())
}

/// Each has its media type; parameters are ignored (registry.md 2.1).
pub(crate) fn part_media_types(package: &mut PackageCandidate, _: &Offer) -> Result<(), Refusal> {
    for (part, kind) in package.parts.iter().filter_map(|part| Some((part, kind(part)?))) {
        let stated = part.content_type.as_deref().unwrap_or_default();
        let essence = stated.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(kind.media_type) {
            let detail = format!("the part's media type is not {}", kind.media_type);
            return Err(Refusal::new(Code::PartMediaType, detail).named(kind.name));
        }
    }
    Ok(())
}

/// Each keeps its bound.
pub(crate) fn part_bounds(package: &mut PackageCandidate, offer: &Offer) -> Result<(), Refusal> {
    for (part, kind) in package.parts.iter().filter_map(|part| Some((part, kind(part)?))) {
        let bound = (kind.bound)(offer);
        if part.bytes.len() as u64 > bound {
            let detail = format!("the part is larger than {bound} bytes");
            return Err(Refusal::new(Code::PartTooLarge, detail).named(kind.name));
        }
    }
    Ok(())
}

/// `manifest` and `module` are there.
pub(crate) fn parts_present(package: &mut PackageCandidate, _: &Offer) -> Result<(), Refusal> {
    for name in ["manifest", "module"] {
        if !package.parts.iter().any(|part| part.name == name) {
            return Err(Refusal::new(Code::PartMissing, "a package has this part").named(name));
        }
    }
    Ok(())
}

fn kind(part: &Part) -> Option<&'static PartKind> {
    const { &PARTS }.iter().find(|kind| kind.name == part.name)
}

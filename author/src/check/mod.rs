//! The gates of an upload in their order (core.md, section 2), as far as they ask nothing but the package: the first that
//! refuses decides, and here it names all of its faults.

use assay_fixtures::sha256;
use jiff::Timestamp;

use crate::document::{Document, Kind, Node, Unreadable};
use crate::{Fault, Offer};

mod envelope;
mod host_rule;
mod manifest;
mod module;
mod schema;

pub(crate) use envelope::Envelope;
pub(crate) use module::{CORE_HEADER, not_wasm};

/// The file of the manifest.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The file of the module.
pub(crate) const MODULE: &str = "handler.wasm";

/// The file of a signature.
pub(crate) fn signature_file(number: usize) -> String {
    format!("signature-{number}.dsse.json")
}

/// The bytes of a package.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The part `manifest`.
    pub manifest: &'a [u8],
    /// The part `module`.
    pub module: &'a [u8],
    /// The parts `signature`, in order.
    pub signatures: &'a [Vec<u8>],
}

/// What else decides about signatures.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// Public keys that are known to be trusted; with none, nothing is verified.
    pub keys: Vec<[u8; 32]>,
    /// The time.
    pub now: Timestamp,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// What every runtime refuses, or the one that was asked; all of one gate.
    pub faults: Vec<Fault>,
    /// What only some runtimes refuse, because they offer less.
    pub notes: Vec<Fault>,
}

impl Findings {
    /// Adds a fault, unless the same was found at the same place.
    fn fault(&mut self, fault: Fault) {
        let same =
            |known: &Fault| (&known.code, &known.pointer, &known.name) == (&fault.code, &fault.pointer, &fault.name);
        if !self.faults.iter().any(same) {
            self.faults.push(fault);
        }
    }

    /// Adds what is past a bound: wrong where the bounds are known, and else worth a note.
    fn past_a_bound(&mut self, offer: &Offer, fault: Fault) {
        match offer.is_certain() {
            true => self.fault(fault),
            false => self.notes.push(fault),
        }
    }

    /// Adds the refusals of several places.
    fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        faults.into_iter().for_each(|fault| self.fault(fault));
    }
}

/// Everything that is wrong with a package at the first gate that refuses it. A package without a signature passes, as it does
/// at upload.
pub fn judge(parts: Parts<'_>, offer: &Offer, circumstances: &Circumstances) -> Findings {
    let mut findings = Findings::default();
    let (document, envelopes) = structure(parts, offer, &mut findings);
    let Some(document) = document.filter(|_| findings.faults.is_empty()) else { return findings };
    let gates: [&dyn Fn(&mut Findings); 4] = [
        &|findings| digest(&document, parts.module, findings),
        &|findings| manifest::judge(&document, offer, findings),
        &|findings| module::judge(&document, parts.module, offer, findings),
        &|findings| envelope::judge(&document, parts.manifest, &envelopes, circumstances, offer, findings),
    ];
    for gate in gates {
        if findings.faults.is_empty() {
            gate(&mut findings);
        }
    }
    findings
}

/// Gate 1: sizes, and whether the manifest is one JSON object and each signature an envelope with a statement.
fn structure(parts: Parts<'_>, offer: &Offer, findings: &mut Findings) -> (Option<Document>, Vec<Envelope>) {
    let sizes = [("manifest_bytes", MANIFEST, parts.manifest), ("module_bytes", MODULE, parts.module)];
    let signatures: Vec<String> = (0..parts.signatures.len()).map(signature_file).collect();
    let envelopes =
        signatures.iter().zip(parts.signatures).map(|(file, bytes)| ("envelope_bytes", file.as_str(), &bytes[..]));
    for (bound, file, bytes) in sizes.into_iter().chain(envelopes) {
        let most = offer.bound(bound);
        if bytes.len() as u64 > most {
            let detail = format!("{file} has {} bytes, at most {most} are certain to be taken", bytes.len());
            findings.past_a_bound(offer, Fault::new("part-too-large", file, detail).named(part_of(file)));
        }
    }
    let most = offer.bound("signatures");
    if parts.signatures.len() as u64 > most {
        let detail = format!("there are {} signatures, at most {most} are certain to be taken", parts.signatures.len());
        findings.past_a_bound(offer, Fault::new("part-repeated", MANIFEST, detail).named("signature"));
    }
    let document = match read_manifest(parts.manifest, offer) {
        Ok(document) => Some(document),
        Err(fault) => {
            findings.fault(*fault);
            None
        }
    };
    let mut read = Vec::new();
    for (file, bytes) in signatures.iter().zip(parts.signatures) {
        match Envelope::read(bytes, offer) {
            Ok(envelope) => read.push(envelope),
            Err(detail) => findings
                .fault(Fault::new("envelope-malformed", file, detail).remedy(format!("Delete {file} and sign again."))),
        }
    }
    (document, read)
}

fn part_of(file: &str) -> &'static str {
    match file {
        MANIFEST => "manifest",
        MODULE => "module",
        _ => "signature",
    }
}

/// The manifest as one JSON object.
pub(crate) fn read_manifest(bytes: &[u8], offer: &Offer) -> Result<Document, Box<Fault>> {
    let fault = |Unreadable { at, pointer, detail }| {
        // A place in what is no text is counted in bytes.
        let text = String::from_utf8_lossy(bytes);
        let fault = Fault::new("manifest-malformed", MANIFEST, detail).at(&text, at);
        pointer.into_iter().fold(fault, Fault::pointing)
    };
    let document =
        Document::read(bytes, offer.bound("json_depth")).map_err(|unreadable| Box::new(fault(unreadable)))?;
    if document.root().members().is_none() {
        let detail = "a manifest is one JSON object, `{ … }`".to_owned();
        let at = document.root().start;
        return Err(Box::new(fault(Unreadable { at, pointer: Some(String::new()), detail })));
    }
    Ok(document)
}

/// A fault of the manifest at a pointer, in the line of its value.
pub(crate) fn in_manifest(
    document: &Document,
    code: &str,
    pointer: impl Into<String>,
    detail: impl Into<String>,
) -> Fault {
    let pointer = pointer.into();
    let at = match code {
        "manifest-unknown-field" | "capability-unknown" => document.name_place(&pointer),
        _ => document.place(&pointer),
    };
    Fault::new(code, MANIFEST, detail).at(document.text(), at).pointing(pointer)
}

/// Gate 2: the size, then the digest. What is absent or not of its form is left to the manifest gate.
fn digest(document: &Document, module: &[u8], findings: &mut Findings) {
    const REMEDY: &str = "Run `package build` again: it pins the module that is in the folder.";
    // Of an integer that no module can have as its size the contract leaves open which gate refuses it; here it is the first.
    let integer = |size: &&str| !size.contains(['.', 'e', 'E']);
    if let Some(size) = document.at("/module/size").and_then(Node::number).filter(integer)
        && size != module.len().to_string()
    {
        let detail = format!("{MODULE} has {} bytes, not {size}", module.len());
        findings.fault(in_manifest(document, "digest-mismatch", "/module/size", detail).remedy(REMEDY));
        return;
    }
    let stated = document.at("/module/digest").and_then(Node::text).filter(|text| is_digest(text));
    let found = sha256(module);
    if stated.is_some_and(|stated| stated != found) {
        let detail = format!("the digest of {MODULE} is {found}");
        findings.fault(in_manifest(document, "digest-mismatch", "/module/digest", detail).remedy(REMEDY));
    }
}

/// Whether a text is a digest as the contract writes one (README.md 1.4).
pub(crate) fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
}

/// An object with all of these members and no others, but for some.
pub(crate) fn has_exactly(node: &Node, required: &[&str], optional: &[&str]) -> Result<(), String> {
    let Kind::Members(members) = &node.kind else { return Err("a value is not an object".to_owned()) };
    if let Some(missing) = required.iter().find(|name| node.member(name).is_none()) {
        return Err(format!("the member `{missing}` is missing"));
    }
    let known = |name: &str| required.contains(&name) || optional.contains(&name);
    match members.iter().find(|member| !known(&member.name)) {
        Some(unknown) => Err(format!("there is no member {:?}", unknown.name)),
        None => Ok(()),
    }
}

//! The target `upload`: parts of every name, number, type and size through the structure and the digest gate (core.md 2.3, 2.4).
//!
//! It starts where the bytes of the multipart body have become parts: what reads those bytes is part of the server.

use std::sync::LazyLock;

use assay_fixtures::{Behaviour, Key, Package, Recipe, Release, sha256, sign_digest};
use assay_package::{
    Circumstances, Code, Digest, Gates, HandlerId, KeyName, KeyRole, Ledger, Link, Offer, Part, PublicKey, Scope,
    Trust, TrustedKey, Version,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    document::{self, Document},
    envelope::form,
    finding::Finding,
    manifest,
    source::{Source, mutate},
    target::{Seed, Subject, Target},
    verdict::{Expected, Place},
};

/// The target.
pub const UPLOAD: Target = Target {
    name: "upload",
    purpose: "parts of an upload against core.md 2.3 and 2.4",
    subject: |defect| Subject::of_gates(defect, judge),
    seeds,
    words: &["manifest", "module", "signature", "application/json", "application/wasm", "application/vnd.dsse+json"],
    planted: &[
        "missing-parts-are-empty",
        "last-part-wins",
        "unknown-parts-ignored",
        "part-bounds-ignored",
        "part-types-ignored",
        "module-digest-unchecked",
        "module-size-unchecked",
    ],
    budget: 5_000,
    bare: None,
};

/// The parts of a package: name, media type.
const PARTS: [(&str, &str); 3] =
    [("manifest", "application/json"), ("module", "application/wasm"), ("signature", "application/vnd.dsse+json")];

static KEY: LazyLock<Key> = LazyLock::new(|| Key::from_seed([7; 32]));
static PACKAGE: LazyLock<Package> = LazyLock::new(|| Recipe::new("com.example.fuzz", Behaviour::Echo).build());

/// The time of every verdict: any will do, as long as it is always the same.
pub const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// A registry in which nothing is stored and nothing revoked.
pub struct Empty;

impl Ledger for Empty {
    fn handler_revoked(&self, _: &HandlerId) -> bool {
        false
    }

    fn release_revoked(&self, _: &HandlerId, _: &Version) -> bool {
        false
    }

    fn release_by_digest(&self, _: &Digest) -> Option<Link> {
        None
    }
}

/// Trust in one key, for everything under one prefix.
pub fn trusted(key: &Key, scope: Scope) -> Option<TrustedKey> {
    let name: KeyName = key.name().parse().ok()?;
    let public_key = PublicKey::from_bytes(&key.public_key()).ok()?;
    Some(TrustedKey { name, public_key, role: KeyRole::Publisher, scope: vec![scope], not_after: None })
}

fn judge(bytes: &[u8], gates: &Gates) -> Result<String, Finding> {
    let mut source = Source::new(bytes);
    let mut offer = Offer::default();
    let parts = parts(&mut source, &mut offer);
    let expected = expected(&parts, &offer);
    let trust = Trust::new(trusted(&KEY, Scope::Below("com.example".to_owned())));
    let circumstances = Circumstances { offer: &offer, trust: &trust, ledger: &Empty, now: NOW };
    let outcome = gates.upload(parts.clone(), &circumstances);
    let seen = expected.compare(outcome.as_ref().map(|_| ()))?;
    if let Ok(package) = outcome {
        let manifest = &parts.iter().find(|part| part.name == "manifest").map_or(&[][..], |part| &part.bytes);
        if package.manifest_bytes != *manifest || package.digest.to_string() != sha256(manifest) {
            return Err(Finding::new(crate::Kind::Differs, "the package is not what was sent"));
        }
    }
    Ok(seen)
}

/// The parts of a right upload after some edits, and bounds that are near to their sizes.
fn parts(source: &mut Source<'_>, offer: &mut Offer) -> Vec<Part> {
    source.byte();
    let mut manifest = PACKAGE.manifest.clone();
    let mut module = PACKAGE.module.clone();
    match source.below(10) {
        4 => module.push(source.byte()),
        5 => mutate(source, &mut module, 1),
        6 => {
            let size = source.pick(&["9", "9.0", "-1", "\"9\"", "7", "18446744073709551616", "null"]);
            replace(&mut manifest, &format!("\"size\": {}", PACKAGE.module.len()), &format!("\"size\": {size}"));
        }
        7 => {
            let digest = source.pick(&["sha256:0", "", "SHA256"]);
            replace(&mut manifest, &sha256(&PACKAGE.module), digest);
        }
        8 => replace(&mut manifest, &sha256(&PACKAGE.module), &sha256(b"another")),
        9 => mutate(source, &mut manifest, 2),
        _ => {}
    }
    let mut parts = vec![part(0, manifest.clone()), part(1, module)];
    for _ in 0..source.below(4) {
        let envelope = match source.below(4) {
            0 => source.bytes(64),
            1 => {
                let mut envelope = signed(&manifest);
                mutate(source, &mut envelope, 1);
                // A change of the payload is the signature gate's, whose target is `envelope`.
                if form::read(&envelope, offer).is_none() { envelope } else { signed(&manifest) }
            }
            _ => signed(&manifest),
        };
        parts.push(part(2, envelope));
    }
    for _ in 0..source.below(3) {
        edit(source, &mut parts);
    }
    if source.one_in(3) {
        let bounds = &mut offer.bounds;
        let near = |length: usize, source: &mut Source<'_>| (length + 1).saturating_sub(source.below(3)) as u64;
        match source.below(4) {
            0 => bounds.manifest_bytes = near(PACKAGE.manifest.len(), source),
            1 => bounds.module_bytes = near(PACKAGE.module.len(), source),
            2 => bounds.envelope_bytes = near(signed(&PACKAGE.manifest).len(), source),
            _ => bounds.signatures = source.below(4) as u64,
        }
    }
    parts
}

fn part(kind: usize, bytes: Vec<u8>) -> Part {
    let (name, media_type) = PARTS[kind];
    Part { name: name.to_owned(), content_type: Some(media_type.to_owned()), bytes }
}

fn edit(source: &mut Source<'_>, parts: &mut Vec<Part>) {
    let place = source.below(parts.len().max(1));
    if place >= parts.len() {
        return;
    }
    match source.below(6) {
        0 => {
            parts.remove(place);
        }
        1 => {
            let again = parts[place].clone();
            parts.push(again);
        }
        2 => {
            let name =
                source.text(&["signatures", "", "Manifest", "module ", "manifest\u{0}", "\u{202e}module", "file"]);
            parts.push(Part { name, content_type: None, bytes: source.bytes(8) });
        }
        3 => {
            let types = [
                "APPLICATION/JSON",
                "application/json; charset=utf-8",
                "application/wasm;",
                "text/plain",
                "",
                "application/octet-stream",
                "application/json+x",
                " application/wasm",
            ];
            parts[place].content_type = Some(source.text(&types));
        }
        4 => parts[place].content_type = None,
        _ => {
            let other = source.below(parts.len());
            parts.swap(place, other);
        }
    }
}

fn signed(manifest: &[u8]) -> Vec<u8> {
    let release = Release {
        issued_at: NOW - SignedDuration::from_mins(1),
        expires_at: NOW + SignedDuration::from_hours(1),
        previous: None,
    };
    sign_digest("com.example.fuzz@1.0.0", &sha256(manifest), &KEY, &release)
}

fn replace(text: &mut Vec<u8>, from: &str, to: &str) {
    *text = String::from_utf8_lossy(text).replace(from, to).into_bytes();
}

/// What the contract says about the parts.
fn expected(parts: &[Part], offer: &Offer) -> Expected {
    let mut structure = structure(parts, offer);
    if !structure.faults.is_empty() {
        return structure;
    }
    let mut expected = beyond(parts, offer);
    // What is open there may have been refused there, whatever comes next.
    expected.open.append(&mut structure.open);
    expected
}

/// What comes after the structure.
fn beyond(parts: &[Part], offer: &Offer) -> Expected {
    let mut expected = Expected::default();
    let bytes = |name: &str| parts.iter().find(|part| part.name == name).map_or(&[][..], |part| &part.bytes);
    let Some(document) = document::read(bytes("manifest"), offer.bounds.json_depth) else { return expected };
    expected = pins(&document, bytes("module"));
    if !expected.faults.is_empty() {
        return expected;
    }
    expected = manifest::rules::judge(bytes("manifest"), offer);
    if expected.faults.is_empty() && parts.iter().any(|part| part.name == "signature") {
        // A manifest that was changed and is still right may be another handler's or another version.
        let named = |pointer, value| document.at(pointer).and_then(Document::text) == Some(value);
        if !named("/id", "com.example.fuzz") || !named("/version", "1.0.0") {
            expected.open.extend([Code::KeyOutOfScope, Code::SubjectMismatch]);
        }
    }
    if expected.faults.is_empty() {
        // The module is the fixture's own, but what the manifest says about it may have changed.
        expected.open.extend([Code::ModuleAbiMismatch, Code::ModuleOverLimit, Code::CapabilityUndeclared]);
    }
    expected
}

/// 2.3, part by part.
fn structure(parts: &[Part], offer: &Offer) -> Expected {
    let mut expected = Expected::default();
    let bounds = &offer.bounds;
    let numbers = [(1, bounds.manifest_bytes), (1, bounds.module_bytes), (bounds.signatures, bounds.envelope_bytes)];
    for part in parts.iter().filter(|part| !PARTS.iter().any(|(name, _)| *name == part.name)) {
        expected.fault(Code::PartUnknown, Place::Named(part.name.clone()));
    }
    for ((name, media_type), (most, largest)) in PARTS.into_iter().zip(numbers) {
        let place = || Place::Named(name.to_owned());
        let found: Vec<&Part> = parts.iter().filter(|part| part.name == name).collect();
        if found.len() as u64 > most {
            expected.fault(Code::PartRepeated, place());
        }
        if found.is_empty() && name != "signature" {
            expected.fault(Code::PartMissing, place());
        }
        for part in found {
            let stated = part.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
            if stated.split(';').next().map(str::trim) != Some(media_type) {
                expected.fault(Code::PartMediaType, place());
            }
            if part.bytes.len() as u64 > largest {
                expected.fault(Code::PartTooLarge, place());
            }
            let is_object = || matches!(document::read(&part.bytes, bounds.json_depth), Some(Document::Members(_)));
            if name == "manifest" && !is_object() {
                expected.fault(Code::ManifestMalformed, Place::Anywhere);
            }
            if name == "signature" {
                match form::judge(&part.bytes, offer) {
                    form::Form::Right(_) => {}
                    form::Form::Wrong => expected.fault(Code::EnvelopeMalformed, Place::Anywhere),
                    form::Form::Open => expected.open.push(Code::EnvelopeMalformed),
                }
            }
        }
    }
    expected
}

/// 2.4: size, then digest; what is absent or not of its form is the manifest gate's.
fn pins(document: &Document, module: &[u8]) -> Expected {
    if let Some(Document::Number(size)) = document.at("/module/size")
        && size.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && *size != module.len().to_string()
    {
        // Whether less than any module has is of its form is left open.
        let mut expected = Expected::only(Code::DigestMismatch, Place::At("/module/size".to_owned()));
        if size.starts_with('-') || size.len() == 1 && size.as_str() < "8" {
            expected.fault(Code::ManifestInvalidValue, Place::At("/module/size".to_owned()));
        }
        return expected;
    }
    let digest = document.at("/module/digest").and_then(Document::text).and_then(|text| text.strip_prefix("sha256:"));
    let lower_case =
        |digits: &str| digits.len() == 64 && digits.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    if let Some(digits) = digest
        && lower_case(digits)
        && format!("sha256:{digits}") != sha256(module)
    {
        return Expected::only(Code::DigestMismatch, Place::At("/module/digest".to_owned()));
    }
    Expected::default()
}

fn seeds() -> Vec<Seed> {
    // Every byte is a choice here: the seeds are the first choice of each kind.
    let seed = |kind: u8| Seed { name: format!("choices-{kind}"), bytes: vec![1, kind, kind, kind, kind, kind] };
    (0..10).map(seed).collect()
}

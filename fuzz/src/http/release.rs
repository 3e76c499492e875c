//! Packages of a sequence, their uploads as bytes, and what their handlers do.

use std::sync::LazyLock;

use assay_fixtures::{Behaviour, Key, Package, Recipe, Release, Step};
use jiff::{SignedDuration, Timestamp};

use super::step::VERSIONS;

/// The key of a sequence's publisher: its own, because what a key has verified is shown under all its names.
pub fn publisher(sequence: u64) -> Key {
    let mut seed = [11; 32];
    seed[..8].copy_from_slice(&sequence.to_le_bytes());
    Key::from_seed(seed)
}

/// The key that never is.
pub static STRANGER: LazyLock<Key> = LazyLock::new(|| Key::from_seed([12; 32]));

/// How long a release holds, and one that is short.
pub const LONG: SignedDuration = SignedDuration::from_hours(8);
/// Less than a step of the clock.
pub const SHORT: SignedDuration = SignedDuration::from_mins(10);
/// A step of the clock.
pub const WAIT: SignedDuration = SignedDuration::from_mins(11);

/// What the handlers do, by the number that is their input: count on; count on, and trap, fail, or answer what is no JSON; tell
/// the number, in as many items more as the version has predecessors, so that it is seen which one runs.
pub fn scripts(version: usize) -> Vec<Vec<Step>> {
    let count = || Step::AddOne("n".to_owned(), 0);
    let mut tells = vec![Step::Get("n".to_owned())];
    tells.extend((0..version).map(|_| Step::Turns(0)));
    vec![vec![count()], vec![count(), Step::Trap], vec![count(), Step::Fail], vec![count(), Step::Garbage], tells]
}

/// A package of a version.
pub fn package(id: &str, category: &str, version: usize) -> Package {
    let recipe = Recipe::new(id, Behaviour::Scripts(scripts(version)));
    // Written as no serialiser would: the bytes are what counts.
    let recipe = recipe.edit_manifest(|text| text.replace("\": ", "\" :  "));
    recipe.version(VERSIONS[version]).category(category).build()
}

/// The package with a signature, if it has one.
pub fn sign(package: Package, by: Option<&Key>, previous: Option<String>, now: Timestamp, short: bool) -> Package {
    let holds = if short { SHORT } else { LONG };
    let release = Release { issued_at: now - SignedDuration::from_mins(1), expires_at: now + holds, previous };
    match by {
        None => package,
        Some(key) => package.signed_with(key, release),
    }
}

/// The media type of [`form`].
pub const FORM: &str = "multipart/form-data; boundary=XX";

/// A package as multipart/form-data.
pub fn form(package: &Package) -> Vec<u8> {
    let mut body = Vec::new();
    let parts = [("manifest", "application/json", &package.manifest), ("module", "application/wasm", &package.module)];
    let signatures = package.signatures.iter().map(|bytes| ("signature", "application/vnd.dsse+json", bytes));
    for (name, media, bytes) in parts.into_iter().chain(signatures) {
        let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {media}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

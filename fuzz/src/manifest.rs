//! The target `manifest`: the manifest gate against manifest.schema.json and the further rules of core.md 3, and back again.

use assay_package::{Gates, Offer};
use serde_json::{Value, from_slice};

use crate::{
    document,
    finding::{Finding, Kind},
    rates::Bare,
    source::Source,
    target::{Seed, Subject, Target},
};

pub mod generate;
pub mod rules;
mod written;

/// The target.
pub const MANIFEST: Target = Target {
    name: "manifest",
    purpose: "the manifest gate against manifest.schema.json and core.md 3; what is accepted, written again, is the same",
    subject: |defect| Subject::of_gates(defect, judge),
    seeds,
    words: WORDS,
    planted: &[
        "undeclared-features-accepted",
        "manifest-byte-order-mark-skipped",
        "manifest-trailing-bytes-ignored",
        "manifest-depth-unbounded",
        "manifest-names-may-repeat",
        "missing-fields-defaulted",
        "unknown-fields-ignored",
        "id-form-unchecked",
        "versions-coerced",
        "prereleases-refused",
        "unknown-capabilities-ignored",
        "values-coerced",
        "limits-unchecked",
        "limits-at-the-bound-refused",
        "fractions-accepted",
        "egress-rules-unbounded",
        "egress-limits-unbounded",
    ],
    budget: 30_000,
    bare: Some(Bare {
        name: "serde_json",
        text: |bytes| text(bytes).0,
        takes: |text| from_slice::<Value>(text).is_ok(),
    }),
};

const WORDS: &[&str] = &[
    "\"id\"",
    "\"version\"",
    "\"name\"",
    "\"description\"",
    "\"category\"",
    "\"abi\"",
    "\"module\"",
    "\"digest\"",
    "\"size\"",
    "\"input\"",
    "\"output\"",
    "\"permissions\"",
    "\"state\"",
    "\"max_bytes\"",
    "\"egress\"",
    "\"vault\"",
    "\"limits\"",
    "\"memory_bytes\"",
    "\"timeout_ms\"",
    "\"log_bytes\"",
    "\"output_bytes\"",
    "\"requests_per_minute\"",
    "\"bytes_per_minute\"",
    "\"queue\"",
    "\"core\"",
    "\"component\"",
    "\"1.0.0-rc.1\"",
    "\"sha256:",
    "https://",
    "65536",
    "6.5536e4",
    "-0",
    "18446744073709551616",
    "\u{feff}",
];

/// An input that starts with this byte is an offer and the text of a manifest as it is.
const AS_IT_IS: u8 = 0;

/// The text of a manifest, and what it is judged by.
fn text(bytes: &[u8]) -> (Vec<u8>, Offer) {
    match bytes.split_first() {
        Some((&AS_IT_IS, text)) => (text.to_vec(), Offer::default()),
        _ => generate::manifest(&mut Source::new(bytes)),
    }
}

fn judge(bytes: &[u8], gates: &Gates) -> Result<String, Finding> {
    let (text, offer) = text(bytes);
    let expected = rules::judge(&text, &offer);
    let outcome = gates.manifest(&text, &offer);
    let seen = expected.compare(outcome.as_ref().map(|_| ()))?;
    if let Ok(manifest) = outcome {
        let stated = document::read(&text, u64::MAX);
        if let Some(member) = stated.as_ref().and_then(|stated| written::disagreement(&manifest, stated)) {
            return Err(Finding::new(Kind::Differs, format!("{member} is not what the text says")));
        }
        let limited = stated.is_some_and(|stated| stated.at("/limits/egress").is_some());
        let again = written::text(&manifest, limited);
        match gates.manifest(again.as_bytes(), &offer) {
            Ok(read) if read == manifest => {}
            other => return Err(Finding::new(Kind::RoundTrip, format!("{again}: {other:?}"))),
        }
    }
    Ok(seen)
}

fn seeds() -> Vec<Seed> {
    let recipes = assay_fixtures::catalogue();
    let seed = |(name, recipe): (&str, assay_fixtures::Recipe)| {
        let package = recipe.build();
        Seed { name: format!("{name}-{}", package.module.len()), bytes: [&[AS_IT_IS][..], &package.manifest].concat() }
    };
    recipes.into_iter().map(seed).collect()
}

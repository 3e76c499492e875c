//! The target `http`: sequences of operations against the server in this process, beside a small model of its registry, its
//! installations and its clock.
//!
//! The model says of every request with which status and which codes it may be answered, and of what is answered what must be
//! in it. A sequence has handlers, a key and a category of its own and uninstalls what it installed, so that one server serves
//! all sequences of a run.

use std::sync::Arc;

use crate::{
    finding::Finding,
    source::Source,
    target::{Seed, Subject, Target},
};

mod model;
mod release;
mod show;
mod step;
mod take;
mod world;

use world::World;

/// The target.
pub const HTTP: Target = Target {
    name: "http",
    purpose: "sequences of operations over HTTP against a model of the registry and the installations",
    subject,
    seeds,
    words: &[],
    planted: &[
        "unsigned-uploads-refused",
        "refused-uploads-stored",
        "location-left-out",
        "duplicates-overwrite",
        "duplicates-acknowledged",
        "registry-signature-forgotten",
        "past-expiry-signed",
        "revocation-hits-every-release",
        "second-revocation-refused",
        "deleted-keys-listed",
        "key-bytes-replaced",
        "list-omits-versions",
        "category-ignored",
        "installed-ignored",
        "pages-skip-one",
        "versions-listed-as-text",
        "signers-left-out",
        "manifests-reserialised",
        "download-digests-left-out",
        "revoked-releases-hidden",
        "upgrade-keeps-the-old-module",
        "uninstall-forgets-nothing",
        "install-replaces",
        "install-falls-back-to-latest",
        "output-read-as-text",
        "execution-ids-repeat",
        "state-not-committed",
        "state-shared",
        "state-survives-uninstall",
        "state-lost-at-upgrade",
        "state-committed-though-rejected",
        "state-owners-cut-short",
        "state-shown-to-users",
        "state-sizes-without-keys",
        "totals-count-only-successes",
        "totals-forget-cpu",
        "totals-shared",
        "totals-lost-at-upgrade",
        "totals-survive-uninstall",
        "installed-list-for-admins-only",
        "installed-list-repeats-at-borders",
        "installed-list-skips-at-borders",
        "record-under-any-handler",
        "record-of-an-admin-shown-to-users",
        "records-for-admins-only",
        "records-survive-uninstall",
        "only-the-last-record-kept",
        "health-is-plain-text",
        "problems-lack-a-code",
        "unknown-paths-answer-plainly",
        "request-members-ignored",
        "request-names-may-repeat",
        "request-depth-unbounded",
        "query-faults-ignored",
        "users-may-administer",
        "strangers-are-users",
        "role-judged-last",
    ],
    budget: 200,
    bare: None,
};

/// The longest sequence.
const STEPS: usize = 24;

fn subject(defect: Option<&str>) -> Option<Subject> {
    let world = Arc::new(World::open(defect)?);
    Some(Subject::new(move |bytes| judge(bytes, &world)))
}

fn judge(bytes: &[u8], world: &World) -> Result<String, Finding> {
    let mut source = Source::new(bytes);
    source.byte();
    let mut sequence = take::Sequence::begin(world);
    let mut words = Vec::new();
    let mut judged = sequence.prepare(source.below(8));
    while judged.is_ok() && words.len() < STEPS && !source.is_empty() {
        judged = sequence.take(&step::any(&mut source)).map(|word| words.push(word));
    }
    let judged = judged.and_then(|()| sequence.look());
    // What is installed is uninstalled also after a finding: the next sequence lists what there is.
    let ended = sequence.end();
    judged.and(ended)?;
    words.sort_unstable();
    words.dedup();
    Ok(format!("accepted {}", words.join(" ")))
}

fn seeds() -> Vec<Seed> {
    // Every byte is a choice here: the seeds are a few steps of each kind.
    (0..8_u8)
        .map(|kind| Seed {
            name: format!("steps-{kind}"),
            bytes: (0..48).map(|place| kind.wrapping_mul(place)).collect(),
        })
        .collect()
}

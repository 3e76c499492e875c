//! The eight gates, in order, and the promises that each of them keeps.
//!
//! This is the file to read first: every rule is one sentence of core.md, and the list reads from top to bottom as a
//! package meets it. A refusal names the first gate that refuses.

use std::fmt;

use crate::{
    Circumstances, Moment, Offer, Refusal,
    envelope::draft::EnvelopeDraft,
    manifest::ManifestDraft,
    release::{EnvelopeCandidate, ReleaseCandidate, Signatory},
    structure::PackageCandidate,
    trust::KeyCandidate,
};

mod list;
mod pass;

/// The ordered list of gates, as a runtime asks them.
#[derive(Debug, Clone)]
pub struct Gates {
    pub(crate) gates: Vec<Gate>,
    /// The rules for keys that are to be trusted (registry.md 1), which no package passes.
    pub(crate) keys: Vec<Rule>,
    /// The rules by which signers are listed (registry.md 4.3).
    pub(crate) signers: Vec<Rule>,
    /// When every envelope must pass; at all other moments one is enough (core.md 2.2).
    pub(crate) every_envelope_at: Vec<Moment>,
}

/// One gate: its name in `contract.toml`, when it is asked, and its rules in order.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub name: &'static str,
    pub at: Vec<Moment>,
    pub rules: Vec<Rule>,
}

/// One promise, under the name of its gate and its own.
#[derive(Clone)]
pub(crate) struct Rule {
    pub name: &'static str,
    pub judge: Judge,
}

/// What a rule looks at. A rule may complete what it looks at: it parses, so that nothing has to be judged twice.
#[derive(Clone, Copy)]
pub(crate) enum Judge {
    /// An uploaded package. By the type, nothing but the package and what discovery publishes can matter.
    Package(fn(&mut PackageCandidate, &Offer) -> Result<(), Refusal>),
    /// The manifest of an uploaded package, by itself.
    Manifest(fn(&mut ManifestDraft, &Offer) -> Result<(), Refusal>),
    /// Each signature part of an uploaded package, by itself.
    Draft(fn(&mut EnvelopeDraft, &Offer) -> Result<(), Refusal>),
    /// Each envelope of a release, under the trust of the moment: finds the keys that verify it.
    Verification(EnvelopeRule),
    /// Each envelope of a release, with the keys that verify it.
    Envelope(EnvelopeRule),
    /// A release as a whole.
    Release(fn(&ReleaseCandidate<'_>, &Circumstances<'_>) -> Result<(), Refusal>),
    /// A key that is to be trusted.
    Key(fn(&mut KeyCandidate<'_>) -> Result<(), Refusal>),
    /// The list of those who signed a release.
    Signers(fn(&mut Vec<Signatory>)),
}

type EnvelopeRule = fn(&mut EnvelopeCandidate<'_>, &Circumstances<'_>) -> Result<(), Refusal>;

impl Rule {
    const fn new(name: &'static str, judge: Judge) -> Self {
        Self { name, judge }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

//! How a run is judged: the verdict of one check, the level of one requirement, the conclusion of the whole.
//!
//! Nothing is green by default (design.md, section 4): a run that judged nothing, or left a MUST open, is not
//! conformant, it is inconclusive.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{CheckResult, RequirementResult};

/// What was judged about a check, a case or a requirement. The order is from best to worst.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The target did what the requirement says.
    Pass,
    /// The feature is not declared, and the prescribed refusal was seen.
    Unsupported,
    /// Not run: filtered out, or what it needs was not given.
    Skipped,
    /// Run, but its control failed, so nothing can be said.
    Inconclusive,
    /// The target did something else than the requirement says.
    Fail,
    /// The harness itself failed.
    Error,
}

impl Verdict {
    /// Every verdict, in the order in which reports show them.
    pub const ALL: [Verdict; 6] =
        [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Unsupported, Verdict::Skipped, Verdict::Error];

    /// The worse of two: ERROR > FAIL > INCONCLUSIVE > SKIPPED > UNSUPPORTED > PASS.
    #[must_use]
    pub fn worst(self, other: Verdict) -> Verdict {
        self.max(other)
    }

    /// The verdict of a requirement: the worst of the checks that judge it, SKIPPED if there is none.
    #[must_use]
    pub fn of_requirement(id: &str, checks: &[CheckResult]) -> Verdict {
        let judging = checks.iter().filter(|check| check.requirements.iter().any(|named| named == id));
        judging.map(|check| check.verdict).reduce(Verdict::worst).unwrap_or(Verdict::Skipped)
    }

    /// The word as it is written in reports: `PASS`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Unsupported => "UNSUPPORTED",
            Verdict::Skipped => "SKIPPED",
            Verdict::Inconclusive => "INCONCLUSIVE",
            Verdict::Fail => "FAIL",
            Verdict::Error => "ERROR",
        }
    }

    /// Whether a MUST that is judged so is still open.
    fn leaves_open(self) -> bool {
        matches!(self, Verdict::Skipped | Verdict::Inconclusive)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The level of a requirement (RFC 2119).
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// MUST: conformance depends on it.
    Must,
    /// SHOULD.
    Should,
    /// MAY.
    May,
}

impl Level {
    /// The word as it is written in reports: `MUST`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
            Level::May => "MAY",
        }
    }
}

/// What the whole run says about the target.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// Every MUST was judged, and nothing failed.
    Conformant,
    /// At least one check failed.
    NotConformant,
    /// Nothing failed, but nothing ran, or a MUST was skipped or could not be judged.
    Inconclusive,
    /// Nothing failed, but the harness did.
    HarnessError,
}

impl Conclusion {
    /// Concludes a run. FAIL wins over ERROR, and ERROR over inconclusive; UNSUPPORTED spoils nothing.
    ///
    /// A check judges a MUST unless every requirement that it names is listed with a lower level: what is
    /// not known is held to be a MUST.
    #[must_use]
    pub fn of(checks: &[CheckResult], requirements: &[RequirementResult]) -> Conclusion {
        let any = |verdict| checks.iter().any(|check| check.verdict == verdict);
        if any(Verdict::Fail) {
            return Conclusion::NotConformant;
        }
        if any(Verdict::Error) {
            return Conclusion::HarnessError;
        }
        let nothing_ran = checks.iter().all(|check| check.verdict == Verdict::Skipped);
        let open_check = checks.iter().any(|check| check.verdict.leaves_open() && judges_a_must(check, requirements));
        let open_requirement = requirements.iter().any(|requirement| {
            requirement.level == Level::Must && Verdict::of_requirement(&requirement.id, checks).leaves_open()
        });
        if nothing_ran || open_check || open_requirement {
            return Conclusion::Inconclusive;
        }
        Conclusion::Conformant
    }

    /// The exit code of a run that ends so: 0, 1, 3 or 4 (2 is wrong usage, which has no report).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Conclusion::Conformant => 0,
            Conclusion::NotConformant => 1,
            Conclusion::Inconclusive => 3,
            Conclusion::HarnessError => 4,
        }
    }

    /// The words as they are written in reports: `not conformant`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Conclusion::Conformant => "conformant",
            Conclusion::NotConformant => "not conformant",
            Conclusion::Inconclusive => "inconclusive",
            Conclusion::HarnessError => "harness error",
        }
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

fn judges_a_must(check: &CheckResult, requirements: &[RequirementResult]) -> bool {
    let lower =
        |id: &String| requirements.iter().any(|requirement| requirement.id == *id && requirement.level != Level::Must);
    check.requirements.is_empty() || !check.requirements.iter().all(lower)
}

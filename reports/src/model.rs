//! The versioned report: what one run of the suite did, saw and concluded.
//!
//! `report.schema.json` describes the same value as JSON; a test holds the two together. A change that an
//! older reader would misunderstand gets a new [`SCHEMA`].

use serde::{Deserialize, Serialize};

pub use crate::evidence::{AttachedFile, Body, Content, Exchange, Message, Role};
pub use crate::verdict::{Conclusion, Level, Verdict};

/// The version of this format, as in the member `schema`.
pub const SCHEMA: &str = "assay-report/1";

/// One run of the suite against one target.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Version of the contract that was judged, such as `0.1`.
    pub contract: String,
    /// The suite that judged.
    pub suite: Suite,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC.
    pub finished_at: String,
    /// Wall-clock time of the run in milliseconds, start of the target included.
    pub duration_ms: u64,
    /// Seed of everything random in the run.
    pub seed: u64,
    /// Every flag that departs from its default, as it was given.
    pub overrides: Vec<String>,
    /// What was judged.
    pub target: Target,
    /// Profiles that were run.
    pub profiles: Vec<String>,
    /// Every requirement of these profiles.
    pub requirements: Vec<RequirementResult>,
    /// Every check that was planned, once per packaging.
    pub checks: Vec<CheckResult>,
    /// How many checks ended how.
    pub totals: Totals,
    /// What the run says about the target.
    pub conclusion: Conclusion,
    /// Exit code of the command.
    pub exit_code: u8,
}

impl Report {
    /// Works out everything that follows from the checks: the verdict of each requirement, the totals, the
    /// conclusion and the exit code.
    pub fn conclude(&mut self) {
        for requirement in &mut self.requirements {
            requirement.verdict = Verdict::of_requirement(&requirement.id, &self.checks);
        }
        self.totals = Totals::of(&self.checks);
        self.conclusion = Conclusion::of(&self.checks, &self.requirements);
        self.exit_code = self.conclusion.exit_code();
    }

    /// Wall-clock milliseconds of the run per check that ran; none if none did.
    #[must_use]
    pub fn ms_per_check(&self) -> Option<f64> {
        let ran = self.totals.planned.saturating_sub(self.totals.skipped);
        (ran > 0).then(|| self.duration_ms as f64 / f64::from(ran))
    }
}

/// The suite that judged.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Suite {
    /// Name of the suite.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `sha256:` and 64 hexadecimal digits over the spec and the table of checks.
    pub digest: String,
}

/// The implementation under test.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Target {
    /// How it was reached.
    pub attachment: Attachment,
    /// Base URL of its HTTP interface.
    pub url: String,
    /// The command that started it, if the harness did.
    pub command: Option<String>,
    /// Its discovery document as it was answered, or null.
    pub discovery: serde_json::Value,
    /// From the start of the command until it was healthy, in milliseconds.
    pub startup_ms: Option<u64>,
}

/// How a target is attached.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Attachment {
    /// It ran already.
    Url,
    /// The harness launched it.
    Command,
}

/// One requirement and how the target stands to it.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct RequirementResult {
    /// Stable identifier.
    pub id: String,
    /// Profile that it belongs to.
    pub profile: String,
    /// How binding it is.
    pub level: Level,
    /// Feature that it belongs to, if it is not for every runtime.
    pub feature: Option<String>,
    /// What is required.
    pub text: String,
    /// What would go wrong without it.
    pub why: String,
    /// The clause of the contract, such as `core.md 5.3`.
    pub clause: String,
    /// Where the rule comes from: an RFC, an incident, a decision.
    pub source: String,
    /// The worst verdict of its checks; SKIPPED if none ran.
    pub verdict: Verdict,
    /// Identifiers of the checks that judge it.
    pub checks: Vec<String>,
}

/// One check, in one packaging.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct CheckResult {
    /// Stable identifier.
    pub id: String,
    /// What it shows, as a sentence.
    pub title: String,
    /// Profile that it belongs to.
    pub profile: String,
    /// Group of requirements: the suite file.
    pub group: String,
    /// Identifiers of the requirements that it judges.
    pub requirements: Vec<String>,
    /// `core` or `component`, if it runs WASM.
    pub packaging: Option<String>,
    /// What was judged.
    pub verdict: Verdict,
    /// Why, unless it passed.
    pub reason: Option<String>,
    /// When it started, in milliseconds since the run started.
    pub started_ms: f64,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// Which of the parallel lanes it ran in, from 0.
    pub lane: u32,
    /// Its cases, if it has several.
    pub cases: Vec<CaseResult>,
    /// What was sent and received, in order.
    pub exchanges: Vec<Exchange>,
    /// Files that belong to the evidence.
    pub attachments: Vec<AttachedFile>,
    /// Identifiers of the sabotages that this check is proved to notice.
    pub proved_by: Vec<String>,
}

impl CheckResult {
    /// The identifier with the packaging, which names the result once within a report: `id [core]`.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.packaging {
            Some(packaging) => format!("{} [{packaging}]", self.id),
            None => self.id.clone(),
        }
    }
}

/// One case of a check.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CaseResult {
    /// What is special about it.
    pub name: String,
    /// What was judged.
    pub verdict: Verdict,
    /// Why, unless it passed.
    pub reason: Option<String>,
}

/// How many checks ended how. `planned` is the sum of all others.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Default, Debug)]
#[expect(missing_docs, reason = "each field is the verdict of the same name")]
pub struct Totals {
    pub planned: u32,
    pub pass: u32,
    pub fail: u32,
    pub inconclusive: u32,
    pub unsupported: u32,
    pub skipped: u32,
    pub error: u32,
}

impl Totals {
    /// Counts verdicts.
    #[must_use]
    pub fn of(checks: &[CheckResult]) -> Totals {
        let mut totals = Totals::default();
        for check in checks {
            totals.planned += 1;
            *totals.count_mut(check.verdict) += 1;
        }
        totals
    }

    /// How many checks ended with this verdict.
    #[must_use]
    pub fn count(mut self, verdict: Verdict) -> u32 {
        *self.count_mut(verdict)
    }

    fn count_mut(&mut self, verdict: Verdict) -> &mut u32 {
        match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Inconclusive => &mut self.inconclusive,
            Verdict::Unsupported => &mut self.unsupported,
            Verdict::Skipped => &mut self.skipped,
            Verdict::Error => &mut self.error,
        }
    }
}

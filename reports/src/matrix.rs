//! The kill matrix: the proof that the suite can fail.
//!
//! The reference runtime is started once per sabotage, and the named checks must fail for the right reason
//! while nothing outside the declared collateral does. Degenerate targets, which are no runtimes at all, must
//! be rejected by every check. What was seen is recorded here, and rendered by its own formats.

use serde::{Deserialize, Serialize};

use crate::model::Suite;

/// The version of this format, as in the member `schema`.
pub const MATRIX_SCHEMA: &str = "assay-kill-matrix/1";

/// One run of the proof.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct KillMatrix {
    /// Always [`MATRIX_SCHEMA`].
    pub schema: String,
    /// Version of the contract.
    pub contract: String,
    /// The suite that is proved.
    pub suite: Suite,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Wall-clock time of the proof in milliseconds.
    pub duration_ms: u64,
    /// Identifiers of the checks: the columns.
    pub checks: Vec<String>,
    /// The sabotages.
    pub rows: Vec<Row>,
    /// The degenerate targets.
    pub degenerates: Vec<DegenerateRow>,
    /// What else keeps the proof from standing: a MUST without a sabotage, say.
    pub problems: Vec<String>,
    /// Whether the proof stands.
    pub proven: bool,
}

impl KillMatrix {
    /// Works out `proven`: there is a sabotage, each is killed, each degenerate target is rejected by every
    /// check that concerns it, and there is no other problem.
    pub fn conclude(&mut self) {
        self.proven = !self.rows.is_empty()
            && self.rows.iter().all(|row| row.verdict == RowVerdict::Killed)
            && self.degenerates.iter().all(|row| row.verdict == RowVerdict::Killed && row.accepted.is_empty())
            && self.problems.is_empty();
    }

    /// How many sabotages are killed.
    #[must_use]
    pub fn killed(&self) -> usize {
        self.rows.iter().filter(|row| row.verdict == RowVerdict::Killed).count()
    }
}

/// One sabotage.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its identifier.
    pub sabotage: String,
    /// The defect, in words.
    pub defect: String,
    /// Identifiers of the requirements that it breaks.
    pub requirements: Vec<String>,
    /// Identifiers of the checks that must fail.
    pub expected: Vec<String>,
    /// Expected checks that failed.
    pub killed_by: Vec<Kill>,
    /// Results of expected checks that did not fail, each with how it ended instead.
    pub missed: Vec<Kill>,
    /// Identifiers of the checks that may fail too.
    pub collateral_declared: Vec<String>,
    /// Checks that failed and are neither expected nor declared.
    pub collateral_unexpected: Vec<Kill>,
    /// What is said about the row.
    pub verdict: RowVerdict,
    /// How often it was judged: a row that did not end as declared beside another one is judged once more by itself.
    pub attempts: u32,
    /// Wall-clock time of the last attempt in milliseconds, start of the runtime included.
    pub duration_ms: u64,
}

/// What a check of a row said.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Kill {
    /// Identifier of the check.
    pub check: String,
    /// `core` or `component`, if it runs WASM.
    pub packaging: Option<String>,
    /// Why it failed, or how it ended if it did not.
    pub reason: String,
}

/// What is said about a row.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum RowVerdict {
    /// Every expected check failed, for the right reason, and nothing else did.
    Killed,
    /// An expected check did not fail.
    Survived,
    /// An expected check failed, but not for the reason that the sabotage gives.
    WrongReason,
    /// A check failed that is neither expected nor declared.
    Collateral,
    /// The row could not be run.
    Error,
}

impl RowVerdict {
    /// The words as they are written in reports: `wrong reason`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            RowVerdict::Killed => "killed",
            RowVerdict::Survived => "survived",
            RowVerdict::WrongReason => "wrong reason",
            RowVerdict::Collateral => "collateral",
            RowVerdict::Error => "error",
        }
    }
}

/// One degenerate target: something that answers and is no runtime.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DegenerateRow {
    /// Its name, such as `always-200`.
    pub target: String,
    /// What it does.
    pub text: String,
    /// How many checks it concerns.
    pub concerned: u32,
    /// How many of these rejected it.
    pub rejected: u32,
    /// Identifiers of the checks that passed: must be empty.
    pub accepted: Vec<String>,
    /// `killed` if every check rejected it.
    pub verdict: RowVerdict,
}

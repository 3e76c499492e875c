//! The answer of an execution (core.md 9.6), and what may be seen of a handler's words (core.md 11).

use std::sync::Arc;

use assay_sandbox::LogLine;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::accounts::Outcome;
use crate::app::App;
use crate::problem::Problem;
use crate::redaction::Redactor;

/// The answer (9.6).
#[derive(Serialize)]
pub struct Answered<'a> {
    pub execution: &'a str,
    pub handler: &'a str,
    pub version: &'a str,
    pub package: String,
    #[serde(flatten)]
    pub result: Ended,
    pub logs: Lines<'a>,
    pub logs_truncated: bool,
    pub usage: Value,
}

/// A log. A hostile one has tens of thousands of lines, so they are written down without a tree in between.
pub struct Lines<'a>(pub &'a [LogLine]);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Line<'a> {
            level: &'static str,
            message: &'a str,
        }
        serializer.collect_seq(self.0.iter().map(|line| Line { level: line.level.as_str(), message: &line.message }))
    }
}

/// How an execution ended, with what belongs to it.
#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Ended {
    Success { output: Box<RawValue> },
    Failure { failure: Failure },
    Timeout { detail: String },
    MemoryExceeded { detail: String },
    Trap { detail: String },
    OutputRejected { detail: String },
}

impl Answered<'_> {
    /// Without what the handler can make large (9.23).
    pub fn abridged(&self) -> Value {
        let mut members = json!({
            "execution": self.execution,
            "handler": self.handler,
            "version": self.version,
            "package": self.package,
            "outcome": self.result.outcome().as_str(),
            "logs": [],
            "logs_truncated": true,
            "usage": self.usage,
            "abridged": true,
        });
        if let Some(detail) = self.result.detail() {
            members["detail"] = detail.into();
        }
        members
    }
}

impl Ended {
    /// What has no output and succeeded.
    pub fn nothing() -> Self {
        Ended::Success { output: RawValue::NULL.to_owned() }
    }

    pub fn outcome(&self) -> Outcome {
        match self {
            Ended::Success { .. } => Outcome::Success,
            Ended::Failure { .. } => Outcome::Failure,
            Ended::Timeout { .. } => Outcome::Timeout,
            Ended::MemoryExceeded { .. } => Outcome::MemoryExceeded,
            Ended::Trap { .. } => Outcome::Trap,
            Ended::OutputRejected { .. } => Outcome::OutputRejected,
        }
    }

    /// In words, where the outcome has them.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Ended::Success { .. } | Ended::Failure { .. } => None,
            Ended::Timeout { detail }
            | Ended::MemoryExceeded { detail }
            | Ended::Trap { detail }
            | Ended::OutputRejected { detail } => Some(detail),
        }
    }
}

/// The handler's own failure.
#[derive(Serialize)]
pub struct Failure {
    pub kind: &'static str,
    pub message: String,
}

/// What is answered in a handler's words, or about them.
pub struct Said {
    pub result: Ended,
    pub logs: Vec<LogLine>,
}

/// So many bytes are looked through at once; more on a thread that may be held up.
const BRIEF: usize = 8192;

/// What may be seen of it. The output is what the caller asked for, and stays as it is (core.md 11.3).
pub async fn redact(app: &Arc<App>, redactor: Redactor, said: Said) -> Result<Said, Problem> {
    let bytes: usize = said.logs.iter().map(|line| line.message.len()).sum();
    let brief = match &said.result {
        Ended::Failure { failure } => bytes + failure.message.len() <= BRIEF,
        _ => bytes <= BRIEF,
    };
    let redact = move |app: &App| {
        let policy = &*app.policy;
        let result = match said.result {
            Ended::Success { output } => Ended::Success { output },
            Ended::Failure { failure: Failure { kind, message } } => {
                Ended::Failure { failure: Failure { kind, message: policy.redacted_failure(&redactor, message) } }
            }
            Ended::Timeout { detail } => Ended::Timeout { detail: policy.redacted_detail(&redactor, detail) },
            Ended::MemoryExceeded { detail } => {
                Ended::MemoryExceeded { detail: policy.redacted_detail(&redactor, detail) }
            }
            Ended::Trap { detail } => Ended::Trap { detail: policy.redacted_detail(&redactor, detail) },
            Ended::OutputRejected { detail } => {
                Ended::OutputRejected { detail: policy.redacted_detail(&redactor, detail) }
            }
        };
        Said { result, logs: policy.redacted_log(&redactor, said.logs) }
    };
    if brief {
        return Ok(redact(app));
    }
    app.blocking(move |app| Ok(redact(app))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_an_outcome_is_answered_with_it() {
        let success = Ended::Success { output: RawValue::from_string("1.0e2".to_owned()).unwrap() };
        assert_eq!(serde_json::to_string(&success).unwrap(), r#"{"outcome":"success","output":1.0e2}"#);
        let ended = Ended::MemoryExceeded { detail: "d".to_owned() };
        assert_eq!(serde_json::to_string(&ended).unwrap(), r#"{"outcome":"memory-exceeded","detail":"d"}"#);
    }
}

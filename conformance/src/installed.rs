//! An installed handler and what its executions answer.

use assay_harness::{Control as _, Cx, Stop, ensure};
use serde_json::{Value, json};

use crate::operations::Operations;

/// A handler that is installed on the target.
#[derive(Clone)]
pub struct Installed {
    cx: Cx,
    id: String,
    version: String,
}

/// The answer of one execution (core.md 9.6), its form judged.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The whole answer.
    pub body: Value,
}

impl Installed {
    /// Names a handler that was installed.
    pub fn new(cx: &Cx, id: &str, version: &str) -> Installed {
        Installed { cx: cx.clone(), id: id.to_owned(), version: version.to_owned() }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The version that was installed.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Executes once, as an admin.
    ///
    /// # Errors
    /// FAIL if the answer is not 200 with an execution.
    pub async fn execute(&self, input: Value) -> Result<Execution, Stop> {
        self.request(&json!({ "input": input })).await
    }

    /// Executes once with this request body, as an admin.
    ///
    /// # Errors
    /// FAIL if the answer is not 200 with an execution.
    pub async fn request(&self, body: &Value) -> Result<Execution, Stop> {
        Execution::read(&Operations::of(self.cx.admin()).execute(&self.id, body).await?.expect(200)?)
    }

    /// Executes as a control: it must succeed with any output.
    ///
    /// # Errors
    /// INCONCLUSIVE if it does not.
    pub async fn runs(&self, input: Value) -> Result<Execution, Stop> {
        let client = Operations::of(self.cx.admin().control());
        let run = async {
            let reply = client.execute(&self.id, &json!({ "input": input })).await?;
            let execution = Execution::read(&reply.expect(200)?)?;
            execution.expect("success")?;
            Ok(execution)
        };
        run.await.control("the handler runs")
    }
}

impl Execution {
    /// Reads an answer and judges the members that every one has.
    ///
    /// # Errors
    /// FAIL if one is missing or has the wrong type.
    pub fn read(reply: &assay_harness::Reply) -> Result<Execution, Stop> {
        let body: Value = reply.json()?.clone();
        for text in ["execution", "handler", "version", "package", "outcome"] {
            ensure!(body[text].is_string(), "the execution has no text `{text}`: {}", reply.describe());
        }
        ensure!(
            body["logs"].is_array() && body["logs_truncated"].is_boolean() && body["usage"].is_object(),
            "the execution lacks `logs`, `logs_truncated` or `usage`: {}",
            reply.describe()
        );
        Ok(Execution { body })
    }

    /// What became of the execution.
    pub fn outcome(&self) -> &str {
        self.body["outcome"].as_str().unwrap_or_default()
    }

    /// The output.
    pub fn output(&self) -> &Value {
        &self.body["output"]
    }

    /// The log, as pairs of level and message.
    pub fn logs(&self) -> Vec<(&str, &str)> {
        let lines = self.body["logs"].as_array().map(Vec::as_slice).unwrap_or_default();
        lines
            .iter()
            .map(|line| {
                (line["level"].as_str().unwrap_or("(no level)"), line["message"].as_str().unwrap_or("(no message)"))
            })
            .collect()
    }

    /// Judges the outcome.
    ///
    /// # Errors
    /// FAIL if it is another one, or if a member is there that does not belong to it (core.md 9.6).
    pub fn expect(&self, outcome: &str) -> Result<&Execution, Stop> {
        ensure!(
            self.outcome() == outcome,
            "the outcome is `{}` ({}), expected `{outcome}`",
            self.outcome(),
            self.body["detail"].as_str().unwrap_or("no detail")
        );
        for (member, belongs) in [
            ("output", outcome == "success"),
            ("failure", outcome == "failure"),
            ("detail", !matches!(outcome, "success" | "failure")),
        ] {
            ensure!(
                self.body.get(member).is_some() == belongs,
                "with the outcome `{outcome}` the member `{member}` must be {}",
                if belongs { "present" } else { "absent" }
            );
        }
        Ok(self)
    }

    /// Judges that the handler succeeded with this output.
    ///
    /// # Errors
    /// FAIL if not.
    pub fn expect_output(&self, expected: &Value) -> Result<(), Stop> {
        self.expect("success")?;
        ensure!(self.output() == expected, "the output is {}, expected {expected}", self.output());
        Ok(())
    }
}

//! What a refusal must look like: the oracle of every negative case.

use assay_harness::{Reply, Stop, ensure};

use crate::contract::CONTRACT;

/// The problem that a clause prescribes.
#[derive(Clone, Debug)]
pub struct Refusal {
    code: String,
    pointer: Option<String>,
    name: Option<String>,
}

impl Refusal {
    /// The same, at this JSON Pointer.
    pub fn at(self, pointer: &str) -> Refusal {
        Refusal { pointer: Some(pointer.to_owned()), ..self }
    }

    /// The same, about the thing of this name.
    pub fn named(self, name: &str) -> Refusal {
        Refusal { name: Some(name.to_owned()), ..self }
    }

    /// Judges a reply: the status and the code that the contract gives, and the place if one is expected. A refusal
    /// for another reason fails.
    ///
    /// # Errors
    /// `Stop::Fail` with what was expected and what came; `Stop::Error` if the code is not in `problems.toml`.
    pub fn judge(&self, reply: &Reply) -> Result<(), Stop> {
        let problem = CONTRACT
            .problems
            .get(&self.code)
            .ok_or_else(|| Stop::Error(format!("problems.toml has no code {}", self.code)))?;
        ensure!(
            reply.status() == problem.status && reply.problem_code().as_deref() == Some(self.code.as_str()),
            "{}; expected {} {}",
            reply.describe(),
            problem.status,
            self.code
        );
        self.judge_member(reply, "pointer", self.pointer.as_deref())?;
        self.judge_member(reply, "name", self.name.as_deref())
    }

    fn judge_member(&self, reply: &Reply, member: &str, expected: Option<&str>) -> Result<(), Stop> {
        let Some(expected) = expected else {
            return Ok(());
        };
        let found = reply.json()?[member].clone();
        ensure!(
            found == expected,
            "{}: the problem's `{member}` is {found}, expected \"{expected}\"",
            reply.describe()
        );
        Ok(())
    }
}

/// A refusal with this code of `problems.toml`.
pub fn refused(code: &str) -> Refusal {
    Refusal { code: code.to_owned(), pointer: None, name: None }
}

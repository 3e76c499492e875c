//! The body of an execution: `{"input": ANY JSON, "context": {NAME: TEXT, …}}` (core.md 9.4).

use std::borrow::Cow;
use std::collections::BTreeMap;

use assay_package::{Bounds, Code, Json, Refusal, Schema, escape_pointer};
use serde_json::value::RawValue;

use crate::policy::Policy;
use crate::redaction::{Redactor, Secrets};
use crate::request::{Members, malformed};

/// What the handler is asked.
#[derive(Debug)]
pub struct Question {
    /// The input as it was sent: its JSON text, so that no number changes on the way.
    pub text: Vec<u8>,
    /// The input as a value.
    input: Json,
    /// The attributes of the context.
    pub attributes: BTreeMap<String, String>,
    /// What of the input must not be seen, once it was judged.
    pub secrets: Secrets,
}

/// A question that asks for too much.
#[derive(Debug)]
pub struct InputFault {
    /// What of it is too much.
    pub of: Excess,
    /// How it is refused.
    pub refusal: Refusal,
}

/// What can be too much about a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// The input's text.
    Input,
    /// The members of the context, a name or a value.
    Context,
}

const ATTRIBUTES: usize = 16;
const NAME_BYTES: usize = 64;
const VALUE_BYTES: usize = 1024;

impl Question {
    /// Reads the body of an execution.
    ///
    /// # Errors
    /// `request-malformed`, `input-too-large`.
    pub fn parse(body: &[u8], bounds: &Bounds, policy: &dyn Policy) -> Result<Self, Refusal> {
        let mut members = Members::parse(body, &["input", "context"], bounds, policy)?;
        let input = members.required("input")?;
        let text = input_text(body).unwrap_or_else(|| input.to_string()).into_bytes();
        if text.len() as u64 > bounds.input_bytes {
            let detail = format!("the input has {} bytes, the bound is {}", text.len(), bounds.input_bytes);
            policy.input_fault(InputFault { of: Excess::Input, refusal: Refusal::new(Code::InputTooLarge, detail) })?;
        }
        let attributes = attributes(members.optional("context"), policy)?;
        Ok(Self { text, input, attributes, secrets: Secrets::new() })
    }

    /// Judges the input by the handler's schema, and notes what of it must not be seen.
    ///
    /// # Errors
    /// `input-rejected` with a pointer from the request's root; nothing that must not be seen is in it.
    pub fn judge(&mut self, schema: &Schema, policy: &dyn Policy) -> Result<(), Refusal> {
        self.secrets = policy.sensitive(schema, &self.input);
        self.valid(schema, policy).map_err(|refusal| policy.redacted_refusal(&Redactor::new(&self.secrets), refusal))
    }

    fn valid(&self, schema: &Schema, policy: &dyn Policy) -> Result<(), Refusal> {
        let rejected =
            |detail: String, pointer: &str| Refusal::new(Code::InputRejected, detail).at(format!("/input{pointer}"));
        let value = self
            .input
            .to_value()
            .map_err(|fault| rejected(fault.detail, fault.pointer.as_deref().unwrap_or_default()))?;
        policy.judge_input(schema, &value).map_err(|fault| rejected(fault.detail, &fault.pointer))
    }
}

/// The text of the member `input` in a body that was judged.
fn input_text(body: &[u8]) -> Option<String> {
    let mut members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(body).ok()?;
    members.remove("input").map(|input| input.get().to_owned())
}

fn attributes(context: Option<Json>, policy: &dyn Policy) -> Result<BTreeMap<String, String>, Refusal> {
    let members = match context {
        None => return Ok(BTreeMap::new()),
        Some(Json::Object(members)) => members,
        Some(_) => return Err(malformed("`context` is not an object", "/context")),
    };
    let excess = |detail: String, pointer: &str| {
        policy.input_fault(InputFault { of: Excess::Context, refusal: malformed(detail, pointer) })
    };
    if members.len() > ATTRIBUTES {
        excess(format!("`context` has more than {ATTRIBUTES} members"), "/context")?;
    }
    let mut attributes = BTreeMap::new();
    for (name, value) in members {
        let pointer = format!("/context/{}", escape_pointer(&name));
        let Json::String(value) = value else {
            return Err(malformed("a value of `context` is not a string", &pointer));
        };
        if name.is_empty() || name.len() > NAME_BYTES {
            excess(format!("a name in `context` does not have 1 to {NAME_BYTES} bytes"), &pointer)?;
        }
        if value.len() > VALUE_BYTES {
            excess(format!("a value of `context` has more than {VALUE_BYTES} bytes"), &pointer)?;
        }
        attributes.insert(name, value);
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Contract;

    fn parse(body: &str) -> Result<Question, Refusal> {
        Question::parse(body.as_bytes(), &Bounds::default(), &Contract)
    }

    #[test]
    fn a_number_keeps_its_text() {
        let question = parse(r#"{"input": {"n": 1.000e3, "big": 123456789012345678901234567890}}"#).unwrap();
        assert_eq!(question.text, br#"{"n": 1.000e3, "big": 123456789012345678901234567890}"#);
    }

    #[test]
    fn an_input_of_null_is_there_and_none_is_not() {
        assert!(parse(r#"{"input": null}"#).is_ok());
        assert_eq!(parse("{}").unwrap_err().pointer.as_deref(), Some("/input"));
        assert_eq!(parse("").unwrap_err().pointer.as_deref(), Some("/input"));
    }

    #[test]
    fn a_context_out_of_bounds_is_refused_at_its_place() {
        let long = "n".repeat(65);
        for (context, pointer) in [("[]", "/context"), (r#"{"a/b": 1}"#, "/context/a~1b"), (r#"{"": ""}"#, "/context/")]
        {
            let refusal = parse(&format!(r#"{{"input": 1, "context": {context}}}"#)).unwrap_err();
            assert_eq!((refusal.code, refusal.pointer.as_deref()), (Code::RequestMalformed, Some(pointer)));
        }
        assert!(parse(&format!(r#"{{"input": 1, "context": {{"{long}": ""}}}}"#)).is_err());
        assert!(parse(&format!(r#"{{"input": 1, "context": {{"{}": ""}}}}"#, &long[1..])).is_ok());
    }
}

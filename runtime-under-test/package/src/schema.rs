//! JSON Schemas of inputs and outputs: draft 2020-12, nothing fetched, everything bounded (core.md 3.5).

use std::fmt;

use jsonschema::{PatternOptions, Validator, draft202012};
use serde_json::Value;

use crate::refusal::Quoted;

mod references;

pub(crate) use references::{cost, dialect, references};

/// The only dialect of the contract.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a schema may cost on one value, in evaluations of subschemas.
///
/// An upload has to be judged in bounded time, and so has every input and output: a thousand is far more than schemas
/// that people write need, and a thousand evaluations of a small value take well below a millisecond.
pub(crate) const MOST_EVALUATIONS: u64 = 1000;

/// A schema, ready to judge values.
pub struct Schema {
    validator: Validator,
    cost: u64,
}

/// Why a schema is no schema, or why a value is not valid under one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct SchemaFault {
    /// RFC 6901 pointer into the schema or into the value.
    pub pointer: String,
    /// What is wrong; hostile text in it is bounded and escaped.
    pub detail: String,
}

/// Makes a schema ready: valid under the meta-schema of 2020-12, of no other dialect, every reference resolved inside.
///
/// Regular expressions are bounded in size and in backtracking; `format` is an annotation. What the schema costs is not
/// judged here but by the manifest gate: ask [`Schema::cost`].
///
/// # Errors
/// The first fault, with its place in the schema.
pub fn compile_schema(schema: &Value) -> Result<Schema, SchemaFault> {
    dialect(schema)?;
    meta_valid(schema)?;
    references(schema)?;
    build(schema)
}

impl Schema {
    /// Judges a value.
    ///
    /// # Errors
    /// The first fault, with its place in the value.
    pub fn validate(&self, value: &Value) -> Result<(), SchemaFault> {
        self.validator.validate(value).map_err(|fault| SchemaFault::of(&fault))
    }

    /// How many evaluations of subschemas one value can cost: the most over all subschemas of 1, the items of its
    /// `enum`, and all that is applied to the same value. The manifest gate refuses more than 1000 (core.md 3.5).
    pub fn cost(&self) -> u64 {
        self.cost
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Schema")
    }
}

impl SchemaFault {
    pub(crate) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }

    /// The library's error, without the value that it would quote.
    fn of(fault: &jsonschema::ValidationError<'_>) -> Self {
        let detail = fault.masked().to_string();
        Self::new(fault.instance_path().as_str(), Quoted(&detail).to_string())
    }
}

/// Valid under the meta-schema of 2020-12.
pub(crate) fn meta_valid(schema: &Value) -> Result<(), SchemaFault> {
    draft202012::meta::validate(schema).map_err(|fault| SchemaFault::of(&fault))
}

/// What a schema's regular expressions may cost, in bytes of a compiled one and in steps back.
const REGEX_BYTES: usize = 1024 * 1024;
const REGEX_STEPS_BACK: usize = 100_000;

/// Makes the validator; its regular expressions are compiled here.
pub(crate) fn build(schema: &Value) -> Result<Schema, SchemaFault> {
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(REGEX_STEPS_BACK)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES);
    let options = draft202012::options().with_pattern_options(patterns).should_validate_formats(false).offline();
    let validator = options.build(schema).map_err(|fault| SchemaFault::of(&fault))?;
    Ok(Schema { validator, cost: cost(schema) })
}

//! JSON Schemas of inputs and outputs: draft 2020-12, nothing fetched, everything bounded (core.md 3.5).

use std::{collections::BTreeSet, fmt};

use jsonschema::{PatternOptions, ValidationOptions, Validator, draft202012};
use serde_json::Value;

use crate::{Json, refusal::Quoted};

mod cost;
mod patterns;
mod references;
mod sensitive;

pub(crate) use cost::{DEEPEST, cost};
pub(crate) use patterns::compile as compile_patterns;
pub(crate) use references::{dialect, references};
use sensitive::SensitivePlaces;

/// The only dialect of the contract.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a schema may cost on one place of a value, in evaluations of subschemas (core.md 3.8).
///
/// An upload has to be judged in bounded time, and so has every input and output: a thousand is far more than schemas
/// that people write need, and a thousand evaluations of a small value take well below a millisecond.
pub(crate) const MOST_EVALUATIONS: u64 = 1000;

/// A schema, ready to judge values.
pub struct Schema {
    validator: Validator,
    cost: u64,
    /// None if nothing is marked.
    sensitive: Option<SensitivePlaces>,
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

    /// The texts of all strings and numbers in a value that this schema marks with `x-sensitive`, of at least
    /// four bytes (core.md 11.1).
    pub fn sensitive(&self, value: &Json) -> BTreeSet<String> {
        self.sensitive.as_ref().map(|places| places.find(value)).unwrap_or_default()
    }

    /// How many evaluations of subschemas one place of a value can cost, or more than 1000. The manifest gate refuses
    /// those (core.md 3.8).
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

/// What a compiled regular expression may take, in bytes.
const REGEX_BYTES: usize = 1024 * 1024;

/// Makes the validator; its regular expressions are compiled here.
pub(crate) fn build(schema: &Value) -> Result<Schema, SchemaFault> {
    patterns::short(schema)?;
    let validator = options().build(schema).map_err(|fault| SchemaFault::of(&fault))?;
    Ok(Schema { validator, cost: cost(schema, DEEPEST, MOST_EVALUATIONS), sensitive: SensitivePlaces::of(schema) })
}

/// How a schema is read: of draft 2020-12, without asking anybody, in time that is linear in the text that a regular
/// expression looks at.
fn options() -> ValidationOptions<'static> {
    let patterns = PatternOptions::regex().size_limit(REGEX_BYTES).dfa_size_limit(REGEX_BYTES);
    draft202012::options().with_pattern_options(patterns).should_validate_formats(false).offline()
}

//! Strict JSON: one reading of every document, and the place of whatever is wrong with it.
//!
//! RFC 8259 leaves open what a repeated name means, and most parsers forget how a number was written. Both are ways to
//! show one document to a signer and another to the runtime, so this reader refuses the first and keeps the second.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

mod reader;

pub use reader::parse_json;

/// A JSON value as it was written: names are unique, numbers keep their text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, decoded.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

/// A JSON number in its source form, so that `65536`, `65536.0` and `6.5536e4` can be told apart (core.md 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(Box<str>);

/// Why a text is not the JSON that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct JsonFault {
    /// What is wrong; hostile text in it is bounded and escaped.
    pub detail: String,
    /// RFC 6901 pointer, where the fault has a place in the document: a repeated name, a value nested too deep, a
    /// number out of range. A syntax error has none.
    pub pointer: Option<String>,
}

impl Json {
    /// The value at a pointer below this one, such as `/module/digest`. Knows no escapes: for the contract's own names.
    pub fn at(&self, pointer: &str) -> Option<&Json> {
        pointer.split('/').skip(1).try_fold(self, |value, name| value.as_object()?.get(name))
    }

    /// The members, if this is an object.
    pub fn as_object(&self) -> Option<&BTreeMap<String, Json>> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The items, if this is an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Json::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The same value for libraries that know only serde's model.
    ///
    /// # Errors
    /// If a number is out of the range of a 64-bit float; the pointer says which.
    pub fn to_value(&self) -> Result<Value, JsonFault> {
        Ok(match self {
            Json::Null => Value::Null,
            Json::Bool(bool) => Value::Bool(*bool),
            Json::Number(number) => serde_json::from_str(&number.0)
                .map(Value::Number)
                .map_err(|_| JsonFault::placed("a number is out of range", String::new()))?,
            Json::String(text) => Value::String(text.clone()),
            Json::Array(items) => Value::Array(
                (items.iter().enumerate())
                    .map(|(index, item)| item.to_value().map_err(|fault| fault.below(&index.to_string())))
                    .collect::<Result<_, _>>()?,
            ),
            Json::Object(members) => Value::Object(
                (members.iter())
                    .map(|(name, member)| Ok((name.clone(), member.to_value().map_err(|fault| fault.below(name))?)))
                    .collect::<Result<_, JsonFault>>()?,
            ),
        })
    }
}

impl fmt::Display for Json {
    /// JSON text of the same value, without white space; numbers as they were written.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => out.write_str("null"),
            Json::Bool(bool) => write!(out, "{bool}"),
            Json::Number(number) => out.write_str(&number.0),
            Json::String(text) => write!(out, "{}", Value::String(text.clone())),
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    write!(out, "{}{item}", if index == 0 { "[" } else { "," })?;
                }
                out.write_str(if items.is_empty() { "[]" } else { "]" })
            }
            Json::Object(members) => {
                for (index, (name, member)) in members.iter().enumerate() {
                    let opening = if index == 0 { "{" } else { "," };
                    write!(out, "{opening}{}:{member}", Value::String(name.clone()))?;
                }
                out.write_str(if members.is_empty() { "{}" } else { "}" })
            }
        }
    }
}

impl Number {
    /// Whether it is written without fraction and exponent.
    pub fn is_integer(&self) -> bool {
        !self.0.contains(['.', 'e', 'E'])
    }

    /// The value, if it is written as an integer and is between 0 and 2^64 - 1.
    pub fn as_u64(&self) -> Option<u64> {
        let digits = if &*self.0 == "-0" { "0" } else { &self.0 };
        digits.parse().ok()
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl JsonFault {
    fn syntax(offset: usize, what: &str) -> Self {
        Self { detail: format!("{what}, at byte {offset}"), pointer: None }
    }

    fn placed(detail: impl Into<String>, pointer: String) -> Self {
        Self { detail: detail.into(), pointer: Some(pointer) }
    }

    /// The same fault, seen from the value that holds this one under `name`.
    fn below(mut self, name: &str) -> Self {
        self.pointer = self.pointer.map(|pointer| format!("/{}{pointer}", escape(name)));
        self
    }
}

/// A member name or an index as one segment of an RFC 6901 pointer.
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

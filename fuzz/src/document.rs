//! JSON as the contract wants it read (core.md 2.3), by other means than the gates: serde_json finds where values begin and
//! end and judges their text, and this keeps every member, in order, with numbers as they were written.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, value::RawValue};

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// `null`, `true` or `false`.
    Word(&'static str),
    /// A number, as it was written.
    Number(String),
    /// A string, decoded.
    Text(String),
    /// An array.
    Items(Vec<Document>),
    /// An object, in order.
    Members(Vec<(String, Document)>),
}

/// Reads one value: UTF-8 without byte order mark, no name twice, at most `depth` levels, nothing after it.
pub fn read(bytes: &[u8], depth: u64) -> Option<Document> {
    let text = std::str::from_utf8(bytes).ok()?;
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    value(raw, depth)
}

fn value(raw: &RawValue, levels: u64) -> Option<Document> {
    let text = raw.get();
    Some(match text.as_bytes().first()? {
        b'{' => {
            let Members(members) = serde_json::from_str(text).ok()?;
            let mut read: Vec<(String, Document)> = Vec::new();
            for (name, raw) in members {
                if read.iter().any(|(known, _)| *known == name) {
                    return None;
                }
                read.push((name, value(raw, levels.checked_sub(1)?)?));
            }
            levels.checked_sub(1)?;
            Document::Members(read)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            let below = levels.checked_sub(1)?;
            Document::Items(items.into_iter().map(|raw| value(raw, below)).collect::<Option<_>>()?)
        }
        b'"' => Document::Text(serde_json::from_str(text).ok()?),
        b'n' => Document::Word("null"),
        b't' => Document::Word("true"),
        b'f' => Document::Word("false"),
        _ => Document::Number(text.to_owned()),
    })
}

/// The members of an object, unread.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Each).map(Members)
    }
}

impl Document {
    /// A member of an object.
    pub fn member(&self, name: &str) -> Option<&Document> {
        match self {
            Document::Members(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value at a pointer without escapes.
    pub fn at(&self, pointer: &str) -> Option<&Document> {
        pointer.split('/').skip(1).try_fold(self, |value, name| value.member(name))
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Document::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same for serde; a number that binary64 cannot hold becomes the largest one, and the answer says so.
    pub fn to_value(&self) -> (Value, bool) {
        let mut exact = true;
        let value = self.convert(&mut exact);
        (value, exact)
    }

    fn convert(&self, exact: &mut bool) -> Value {
        match self {
            Document::Word("true") => Value::Bool(true),
            Document::Word("false") => Value::Bool(false),
            Document::Word(_) => Value::Null,
            Document::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| {
                *exact = false;
                Value::from(if text.starts_with('-') { f64::MIN } else { f64::MAX })
            }),
            Document::Text(text) => Value::String(text.clone()),
            Document::Items(items) => items.iter().map(|item| item.convert(exact)).collect(),
            Document::Members(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), value.convert(exact)));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }
}

/// A member name as one segment of an RFC 6901 pointer.
pub fn segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::{Document, read};

    #[test]
    fn refuses_what_two_readers_could_read_differently() {
        for text in ["", "{} x", "{\"a\":1,\"\\u0061\":1}", "\u{feff}{}", "[1,]", "01", "\"\\ud800\"", "nul"] {
            assert_eq!(read(text.as_bytes(), 8), None, "{text}");
        }
        assert_eq!(read(b"\xff", 8), None);
    }

    #[test]
    fn counts_levels() {
        assert!(read(b"[[1]]", 2).is_some());
        assert!(read(b"[[1]]", 1).is_none());
        assert!(read(b"{}", 0).is_none());
    }

    #[test]
    fn keeps_numbers_as_they_were_written() {
        assert_eq!(read(b" 1.0e0 ", 0), Some(Document::Number("1.0e0".to_owned())));
    }
}

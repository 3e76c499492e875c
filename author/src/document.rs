//! JSON that remembers where everything stands: a fault of a manifest is a line and a column for whoever has to mend it.
//!
//! serde_json finds where values begin and end and judges the text of each; the places are those of its slices in the whole.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, value::RawValue};

/// A JSON text, read strictly (core.md 2.3): UTF-8 without byte order mark, no name twice, not too deep, nothing after the value.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    text: String,
    root: Node,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The value.
    pub kind: Kind,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// `null`, `true` or `false`.
    Word(&'static str),
    /// A number, as it was written.
    Number(String),
    /// A string, decoded.
    Text(String),
    /// An array.
    Items(Vec<Node>),
    /// An object, in order.
    Members(Vec<Member>),
}

/// A member of an object.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its name, decoded.
    pub name: String,
    /// Where the name begins.
    pub name_at: usize,
    /// Its value.
    pub value: Node,
}

/// Why a text is not such a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Where, in bytes.
    pub at: usize,
    /// The place as a pointer, where the text is JSON and breaks a rule beyond it.
    pub pointer: Option<String>,
    /// What is wrong.
    pub detail: String,
}

impl Document {
    /// Reads one value of at most `depth` levels.
    ///
    /// # Errors
    /// The first fault.
    pub fn read(bytes: &[u8], depth: u64) -> Result<Document, Unreadable> {
        let fault = |at: usize, detail: &str| Unreadable { at, pointer: None, detail: detail.to_owned() };
        let text = std::str::from_utf8(bytes)
            .map_err(|error| fault(error.valid_up_to(), "the file is not UTF-8 from this byte on"))?;
        if text.starts_with('\u{feff}') {
            return Err(fault(0, "the file begins with a byte order mark"));
        }
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default();
            fault(offset(text, error.line(), error.column()), &format!("this is not JSON: {said}"))
        })?;
        let root = Reader { text }.node(raw, "", depth)?;
        Ok(Document { text: text.to_owned(), root })
    }

    /// The text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole value.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The value at an RFC 6901 pointer.
    pub fn at(&self, pointer: &str) -> Option<&Node> {
        pointer.split('/').skip(1).try_fold(&self.root, |node, segment| node.child(segment).map(|(node, _)| node))
    }

    /// Where to look for what a pointer names, in bytes: the value, or the nearest that is there around it.
    pub fn place(&self, pointer: &str) -> usize {
        let mut node = &self.root;
        for segment in pointer.split('/').skip(1) {
            match node.child(segment) {
                Some((below, _)) => node = below,
                None => break,
            }
        }
        node.start
    }

    /// The same, but the name of a member in place of its value: for members that should not be there.
    pub fn name_place(&self, pointer: &str) -> usize {
        let (parent, segment) = pointer.rsplit_once('/').unwrap_or(("", ""));
        let named = self.at(parent).and_then(|node| node.child(segment)).and_then(|(_, name_at)| name_at);
        named.unwrap_or_else(|| self.place(pointer))
    }
}

impl Node {
    /// A member or an item by a segment of a pointer, and where its name begins.
    fn child(&self, segment: &str) -> Option<(&Node, Option<usize>)> {
        match &self.kind {
            Kind::Members(members) => {
                let name = segment.replace("~1", "/").replace("~0", "~");
                let member = members.iter().find(|member| member.name == name)?;
                Some((&member.value, Some(member.name_at)))
            }
            Kind::Items(items) => Some((items.get(segment.parse::<usize>().ok()?)?, None)),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number as it was written, if it is one.
    pub fn number(&self) -> Option<&str> {
        match &self.kind {
            Kind::Number(written) => Some(written),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::Items(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn members(&self) -> Option<&[Member]> {
        match &self.kind {
            Kind::Members(members) => Some(members),
            _ => None,
        }
    }

    /// The member of an object.
    pub fn member(&self, name: &str) -> Option<&Node> {
        self.members()?.iter().find(|member| member.name == name).map(|member| &member.value)
    }

    /// For serde. A number that binary64 cannot hold becomes the largest one, and `exact` false.
    pub fn to_value(&self, exact: &mut bool) -> Value {
        match &self.kind {
            Kind::Word("true") => Value::Bool(true),
            Kind::Word("false") => Value::Bool(false),
            Kind::Word(_) => Value::Null,
            Kind::Number(written) => serde_json::from_str(written).unwrap_or_else(|_| {
                *exact = false;
                Value::from(if written.starts_with('-') { f64::MIN } else { f64::MAX })
            }),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::Items(items) => items.iter().map(|item| item.to_value(exact)).collect(),
            Kind::Members(members) => {
                let members = members.iter().map(|member| (member.name.clone(), member.value.to_value(exact)));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }
}

struct Reader<'t> {
    text: &'t str,
}

impl<'t> Reader<'t> {
    fn node(&self, raw: &'t RawValue, pointer: &str, levels: u64) -> Result<Node, Unreadable> {
        let written = raw.get();
        let start = self.place_of(written);
        let fault = |at: usize, detail: String| Unreadable { at, pointer: Some(pointer.to_owned()), detail };
        let unreadable = |error: serde_json::Error| {
            let said = error.to_string();
            fault(start, format!("this cannot be read: {}", said.split(" at line ").next().unwrap_or_default()))
        };
        let below =
            || levels.checked_sub(1).ok_or_else(|| fault(start, "this is nested deeper than the bound".to_owned()));
        let kind = match written.as_bytes().first() {
            Some(b'{') => {
                let below = below()?;
                let Members(found) = serde_json::from_str(written).map_err(unreadable)?;
                let mut members: Vec<Member> = Vec::new();
                for (name, value) in found {
                    let name_at = self.place_of(name.get());
                    let name: String = serde_json::from_str(name.get()).map_err(unreadable)?;
                    let at = format!("{pointer}/{}", segment(&name));
                    if members.iter().any(|known| known.name == name) {
                        let detail = format!("the member {name:?} is there twice");
                        return Err(Unreadable { at: name_at, pointer: Some(at), detail });
                    }
                    let value = self.node(value, &at, below)?;
                    members.push(Member { name, name_at, value });
                }
                Kind::Members(members)
            }
            Some(b'[') => {
                let below = below()?;
                let found: Vec<&RawValue> = serde_json::from_str(written).map_err(unreadable)?;
                let mut items = Vec::new();
                for (index, item) in found.into_iter().enumerate() {
                    items.push(self.node(item, &format!("{pointer}/{index}"), below)?);
                }
                Kind::Items(items)
            }
            Some(b'"') => Kind::Text(serde_json::from_str(written).map_err(unreadable)?),
            Some(b'n') => Kind::Word("null"),
            Some(b't') => Kind::Word("true"),
            Some(b'f') => Kind::Word("false"),
            _ => Kind::Number(written.to_owned()),
        };
        Ok(Node { kind, start, end: start + written.len() })
    }

    /// Where a part of the text begins in it: serde_json borrows, so the part is a slice of the whole.
    fn place_of(&self, part: &str) -> usize {
        part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr()).min(self.text.len())
    }
}

/// The members of an object, names and values unread.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(&'de RawValue, &'de RawValue)>;

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

/// The byte that serde_json means by a line and a column; its columns count bytes, and 0 is the line's end before.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (start + column.saturating_sub(1)).min(text.len())
}

/// A name as one segment of an RFC 6901 pointer.
pub(crate) fn segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::Document;

    fn fault(text: &str) -> (usize, Option<String>, String) {
        let fault = Document::read(text.as_bytes(), 8).expect_err(text);
        (fault.at, fault.pointer, fault.detail)
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "{\n  \"a\": [1, {\"b~/c\": \"x\"}]\n}";
        let document = Document::read(text.as_bytes(), 8).unwrap();
        assert_eq!(document.place("/a/1/b~0~1c"), text.find("\"x\"").unwrap());
        assert_eq!(document.name_place("/a/1/b~0~1c"), text.find("\"b~/c\"").unwrap());
        assert_eq!(document.place("/a/1/missing"), text.find("{\"b").unwrap());
        assert_eq!(document.place("/nowhere"), 0);
    }

    #[test]
    fn a_repeated_member_is_refused_where_it_is_repeated() {
        let text = "{\"a\": {\"b\": 1, \"\\u0062\": 2}}";
        let (at, pointer, detail) = fault(text);
        assert_eq!((at, pointer.as_deref()), (text.find("\"\\u").unwrap(), Some("/a/b")));
        assert!(detail.contains("\"b\" is there twice"));
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_stops_to_be() {
        assert_eq!(fault("{\"a\": 1,\n \"b\": }").0, 15);
        assert_eq!(fault("{} x").0, 3);
        assert_eq!(fault("\u{feff}{}").0, 0);
        assert!(fault("").2.contains("EOF"));
        assert!(fault("{\"a\": \"\\ud800\"}").2.contains("cannot be read"));
    }

    #[test]
    fn levels_are_counted() {
        assert!(Document::read(b"[[1]]", 2).is_ok());
        assert_eq!(Document::read(b"[[1]]", 1).unwrap_err().at, 1);
    }
}

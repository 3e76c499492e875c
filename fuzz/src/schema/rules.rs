//! Which schemas are right (core.md 3.5, 3.8, 3.9), by one walk over all subschemas.

use std::collections::HashMap;

use serde_json::Value;

use super::cost;
use crate::document::segment;

/// What the contract says about a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is one that the gate has to take.
    Right,
    /// It is one that the gate has to refuse.
    Wrong,
    /// The contract leaves it open, or this oracle does not know.
    Open,
}

/// How a subschema is applied by the one that holds it (3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    SameValue,
    OneOfMembers,
    EachMember,
    OneOfItems,
    EachItem,
}

/// A subschema: what it applies and how, by number.
pub(super) struct Subschema<'a> {
    pub(super) schema: &'a Value,
    pub(super) applies: Vec<(How, usize)>,
}

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Keywords that move the place to which references lead, or that 2020-12 knows only as something old.
const NOT_JUDGED: [&str; 10] = [
    "$id",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$recursiveAnchor",
    "$vocabulary",
    "definitions",
    "dependencies",
    "additionalItems",
    "contentSchema",
];

/// Judges a schema.
pub fn judge(schema: &Value) -> Verdict {
    // It says yes or no, and nothing that could be wrong.
    if schema.is_boolean() {
        return Verdict::Right;
    }
    if !jsonschema::draft202012::meta::is_valid(schema) {
        return Verdict::Wrong;
    }
    let mut walk = Walk::default();
    walk.visit(schema, String::new());
    if walk.ambiguous {
        return Verdict::Open;
    }
    walk.refer();
    match walk.wrong || cost::too_high(&walk.found) {
        true => Verdict::Wrong,
        false if walk.open => Verdict::Open,
        false => Verdict::Right,
    }
}

#[derive(Default)]
struct Walk<'a> {
    found: Vec<Subschema<'a>>,
    by_pointer: HashMap<String, usize>,
    by_anchor: HashMap<&'a str, usize>,
    references: Vec<(usize, &'a str)>,
    pattern_bytes: usize,
    wrong: bool,
    open: bool,
    ambiguous: bool,
}

impl<'a> Walk<'a> {
    /// Notes a subschema and everything in it; answers its number.
    fn visit(&mut self, schema: &'a Value, pointer: String) -> usize {
        let number = self.found.len();
        self.found.push(Subschema { schema, applies: Vec::new() });
        self.by_pointer.insert(pointer.clone(), number);
        let Value::Object(members) = schema else { return number };
        self.open |= members.keys().any(|name| NOT_JUDGED.contains(&name.as_str()));
        self.wrong |= members.get("$schema").is_some_and(|stated| stated != DIALECT);
        if let Some(Value::String(anchor)) = members.get("$anchor") {
            // The same name twice is a mistake, and the contract does not say where references to it lead.
            self.ambiguous |= self.by_anchor.insert(anchor, number).is_some();
        }
        if let Some(Value::String(reference)) = members.get("$ref") {
            self.references.push((number, reference));
        }
        if let Some(Value::String(pattern)) = members.get("pattern") {
            self.pattern(pattern);
        }
        for (keyword, below) in members {
            let at = format!("{pointer}/{keyword}");
            match (keyword.as_str(), below) {
                ("not" | "if" | "then" | "else", _) => self.apply(number, How::SameValue, below, at),
                ("additionalProperties", _) => self.apply(number, How::OneOfMembers, below, at),
                ("propertyNames" | "unevaluatedProperties", _) => self.apply(number, How::EachMember, below, at),
                ("items", _) => self.apply(number, How::OneOfItems, below, at),
                ("contains" | "unevaluatedItems", _) => self.apply(number, How::EachItem, below, at),
                ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(items)) => {
                    let how = if keyword == "prefixItems" { How::OneOfItems } else { How::SameValue };
                    for (index, item) in items.iter().enumerate() {
                        self.apply(number, how, item, format!("{at}/{index}"));
                    }
                }
                ("dependentSchemas" | "properties" | "patternProperties" | "$defs", Value::Object(named)) => {
                    for (name, item) in named {
                        let at = format!("{at}/{}", segment(name));
                        match keyword.as_str() {
                            "dependentSchemas" => self.apply(number, How::SameValue, item, at),
                            "properties" => self.apply(number, How::OneOfMembers, item, at),
                            "patternProperties" => {
                                self.pattern(name);
                                self.apply(number, How::EachMember, item, at);
                            }
                            _ => {
                                self.visit(item, at);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        number
    }

    fn apply(&mut self, by: usize, how: How, schema: &'a Value, pointer: String) {
        let number = self.visit(schema, pointer);
        self.found[by].applies.push((how, number));
    }

    /// 3.5: a reference resolves inside the schema.
    fn refer(&mut self) {
        for (from, reference) in std::mem::take(&mut self.references) {
            let target = match reference.strip_prefix('#') {
                _ if !reference.bytes().all(is_plain) => None,
                Some("") => Some(self.by_pointer.get("")),
                Some(pointer) if pointer.starts_with('/') => Some(self.by_pointer.get(pointer)),
                Some(anchor) => Some(self.by_anchor.get(anchor)),
                None if ["http://", "https://", "file:"].iter().any(|scheme| reference.starts_with(scheme)) => {
                    self.wrong = true;
                    continue;
                }
                None => None,
            };
            match target {
                Some(Some(to)) => self.found[from].applies.push((How::SameValue, *to)),
                Some(None) => self.wrong = true,
                None => self.open = true,
            }
        }
    }

    /// 3.9, as far as a pattern can be judged without an engine.
    fn pattern(&mut self, pattern: &str) {
        self.pattern_bytes += pattern.len();
        self.wrong |= pattern.len() > 256 || self.pattern_bytes > 4096;
        let refused = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|start| pattern.contains(start));
        let letters = pattern.trim_start_matches('^').trim_end_matches('$');
        if letters.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return;
        }
        if refused && !pattern.contains(['\\', '[']) || UNBALANCED.contains(&pattern) || pattern == HUGE {
            self.wrong = true;
        } else {
            self.open = true;
        }
    }
}

/// What every engine of ECMA-262 refuses.
pub(super) const UNBALANCED: [&str; 5] = ["(", "[", "a)", "*", "(?:a"];
/// What no runtime can hold in 1 MiB.
pub(super) const HUGE: &str = "(?:(?:a{1000}){1000}){1000}";

/// Characters of references that mean nothing but themselves.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"#/$:._-".contains(&byte)
}

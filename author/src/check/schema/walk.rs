//! Every subschema of a schema: where it is, what it applies to which values, and where its references lead (core.md 3.5).

use std::collections::HashMap;

use jsonschema::{Uri, uri};
use serde_json::Value;

use crate::document::segment;

/// To which values a subschema is applied by the one that holds it (core.md 3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// To the same one.
    Same,
    /// To a member, or to none if another one of these is.
    Member,
    /// To a member besides all others, or to its name.
    EachMember,
    /// To an item, or to none if another one of these is.
    Item,
    /// To an item besides all others.
    EachItem,
    /// To none: it is there to be referred to.
    None,
}

/// One subschema.
pub(super) struct Subschema<'a> {
    pub schema: &'a Value,
    pub pointer: String,
    /// What it applies, by number; references among it.
    pub applies: Vec<(How, usize)>,
}

/// What a walk has found.
#[derive(Default)]
pub(super) struct Walk<'a> {
    /// Outer ones before inner ones.
    pub found: Vec<Subschema<'a>>,
    /// The pointers of references that lead nowhere.
    pub unresolved: Vec<String>,
    numbers: HashMap<String, usize>,
    /// Subschemas with an `$id`, by it, and the root.
    resources: HashMap<String, usize>,
    /// Anchors by their resource and name.
    anchors: HashMap<(usize, &'a str), usize>,
    references: Vec<Reference<'a>>,
}

struct Reference<'a> {
    from: usize,
    keyword: &'static str,
    base: Uri<String>,
    text: &'a str,
}

/// How a keyword holds its subschemas.
#[derive(Clone, Copy)]
enum Holds {
    One,
    List,
    Named,
}

const KEYWORDS: [(&str, Holds, How); 22] = [
    ("not", Holds::One, How::Same),
    ("if", Holds::One, How::Same),
    ("then", Holds::One, How::Same),
    ("else", Holds::One, How::Same),
    ("allOf", Holds::List, How::Same),
    ("anyOf", Holds::List, How::Same),
    ("oneOf", Holds::List, How::Same),
    ("dependentSchemas", Holds::Named, How::Same),
    ("properties", Holds::Named, How::Member),
    ("additionalProperties", Holds::One, How::Member),
    ("patternProperties", Holds::Named, How::EachMember),
    ("propertyNames", Holds::One, How::EachMember),
    ("unevaluatedProperties", Holds::One, How::EachMember),
    ("prefixItems", Holds::List, How::Item),
    ("items", Holds::One, How::Item),
    ("contains", Holds::One, How::EachItem),
    ("unevaluatedItems", Holds::One, How::EachItem),
    ("contentSchema", Holds::One, How::None),
    ("$defs", Holds::Named, How::None),
    // The meta-schema still judges these two as schemas, and this one as what it was.
    ("definitions", Holds::Named, How::None),
    ("additionalItems", Holds::One, How::None),
    ("dependencies", Holds::Named, How::Same),
];

impl<'a> Walk<'a> {
    /// Walks through a schema, and resolves its references.
    pub fn through(schema: &'a Value) -> Walk<'a> {
        let mut walk = Walk::default();
        if let Ok(base) = uri::from_str("urn:assay:schema") {
            walk.resources.insert(base.as_str().to_owned(), 0);
            walk.visit(schema, String::new(), base, 0);
        }
        walk.refer();
        walk
    }

    fn visit(&mut self, schema: &'a Value, pointer: String, mut base: Uri<String>, mut resource: usize) -> usize {
        let number = self.found.len();
        if let Some(id) = schema.get("$id").and_then(Value::as_str)
            && let Ok(own) = uri::resolve_against(&base.borrow(), id)
        {
            self.resources.insert(without_fragment(&own), number);
            (base, resource) = (own, number);
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = schema.get(keyword).and_then(Value::as_str) {
                self.anchors.insert((resource, name), number);
            }
        }
        for keyword in ["$ref", "$dynamicRef"] {
            if let Some(text) = schema.get(keyword).and_then(Value::as_str) {
                self.references.push(Reference { from: number, keyword, base: base.clone(), text });
            }
        }
        self.numbers.insert(pointer.clone(), number);
        self.found.push(Subschema { schema, pointer: pointer.clone(), applies: Vec::new() });
        for (keyword, holds, how) in KEYWORDS {
            let Some(below) = schema.get(keyword) else { continue };
            let held: Vec<(String, &'a Value)> = match (holds, below) {
                (Holds::One, below) => vec![(format!("{pointer}/{keyword}"), below)],
                (Holds::List, Value::Array(items)) => items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| (format!("{pointer}/{keyword}/{index}"), item))
                    .collect(),
                (Holds::Named, Value::Object(named)) => {
                    named.iter().map(|(name, item)| (format!("{pointer}/{keyword}/{}", segment(name)), item)).collect()
                }
                _ => Vec::new(),
            };
            for (pointer, below) in held.into_iter().filter(|(_, below)| below.is_object() || below.is_boolean()) {
                let below = self.visit(below, pointer, base.clone(), resource);
                self.found[number].applies.push((how, below));
            }
        }
        number
    }

    fn refer(&mut self) {
        for reference in std::mem::take(&mut self.references) {
            let target = uri::resolve_against(&reference.base.borrow(), reference.text).ok();
            let Some((to, name)) = target.as_ref().and_then(|target| self.resolve(target)) else {
                self.unresolved.push(format!("{}/{}", self.found[reference.from].pointer, reference.keyword));
                continue;
            };
            let mut all = vec![to];
            if reference.keyword == "$dynamicRef" {
                // It may lead to any anchor of this name.
                let named = self.anchors.iter().filter(|((_, anchor), _)| Some(*anchor) == name.as_deref());
                all.extend(named.map(|(_, number)| *number));
                all.sort_unstable();
                all.dedup();
            }
            self.found[reference.from].applies.extend(all.into_iter().map(|to| (How::Same, to)));
        }
    }

    /// The subschema that a URI names, and the name of the anchor if it does so by one.
    fn resolve(&self, target: &Uri<String>) -> Option<(usize, Option<String>)> {
        let resource = *self.resources.get(&without_fragment(target))?;
        let fragment = target.fragment().map(|fragment| fragment.decode().to_string_lossy().into_owned());
        match fragment.unwrap_or_default() {
            whole if whole.is_empty() => Some((resource, None)),
            path if path.starts_with('/') => {
                let number = self.numbers.get(&format!("{}{path}", self.found[resource].pointer))?;
                Some((*number, None))
            }
            anchor => {
                let number = *self.anchors.get(&(resource, anchor.as_str()))?;
                Some((number, Some(anchor)))
            }
        }
    }
}

fn without_fragment(uri: &Uri<String>) -> String {
    uri.as_str().split('#').next().unwrap_or_default().to_owned()
}

//! Where the references of a schema lead: nowhere but into the schema itself (core.md 3.5).
//!
//! The validator knows the meta-schemas of all drafts and would let a reference lead there. This walk follows every
//! subschema, used or not, and resolves every reference by RFC 3986, `$id`, `$anchor` and JSON Pointer.

use std::collections::{HashMap, HashSet};

use jsonschema::{Uri, uri};
use serde_json::Value;

use super::{DIALECT, SchemaFault};
use crate::escape_pointer;

/// The base of a schema that has no `$id` of its own.
const ROOT: &str = "urn:assay:schema";

/// `$schema`, wherever it is present, names draft 2020-12.
pub(crate) fn dialect(schema: &Value) -> Result<(), SchemaFault> {
    let mut fault = None;
    walk(schema, &mut |place| {
        let stated = place.schema.get("$schema");
        if fault.is_none() && stated.is_some_and(|stated| stated != DIALECT) {
            fault =
                Some(SchemaFault::new(format!("{}/$schema", place.pointer), format!("the dialect is not {DIALECT}")));
        }
    });
    fault.map_or(Ok(()), Err)
}

/// Every `$ref` and `$dynamicRef` resolves inside the schema, and following them comes to an end.
pub(crate) fn references(schema: &Value) -> Result<(), SchemaFault> {
    let mut index = Index::default();
    let mut references = Vec::new();
    let mut faults = Vec::new();
    walk(schema, &mut |place| {
        index.note(place);
        for keyword in ["$ref", "$dynamicRef"] {
            if let Some(reference) = place.schema.get(keyword).and_then(Value::as_str) {
                let pointer = format!("{}/{keyword}", place.pointer);
                match uri::resolve_against(&place.base.borrow(), reference) {
                    Ok(target) => references.push((pointer, place.pointer.clone(), target)),
                    Err(_) => faults.push(SchemaFault::new(pointer, "this is not a URI reference")),
                }
            }
        }
    });
    for (pointer, from, target) in references {
        match index.resolve(schema, &target) {
            Some(to) => {
                let everywhere = if pointer.ends_with("/$dynamicRef") { index.dynamic(&target) } else { Vec::new() };
                index.in_place.entry(from).or_default().extend(everywhere.into_iter().chain([to]));
            }
            None => faults.push(SchemaFault::new(pointer, "the reference does not resolve inside the schema")),
        }
    }
    if let Some(fault) = faults.into_iter().next() {
        return Err(fault);
    }
    match index.endless() {
        Some(pointer) => Err(SchemaFault::new(pointer, "the reference leads back to itself without an end")),
        None => Ok(()),
    }
}

/// One subschema on the walk.
struct Place<'a> {
    schema: &'a serde_json::Map<String, Value>,
    pointer: String,
    base: Uri<String>,
    /// The pointer of the resource that it belongs to: the nearest subschema with an `$id`.
    resource: String,
    /// The subschema that applies it to the same value, if one does.
    applied_by: Option<String>,
}

/// Keywords whose value is a schema, an array of schemas, or an object of schemas. `true`: judged on the same value.
const ONE: [(&str, bool); 12] = [
    ("not", true),
    ("if", true),
    ("then", true),
    ("else", true),
    ("items", false),
    ("contains", false),
    ("additionalProperties", false),
    ("unevaluatedItems", false),
    ("unevaluatedProperties", false),
    ("propertyNames", false),
    ("contentSchema", false),
    ("additionalItems", false),
];
const MANY: [(&str, bool); 4] = [("allOf", true), ("anyOf", true), ("oneOf", true), ("prefixItems", false)];
const NAMED: [(&str, bool); 6] = [
    ("dependentSchemas", true),
    ("properties", false),
    ("patternProperties", false),
    ("$defs", false),
    ("definitions", false),
    ("dependencies", true),
];

/// Visits every subschema, outermost first.
fn walk<'a>(schema: &'a Value, visit: &mut dyn FnMut(&Place<'a>)) {
    let Ok(base) = uri::from_str(ROOT) else {
        return;
    };
    let mut todo = vec![(schema, String::new(), base, String::new(), None)];
    while let Some((value, pointer, outer, mut resource, applied_by)) = todo.pop() {
        let Some(schema) = value.as_object() else {
            continue;
        };
        let mut base = outer;
        if let Some(id) = schema.get("$id").and_then(Value::as_str)
            && let Ok(own) = uri::resolve_against(&base.borrow(), id)
        {
            base = own;
            resource.clone_from(&pointer);
        }
        let place = Place { schema, pointer, base, resource, applied_by };
        visit(&place);
        let mut push = |below: &'a Value, path: String, same: bool| {
            let by = same.then(|| place.pointer.clone());
            todo.push((below, format!("{}/{path}", place.pointer), place.base.clone(), place.resource.clone(), by));
        };
        for (keyword, same) in ONE {
            if let Some(below) = schema.get(keyword) {
                push(below, keyword.to_owned(), same);
            }
        }
        for (keyword, same) in MANY {
            for (index, below) in schema.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate() {
                push(below, format!("{keyword}/{index}"), same);
            }
        }
        for (keyword, same) in NAMED {
            for (name, below) in schema.get(keyword).and_then(Value::as_object).into_iter().flatten() {
                push(below, format!("{keyword}/{}", escape_pointer(name)), same);
            }
        }
    }
}

/// What references can name, and which subschemas judge the same value as another one.
#[derive(Default)]
struct Index {
    /// Pointers of the resources by their URI.
    resources: HashMap<String, String>,
    /// Pointers of the anchors by the pointer of their resource and their name.
    anchors: HashMap<(String, String), String>,
    /// From each subschema to those that it applies to the same value.
    in_place: HashMap<String, Vec<String>>,
}

impl Index {
    fn note(&mut self, place: &Place<'_>) {
        if place.pointer == place.resource {
            self.resources.insert(without_fragment(&place.base), place.pointer.clone());
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = place.schema.get(keyword).and_then(Value::as_str) {
                self.anchors.insert((place.resource.clone(), name.to_owned()), place.pointer.clone());
            }
        }
        if let Some(by) = &place.applied_by {
            self.in_place.entry(by.clone()).or_default().push(place.pointer.clone());
        }
    }

    /// The pointer of what a URI names, if it is inside the schema.
    fn resolve(&self, schema: &Value, target: &Uri<String>) -> Option<String> {
        let resource = self.resources.get(&without_fragment(target))?;
        let fragment = target.fragment().map(|fragment| fragment.decode().to_string_lossy().into_owned());
        match fragment.unwrap_or_default() {
            root if root.is_empty() => Some(resource.clone()),
            path if path.starts_with('/') => {
                let pointer = format!("{resource}{path}");
                let found = schema.pointer(&pointer)?;
                (found.is_object() || found.is_boolean()).then_some(pointer)
            }
            anchor => self.anchors.get(&(resource.clone(), anchor)).cloned(),
        }
    }

    /// The pointers of every anchor of this name: a dynamic reference may lead to any of them.
    fn dynamic(&self, target: &Uri<String>) -> Vec<String> {
        let name = target.fragment().map(|fragment| fragment.as_str()).unwrap_or_default();
        let named = self.anchors.iter().filter(|((_, anchor), _)| anchor == name);
        named.map(|(_, pointer)| pointer.clone()).collect()
    }

    /// A subschema from which one comes back to it without ever looking at another value.
    fn endless(&self) -> Option<String> {
        let mut done: HashSet<&str> = HashSet::new();
        for start in self.in_place.keys() {
            // Depth first, with the way back kept on the stack: `None` leaves a subschema again.
            let mut way: Vec<&str> = Vec::new();
            let mut todo = vec![Some(start.as_str())];
            while let Some(step) = todo.pop() {
                let Some(pointer) = step else {
                    done.extend(way.pop());
                    continue;
                };
                if way.contains(&pointer) {
                    return Some(pointer.to_owned());
                }
                if done.contains(pointer) {
                    continue;
                }
                way.push(pointer);
                todo.push(None);
                todo.extend(self.in_place.get(pointer).into_iter().flatten().map(|next| Some(next.as_str())));
            }
        }
        None
    }
}

fn without_fragment(uri: &Uri<String>) -> String {
    let text = uri.as_str();
    text.split_once('#').map_or(text, |(absolute, _)| absolute).to_owned()
}

//! Where the references of a schema lead, and how much work they make: nowhere but into the schema itself, and to an end
//! that is near (core.md 3.5).
//!
//! The validator knows the meta-schemas of all drafts and would let a reference lead there; it also judges one value as
//! often as the schema says, and a short schema can say it 2^40 times. This walk follows every subschema, used or not,
//! and resolves every reference by RFC 3986, `$id`, `$anchor` and JSON Pointer.

use std::collections::{BTreeSet, HashMap};

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
    let (index, faults) = index(schema);
    if let Some(fault) = faults.into_iter().next() {
        return Err(fault);
    }
    match index.dearest() {
        Err(pointer) => Err(SchemaFault::new(pointer, "the reference leads back to itself without an end")),
        Ok(_) => Ok(()),
    }
}

/// The most evaluations of subschemas that one value can cost, over all subschemas.
///
/// A subschema costs 1, each item of its `enum` 1 more, and whatever it applies to the same value costs what that costs, as
/// often as it is applied. A reference without an end costs [`u64::MAX`].
pub(crate) fn cost(schema: &Value) -> u64 {
    index(schema).0.dearest().unwrap_or(u64::MAX)
}

/// What is in the schema and where its references lead, and those that lead nowhere.
fn index(schema: &Value) -> (Index, Vec<SchemaFault>) {
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
        match index.resolve(&target) {
            Some(to) => {
                let everywhere = if pointer.ends_with("/$dynamicRef") { index.dynamic(&target) } else { Vec::new() };
                let everywhere: BTreeSet<String> = everywhere.into_iter().chain([to]).collect();
                index.in_place.entry(from).or_default().extend(everywhere);
            }
            None => faults.push(SchemaFault::new(pointer, "the reference does not resolve inside the schema")),
        }
    }
    (index, faults)
}

/// One subschema on the walk.
struct Place<'a> {
    /// An object or a boolean.
    schema: &'a Value,
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
    while let Some((schema, pointer, outer, mut resource, applied_by)) = todo.pop() {
        if !schema.is_object() && !schema.is_boolean() {
            continue;
        }
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
    /// What each subschema costs by itself. Whatever is not in here is no subschema.
    own_cost: HashMap<String, u64>,
    /// From each subschema to those that it applies to the same value, as often as it does.
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
        let items = place.schema.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
        self.own_cost.insert(place.pointer.clone(), (items as u64).saturating_add(1));
        if let Some(by) = &place.applied_by {
            self.in_place.entry(by.clone()).or_default().push(place.pointer.clone());
        }
    }

    /// The pointer of the subschema that a URI names, if there is one. A place under a keyword that 2020-12 does not know
    /// is none: what lies there was not walked, so a reference into it could lead anywhere and cost anything.
    fn resolve(&self, target: &Uri<String>) -> Option<String> {
        let resource = self.resources.get(&without_fragment(target))?;
        let fragment = target.fragment().map(|fragment| fragment.decode().to_string_lossy().into_owned());
        match fragment.unwrap_or_default() {
            root if root.is_empty() => Some(resource.clone()),
            path if path.starts_with('/') => {
                let pointer = format!("{resource}{path}");
                self.own_cost.contains_key(&pointer).then_some(pointer)
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

    /// What the dearest subschema costs, all included that it applies to the same value.
    ///
    /// # Errors
    /// A subschema from which one comes back to it without ever looking at another value.
    fn dearest(&self) -> Result<u64, String> {
        let mut costs: HashMap<&str, u64> = HashMap::new();
        for start in self.own_cost.keys() {
            // Depth first, with the way back kept on the stack: `None` leaves a subschema again.
            let mut way: Vec<&str> = Vec::new();
            let mut todo = vec![Some(start.as_str())];
            while let Some(step) = todo.pop() {
                let Some(pointer) = step else {
                    costs.extend(way.pop().map(|left| (left, self.cost(left, &costs))));
                    continue;
                };
                if way.contains(&pointer) {
                    return Err(pointer.to_owned());
                }
                if costs.contains_key(pointer) {
                    continue;
                }
                way.push(pointer);
                todo.push(None);
                todo.extend(self.applied(pointer).map(Some));
            }
        }
        Ok(costs.into_values().max().unwrap_or_default())
    }

    /// What one subschema costs, from the costs of all that it applies.
    fn cost(&self, pointer: &str, costs: &HashMap<&str, u64>) -> u64 {
        let own = self.own_cost.get(pointer).copied().unwrap_or(1);
        self.applied(pointer).filter_map(|applied| costs.get(applied)).fold(own, |sum, cost| sum.saturating_add(*cost))
    }

    fn applied(&self, pointer: &str) -> impl Iterator<Item = &str> {
        self.in_place.get(pointer).into_iter().flatten().map(String::as_str)
    }
}

fn without_fragment(uri: &Uri<String>) -> String {
    let text = uri.as_str();
    text.split_once('#').map_or(text, |(absolute, _)| absolute).to_owned()
}

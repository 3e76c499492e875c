//! Where the references of a schema lead, and how much work they make: nowhere but into the schema itself, and to an end
//! that is near (core.md 3.5).
//!
//! The validator knows the meta-schemas of all drafts and would let a reference lead there; it also judges one value as
//! often as the schema says, and a short schema can say it 2^40 times. This walk follows every subschema, used or not,
//! and resolves every reference by RFC 3986, `$id`, `$anchor` and JSON Pointer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    match index.inside_out() {
        Err(pointer) => Err(SchemaFault::new(pointer, "the reference leads back to itself without an end")),
        Ok(_) => Ok(()),
    }
}

/// What is in the schema and where its references lead, and those that lead nowhere.
pub(super) fn index(schema: &Value) -> (Index, Vec<SchemaFault>) {
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
                let applied = everywhere.into_iter().map(|to| (to, Applied::InPlace));
                index.subschemas.entry(from).or_default().applied.extend(applied);
            }
            None => faults.push(SchemaFault::new(pointer, "the reference does not resolve inside the schema")),
        }
    }
    (index, faults)
}

/// One subschema on the walk.
pub(super) struct Place<'a> {
    /// An object or a boolean.
    pub(super) schema: &'a Value,
    pub(super) pointer: String,
    base: Uri<String>,
    /// The pointer of the resource that it belongs to: the nearest subschema with an `$id`.
    resource: String,
    /// The subschema that holds it, and what it applies it to.
    applied_by: Option<(String, Applied)>,
}

/// Which values a subschema is applied to by the one that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    /// The same value.
    InPlace,
    /// A member, unless another subschema of this kind is applied to it.
    OneMember,
    /// A member, or its name, besides all others.
    EveryMember,
    /// An item, unless another subschema of this kind is applied to it.
    OneItem,
    /// An item, besides all others.
    EveryItem,
    /// None: it is only there to be referred to, or an annotation.
    Nowhere,
}

/// Keywords whose value is a schema, an array of schemas, or an object of schemas.
const ONE: [(&str, Applied); 12] = [
    ("not", Applied::InPlace),
    ("if", Applied::InPlace),
    ("then", Applied::InPlace),
    ("else", Applied::InPlace),
    ("items", Applied::OneItem),
    ("contains", Applied::EveryItem),
    ("additionalProperties", Applied::OneMember),
    ("unevaluatedItems", Applied::EveryItem),
    ("unevaluatedProperties", Applied::EveryMember),
    ("propertyNames", Applied::EveryMember),
    ("contentSchema", Applied::Nowhere),
    ("additionalItems", Applied::Nowhere),
];
const MANY: [(&str, Applied); 4] = [
    ("allOf", Applied::InPlace),
    ("anyOf", Applied::InPlace),
    ("oneOf", Applied::InPlace),
    ("prefixItems", Applied::OneItem),
];
const NAMED: [(&str, Applied); 6] = [
    ("dependentSchemas", Applied::InPlace),
    ("properties", Applied::OneMember),
    ("patternProperties", Applied::EveryMember),
    ("$defs", Applied::Nowhere),
    ("definitions", Applied::Nowhere),
    ("dependencies", Applied::InPlace),
];

/// Visits every subschema, outermost first.
pub(super) fn walk<'a>(schema: &'a Value, visit: &mut dyn FnMut(&Place<'a>)) {
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
        let mut push = |below: &'a Value, path: String, applied: Applied| {
            let by = Some((place.pointer.clone(), applied));
            todo.push((below, format!("{}/{path}", place.pointer), place.base.clone(), place.resource.clone(), by));
        };
        for (keyword, applied) in ONE {
            if let Some(below) = schema.get(keyword) {
                push(below, keyword.to_owned(), applied);
            }
        }
        for (keyword, applied) in MANY {
            for (index, below) in schema.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate() {
                push(below, format!("{keyword}/{index}"), applied);
            }
        }
        for (keyword, applied) in NAMED {
            for (name, below) in schema.get(keyword).and_then(Value::as_object).into_iter().flatten() {
                push(below, format!("{keyword}/{}", escape_pointer(name)), applied);
            }
        }
    }
}

/// What references can name, and what each subschema applies to which values.
#[derive(Default)]
pub(super) struct Index {
    /// Pointers of the resources by their URI.
    resources: HashMap<String, String>,
    /// Pointers of the anchors by the pointer of their resource and their name.
    anchors: BTreeMap<(String, String), String>,
    /// Every subschema by its pointer. Whatever is not in here is no subschema. In order, so that of several faults the same
    /// one is named every time.
    pub(super) subschemas: BTreeMap<String, Subschema>,
}

/// What is known of one subschema.
#[derive(Default)]
pub(super) struct Subschema {
    /// 1, and the items of its `enum`.
    pub(super) own_cost: u64,
    /// Whether it has to know which members or items the others have judged.
    pub(super) asks_again: bool,
    /// The pointers of what it applies, references included, as often as it does.
    pub(super) applied: Vec<(String, Applied)>,
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
        let subschema = self.subschemas.entry(place.pointer.clone()).or_default();
        subschema.own_cost = (items as u64).saturating_add(1);
        subschema.asks_again =
            ["unevaluatedProperties", "unevaluatedItems"].iter().any(|keyword| place.schema.get(keyword).is_some());
        if let Some((by, applied)) = &place.applied_by {
            let by = self.subschemas.entry(by.clone()).or_default();
            by.applied.push((place.pointer.clone(), *applied));
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
                self.subschemas.contains_key(&pointer).then_some(pointer)
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

    /// The pointers of all subschemas, each after those that it applies to the same value.
    ///
    /// # Errors
    /// A subschema from which one comes back to it without ever looking at another value.
    pub(super) fn inside_out(&self) -> Result<Vec<&str>, String> {
        let mut order = Vec::with_capacity(self.subschemas.len());
        // False while one is on the way to what it applies.
        let mut left: HashMap<&str, bool> = HashMap::new();
        for start in self.subschemas.keys() {
            // Depth first: `Leave` comes up again when all below was seen.
            let mut todo = vec![Step::Enter(start)];
            while let Some(step) = todo.pop() {
                match step {
                    Step::Leave(pointer) => {
                        left.insert(pointer, true);
                        order.push(pointer);
                    }
                    Step::Enter(pointer) => match left.get(pointer) {
                        Some(true) => {}
                        Some(false) => return Err(pointer.to_owned()),
                        None => {
                            left.insert(pointer, false);
                            todo.push(Step::Leave(pointer));
                            todo.extend(self.in_place(pointer).map(Step::Enter));
                        }
                    },
                }
            }
        }
        Ok(order)
    }

    fn in_place(&self, pointer: &str) -> impl Iterator<Item = &str> {
        let applied = self.subschemas.get(pointer).into_iter().flat_map(|subschema| &subschema.applied);
        applied.filter(|(_, applied)| *applied == Applied::InPlace).map(|(to, _)| to.as_str())
    }
}

/// A step of the walk over what judges the same value.
enum Step<'a> {
    Enter(&'a str),
    Leave(&'a str),
}

fn without_fragment(uri: &Uri<String>) -> String {
    let text = uri.as_str();
    text.split_once('#').map_or(text, |(absolute, _)| absolute).to_owned()
}

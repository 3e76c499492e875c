//! Which places of a value a schema marks with `x-sensitive` (core.md 11.1).
//!
//! The question is not whether the value is valid: every subschema that could be applied to a place is asked, whichever
//! branch of an `anyOf` turns out to hold, so that no value gets past its mark by not fitting.

use std::collections::{BTreeSet, HashMap};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{
    options,
    references::{Applied, Index, index},
};
use crate::{Json, escape_pointer};

/// The keyword.
const MARK: &str = "x-sensitive";
/// Shorter texts cannot be kept out of a log without destroying it, in bytes.
const SHORTEST: usize = 4;

/// The subschemas from which one comes to a mark, by their numbers.
pub(crate) struct SensitivePlaces {
    subschemas: Vec<Subschema>,
    root: usize,
}

/// Where the marks lie that one comes to from a subschema.
#[derive(Default)]
struct Subschema {
    marked: bool,
    in_place: Vec<usize>,
    /// All that `properties` names, with a number where it leads to a mark.
    properties: HashMap<String, Option<usize>>,
    patterns: Vec<(Validator, Option<usize>)>,
    additional: Vec<usize>,
    /// One for each of `prefixItems`.
    prefix: Vec<Option<usize>>,
    rest: Vec<usize>,
    contains: Option<usize>,
}

impl SensitivePlaces {
    /// The marks of a schema whose references are right; none if there is no mark.
    pub(crate) fn of(schema: &Value) -> Option<Self> {
        let (index, _) = index(schema);
        let marked = |pointer: &str| schema.pointer(pointer).and_then(|at| at.get(MARK)) == Some(&Value::Bool(true));
        let leading = leading(&index, &marked);
        if !leading.contains("") {
            return None;
        }
        let numbers: HashMap<&str, usize> = leading.iter().enumerate().map(|(number, at)| (*at, number)).collect();
        let subschemas = leading.iter().map(|at| subschema(schema, at, &index, &numbers, marked(at))).collect();
        Some(Self { subschemas, root: *numbers.get("")? })
    }

    /// The texts of all strings and numbers at marked places.
    pub(crate) fn find(&self, value: &Json) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.visit(value, vec![self.root], &mut found);
        found
    }

    /// Visits a place to which these subschemas are applied. A value is read to a bounded depth, so this may recurse.
    fn visit(&self, value: &Json, applied: Vec<usize>, found: &mut BTreeSet<String>) {
        if applied.is_empty() {
            return;
        }
        let judging = self.in_place(applied);
        if judging.iter().any(|subschema| subschema.marked) {
            return texts(value, found);
        }
        match value {
            Json::Object(members) => {
                for (name, member) in members {
                    let applied = judging.iter().flat_map(|subschema| subschema.to_member(name)).collect();
                    self.visit(member, applied, found);
                }
            }
            Json::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    let applied = judging.iter().flat_map(|subschema| subschema.to_item(place)).collect();
                    self.visit(item, applied, found);
                }
            }
            _ => {}
        }
    }

    /// These subschemas and all that they apply to the same value, each once.
    fn in_place(&self, applied: Vec<usize>) -> Vec<&Subschema> {
        let mut todo = applied;
        let mut seen = BTreeSet::new();
        while let Some(number) = todo.pop() {
            if seen.insert(number) {
                todo.extend(self.subschemas.get(number).into_iter().flat_map(|subschema| &subschema.in_place));
            }
        }
        seen.into_iter().filter_map(|number| self.subschemas.get(number)).collect()
    }
}

impl Subschema {
    fn to_member(&self, name: &str) -> Vec<usize> {
        let named = self.properties.get(name);
        let text = Value::String(name.to_owned());
        let matching: Vec<_> = self.patterns.iter().filter(|(pattern, _)| pattern.is_valid(&text)).collect();
        let mut applied: Vec<usize> = named.copied().flatten().into_iter().collect();
        applied.extend(matching.iter().filter_map(|(_, number)| *number));
        if named.is_none() && matching.is_empty() {
            applied.extend(&self.additional);
        }
        applied
    }

    fn to_item(&self, place: usize) -> Vec<usize> {
        let mut applied = match self.prefix.get(place) {
            Some(number) => number.iter().copied().collect(),
            None => self.rest.clone(),
        };
        applied.extend(self.contains);
        applied
    }
}

/// The pointers of all subschemas from which one comes to a mark.
fn leading<'a>(index: &'a Index, marked: &dyn Fn(&str) -> bool) -> BTreeSet<&'a str> {
    let mut from: HashMap<&str, Vec<&str>> = HashMap::new();
    for (pointer, subschema) in &index.subschemas {
        for (to, applied) in &subschema.applied {
            if *applied != Applied::Nowhere {
                from.entry(to.as_str()).or_default().push(pointer.as_str());
            }
        }
    }
    let mut todo: Vec<&str> = index.subschemas.keys().map(String::as_str).filter(|at| marked(at)).collect();
    let mut leading = BTreeSet::new();
    while let Some(pointer) = todo.pop() {
        if leading.insert(pointer) {
            todo.extend(from.get(pointer).into_iter().flatten());
        }
    }
    leading
}

fn subschema(schema: &Value, at: &str, index: &Index, numbers: &HashMap<&str, usize>, marked: bool) -> Subschema {
    let number = |path: String| numbers.get(format!("{at}/{path}").as_str()).copied();
    let own = schema.pointer(at);
    let keyword = |name: &str| own.and_then(|own| own.get(name));
    let in_place = index.subschemas.get(at).into_iter().flat_map(|subschema| &subschema.applied);
    let in_place = in_place.filter(|(_, applied)| *applied == Applied::InPlace);
    let named = |keyword_name: &str| {
        let names = keyword(keyword_name).and_then(Value::as_object).into_iter().flatten();
        let numbered = |name: &String| number(format!("{keyword_name}/{}", escape_pointer(name)));
        names.map(|(name, _)| (name.clone(), numbered(name))).collect::<Vec<_>>()
    };
    let pattern = |(pattern, number): (String, Option<usize>)| {
        // Whoever compiled the schema has compiled it before.
        options().build(&json!({ "pattern": pattern })).ok().map(|compiled| (compiled, number))
    };
    let prefix = keyword("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
    let closed = keyword("additionalProperties").is_some();
    let unevaluated = |other: bool, name: &str| if other { None } else { number(name.to_owned()) };
    Subschema {
        marked,
        in_place: in_place.filter_map(|(to, _)| numbers.get(to.as_str()).copied()).collect(),
        properties: named("properties").into_iter().collect(),
        patterns: named("patternProperties").into_iter().filter_map(pattern).collect(),
        additional: [number("additionalProperties".to_owned()), unevaluated(closed, "unevaluatedProperties")]
            .into_iter()
            .flatten()
            .collect(),
        prefix: (0..prefix).map(|place| number(format!("prefixItems/{place}"))).collect(),
        rest: [number("items".to_owned()), unevaluated(keyword("items").is_some(), "unevaluatedItems")]
            .into_iter()
            .flatten()
            .collect(),
        contains: number("contains".to_owned()),
    }
}

/// Every string and number inside.
fn texts(value: &Json, found: &mut BTreeSet<String>) {
    let mut keep = |text: String| {
        if text.len() >= SHORTEST {
            found.insert(text);
        }
    };
    match value {
        Json::String(text) => keep(text.clone()),
        Json::Number(number) => {
            keep(number.as_str().to_owned());
            // A handler that reads the number may write it in another way.
            if let Ok(read) = serde_json::from_str::<serde_json::Number>(number.as_str()) {
                keep(read.to_string());
            }
        }
        Json::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Json::Object(members) => members.values().for_each(|member| texts(member, found)),
        Json::Null | Json::Bool(_) => {}
    }
}

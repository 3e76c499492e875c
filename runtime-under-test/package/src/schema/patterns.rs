//! How long the regular expressions of a schema may be, and that they are some (core.md 3.9).
//!
//! They are judged in time linear in the text, but translating them from ECMA-262 and compiling them takes time and memory
//! that grow faster than their length.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{SchemaFault, options, references::walk};

/// The longest pattern, in bytes.
const LONGEST: usize = 256;
/// All patterns of one schema together, in bytes.
const ALL: usize = 4096;

/// Every pattern is short, and all together are.
pub(super) fn short(schema: &Value) -> Result<(), SchemaFault> {
    let mut all = 0;
    each(schema, |pattern| {
        all += pattern.len();
        let long = pattern.len() > LONGEST || all > ALL;
        long.then(|| format!("a pattern has at most {LONGEST} bytes, and all together have at most {ALL}"))
    })
}

/// Every pattern is a regular expression that can be judged by, also where no value is ever judged by it: the validator
/// compiles only what it can reach, and nothing below `$defs` that nobody refers to.
pub(crate) fn compile(schema: &Value) -> Result<(), SchemaFault> {
    let mut seen = BTreeSet::new();
    each(schema, |pattern| {
        let new = seen.insert(pattern.to_owned());
        let wrong = new && options().build(&json!({ "pattern": pattern })).is_err();
        wrong.then(|| "this is not a regular expression that can be judged by".to_owned())
    })
}

/// The first pattern against which something is said, with its place.
fn each(schema: &Value, mut judge: impl FnMut(&str) -> Option<String>) -> Result<(), SchemaFault> {
    let mut fault = None;
    walk(schema, &mut |place| {
        let own = place.schema.get("pattern").and_then(Value::as_str).map(|pattern| ("pattern", pattern));
        let names = place.schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        for (keyword, pattern) in own.into_iter().chain(names.map(|(name, _)| ("patternProperties", name.as_str()))) {
            if fault.is_none() {
                fault = judge(pattern).map(|detail| SchemaFault::new(format!("{}/{keyword}", place.pointer), detail));
            }
        }
    });
    fault.map_or(Ok(()), Err)
}

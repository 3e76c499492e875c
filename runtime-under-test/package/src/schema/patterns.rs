//! How long the regular expressions of a schema may be (core.md 3.9).
//!
//! They are judged in time linear in the text, but translating them from ECMA-262 and compiling them takes time and memory
//! that grow faster than their length.

use serde_json::Value;

use super::{SchemaFault, references::walk};

/// The longest pattern, in bytes.
const LONGEST: usize = 256;
/// All patterns of one schema together, in bytes.
const ALL: usize = 4096;

/// Every pattern is short, and all together are.
pub(super) fn short(schema: &Value) -> Result<(), SchemaFault> {
    let mut fault = None;
    let mut all = 0;
    walk(schema, &mut |place| {
        let own = place.schema.get("pattern").and_then(Value::as_str).map(|pattern| ("pattern", pattern));
        let names = place.schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        for (keyword, pattern) in own.into_iter().chain(names.map(|(name, _)| ("patternProperties", name.as_str()))) {
            all += pattern.len();
            if fault.is_none() && (pattern.len() > LONGEST || all > ALL) {
                let detail = format!("a pattern has at most {LONGEST} bytes, and all together have at most {ALL}");
                fault = Some(SchemaFault::new(format!("{}/{keyword}", place.pointer), detail));
            }
        }
    });
    fault.map_or(Ok(()), Err)
}

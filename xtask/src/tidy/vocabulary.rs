//! Invariant 5: the suite speaks in the contract's codes, and every code of the contract is judged.

use std::collections::BTreeSet;
use std::fs;

use assay_conformance::contract::CONTRACT;

use super::sources::rust_files;
use crate::build::root;

/// Codes that no check of this version provokes, each with the reason.
const UNPROVOKED: [(&str, &str); 3] = [
    ("internal", "a defect of the runtime; no check expects it"),
    ("overloaded", "needs more executions at once than a check of this version starts"),
    ("abi-unsupported", "needs a target that declares one packaging only"),
];

/// Codes in suites that the contract does not have, and codes of the contract that no suite names.
pub fn problems() -> Vec<String> {
    let mut problems = Vec::new();
    let mut named = BTreeSet::new();
    for path in rust_files().iter().filter(|path| path.starts_with("conformance/src")) {
        let text = fs::read_to_string(root().join(path)).unwrap_or_default();
        named.extend(CONTRACT.problems.keys().filter(|code| text.contains(&format!("\"{code}\""))).cloned());
        for code in text.split("refused(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !CONTRACT.problems.contains_key(code) {
                problems.push(format!("{}: problems.toml has no code {code}", path.display()));
            }
        }
    }
    for code in CONTRACT.problems.keys() {
        let excused = UNPROVOKED.iter().any(|(unprovoked, _)| unprovoked == code);
        if named.contains(code) == excused {
            let fault = if excused { "is excused and judged" } else { "is judged by no check" };
            problems.push(format!("problems.toml: {code} {fault}"));
        }
    }
    problems
}

//! Invariant 5: the suite speaks in the contract's codes, and every code of the contract is judged.

use std::collections::BTreeSet;
use std::fs;

use assay_conformance::contract::{CONTRACT, source};
use assay_harness::TERMS;

use super::sources::rust_files;
use crate::build::root;

/// Codes that no check of this version provokes, each with the reason.
const UNPROVOKED: [(&str, &str); 2] = [
    ("internal", "a defect of the runtime; no check expects it"),
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
    problems.extend(openapi(&named_in_openapi()));
    problems
}

/// Codes that openapi.yaml gives to an operation, and where openapi.yaml and the other files of the spec disagree.
fn openapi(named: &BTreeSet<String>) -> Vec<String> {
    // What no operation answers: the path exists, the operation does not.
    let apart = "method-not-allowed";
    let missing = CONTRACT.problems.keys().filter(|code| *code != apart && !named.contains(*code));
    let unknown = named.iter().filter(|code| !CONTRACT.problems.contains_key(*code));
    let text = source("openapi.yaml").unwrap_or_default();
    let bounds = TERMS.bounds.keys().filter(|bound| !text.contains(bound.as_str()));
    missing
        .map(|code| format!("openapi.yaml: no operation answers {code}"))
        .chain(unknown.map(|code| format!("openapi.yaml: problems.toml has no code {code}")))
        .chain(bounds.map(|bound| format!("openapi.yaml: the bound {bound} is missing")))
        .collect()
}

/// The words in the lists `x-problems`, in either form that YAML has for a list.
fn named_in_openapi() -> BTreeSet<String> {
    let text = source("openapi.yaml").unwrap_or_default();
    text.split("x-problems:")
        .skip(1)
        .flat_map(|rest| {
            let rest = rest.trim_start();
            let list = match rest.strip_prefix('[') {
                Some(inline) => inline.split(']').next().unwrap_or_default().replace(',', " "),
                None => rest.lines().map_while(|line| line.trim().strip_prefix("- ")).collect::<Vec<_>>().join(" "),
            };
            list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

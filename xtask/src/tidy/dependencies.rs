//! Invariant 1: imports run one way, and the suite and the runtime share no code.

use std::fs;

use toml::{Table, Value};

use crate::build::root;

/// Each crate and the crates of this workspace that it may import. Development dependencies of the runtime may add the fixtures.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // A third party: it measures both sides, and neither knows it.
    ("bench", &["assay-fixtures", "assay-package", "assay-sandbox"]),
    // A third party, too: it judges the runtime by the contract, with oracles of its own and one of the suite's, and makes its
    // inputs of fixtures.
    (
        "fuzz",
        &["assay-conformance", "assay-egress", "assay-fixtures", "assay-package", "assay-sandbox", "assay-server"],
    ),
    ("reports", &[]),
    ("author", &["assay-harness", "assay-fixtures"]),
    ("fixtures", &[]),
    ("harness", &["assay-reports"]),
    ("conformance", &["assay-author", "assay-harness", "assay-fixtures", "assay-reports"]),
    ("xtask", &["assay-author", "assay-conformance", "assay-harness", "assay-fixtures", "assay-reports"]),
    ("runtime-under-test/package", &[]),
    ("runtime-under-test/egress", &["assay-package"]),
    ("runtime-under-test/sandbox", &[]),
    ("runtime-under-test/server", &["assay-egress", "assay-package", "assay-sandbox"]),
];

/// Every import that goes the wrong way, every crate that is not in the table, and every crate without the common lints.
pub fn problems() -> Vec<String> {
    let mut problems = Vec::new();
    let members = members();
    for member in &members {
        if !MAY_IMPORT.iter().any(|(known, _)| known == member) {
            problems.push(format!(
                "{member}: the table of imports in xtask/src/tidy/dependencies.rs does not know this crate"
            ));
        }
    }
    for (member, allowed) in MAY_IMPORT {
        if !members.iter().any(|found| found == member) {
            problems.push(format!("{member}: in the table of imports, and no member of the workspace"));
            continue;
        }
        let manifest = read(&format!("{member}/Cargo.toml"));
        let development = match member.starts_with("runtime-under-test/") {
            true => [allowed, &["assay-fixtures"][..]].concat(),
            false => allowed.to_vec(),
        };
        for (section, allowed) in [
            ("dependencies", allowed.to_vec()),
            ("build-dependencies", allowed.to_vec()),
            ("dev-dependencies", development),
        ] {
            let names = manifest.get(section).and_then(Value::as_table).into_iter().flat_map(Table::keys);
            for name in names.filter(|name| name.starts_with("assay-")) {
                if !allowed.contains(&name.as_str()) {
                    problems.push(format!("{member}/Cargo.toml: [{section}] may not have {name}"));
                }
            }
            let stated = manifest.get(section).and_then(Value::as_table).into_iter().flatten();
            for (name, _) in stated.filter(|(_, value)| value.get("workspace").is_none()) {
                problems.push(format!("{member}/Cargo.toml: the version of {name} is stated outside of the workspace"));
            }
        }
        problems.extend(conditional(member, &manifest));
        let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
        if inherits != Some(true) {
            problems.push(format!("{member}/Cargo.toml: [lints] workspace = true is missing"));
        }
    }
    if read("Cargo.toml").to_string().matches("unsafe_code = \"forbid\"").count() != 1 {
        problems.push("Cargo.toml: unsafe_code = \"forbid\" is missing".to_owned());
    }
    problems
}

/// What a crate depends on under a condition only: nothing of this workspace, and libFuzzer where it is fuzzed.
fn conditional(member: &str, manifest: &Table) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let named = targets.flat_map(|(condition, target)| {
        let names = target.get("dependencies").and_then(Value::as_table).into_iter().flat_map(Table::keys);
        names.map(move |name| (condition.as_str(), name.as_str()))
    });
    let wrong = named.filter(|named| *named != ("cfg(fuzzing)", "libfuzzer-sys"));
    wrong.map(|(condition, name)| format!("{member}/Cargo.toml: [target.'{condition}'] may not have {name}")).collect()
}

fn members() -> Vec<String> {
    let workspace = read("Cargo.toml");
    let members = workspace.get("workspace").and_then(|table| table.get("members")).and_then(Value::as_array);
    members.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A manifest of this workspace; one that cannot be read is an empty one, about which other lines complain.
fn read(path: &str) -> Table {
    let text = fs::read_to_string(root().join(path)).unwrap_or_default();
    text.parse().unwrap_or_default()
}

//! The proof of the proof: a check that asserts nothing makes `cargo xtask prove` fail.

use crate::support::{folder, runtime, xtask};

/// Four defects, each of another crate, and the check that notices it.
const PAIRS: [(&str, &str); 4] = [
    ("subject-digest-unchecked", "core.signature.other-digest"),
    ("log-levels-flattened", "core.log.levels"),
    ("category-ignored", "registry.list.category"),
    ("state-forgotten-at-restart", "lifecycle.durability.state"),
];

fn prove(blunt: Option<&str>) -> (i32, serde_json::Value) {
    let out = folder();
    let sabotages = PAIRS.map(|(sabotage, _)| sabotage).join(",");
    let place = out.path().display().to_string();
    let mut arguments = vec!["prove", "--sabotage", &sabotages, "--out", &place];
    arguments.extend(blunt.into_iter().flat_map(|checks| ["--blunt", checks]));
    let run = xtask(&arguments);
    let matrix =
        std::fs::read_to_string(out.path().join("kill-matrix.json")).unwrap_or_else(|_| panic!("{}", run.all()));
    (run.code, serde_json::from_str(&matrix).expect("JSON"))
}

#[test]
fn checks_that_assert_nothing_end_the_proof() {
    let (code, matrix) = prove(None);
    assert_eq!(code, 0, "{matrix:#}");

    let checks = PAIRS.map(|(_, check)| check).join(",");
    let (code, matrix) = prove(Some(&checks));
    assert_eq!(code, 1, "{matrix:#}");
    for (sabotage, check) in PAIRS {
        let rows = matrix["rows"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["sabotage"] == sabotage).expect("a row");
        assert_eq!(row["verdict"], "survived", "{sabotage} without {check}: {row:#}");
        let missed = row["missed"].as_array().expect("checks that did not fail");
        assert!(
            missed.iter().all(|missed| missed["check"] == check && missed["reason"] == "it ended with PASS"),
            "{row:#}"
        );
        assert_eq!(row["attempts"], 2, "a row that does not end as declared is judged once more, alone");
    }
}

#[test]
fn the_released_runtime_holds_no_sabotage() {
    let binary = std::fs::read(runtime()).expect("the runtime");
    let sabotages = assay_conformance::proof::sabotages().expect("the table");
    let forbidden: Vec<&str> =
        sabotages.iter().map(|sabotage| sabotage.id.as_str()).chain(["--list-sabotages"]).collect();
    // All at once: one by one it would be read hundreds of times.
    let found = aho_corasick::AhoCorasick::new(&forbidden).expect("names").find(&binary);
    assert_eq!(found.map(|found| forbidden[found.pattern()]), None, "assay-runtime holds a sabotage");
}

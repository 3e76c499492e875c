//! JSONTestSuite through the reader of manifests (core.md 2.3).

use std::path::Path;

use assay_package::{Offer, parse_json};

use super::{Report, Source, is_below, name};
use crate::document;

/// Texts that every parser accepts (`y_`), that none does (`n_`), and that RFC 8259 leaves open (`i_`).
pub const JSON: Source = Source {
    name: "JSONTestSuite",
    reads: |path| is_below(path, "test_parsing") && name(path).ends_with(".json"),
    judge,
};

fn judge(path: &Path, bytes: &[u8], report: &mut Report) -> Result<(), String> {
    let depth = Offer::default().bounds.json_depth;
    let read = parse_json(bytes, depth);
    let says = || read.as_ref().map_or_else(|fault| fault.detail.clone(), |_| "it is accepted".to_owned());
    match (name(path).split('_').next(), read.is_ok()) {
        (Some("y"), true) | (Some("n"), false) => report.agreed(),
        (Some("y"), false) => report.differed(name(path), says(), clause(bytes)),
        (Some("n"), true) => report.differed(name(path), says(), None),
        (Some("i"), accepted) => report.left_out(match accepted {
            true => "that RFC 8259 leaves open, and the contract accepts",
            false => "that RFC 8259 leaves open, and the contract refuses",
        }),
        _ => return Err("the name begins with none of y_, n_ and i_".to_owned()),
    }
    Ok(())
}

/// The clause by which a text that is JSON is refused: another reader of this crate takes it for JSON in which a name comes
/// twice, or which is too deep.
fn clause(bytes: &[u8]) -> Option<&'static str> {
    let is_json = serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
    let is_strict = document::read(bytes, u64::MAX).is_some();
    let is_shallow = document::read(bytes, Offer::default().bounds.json_depth).is_some();
    match (is_json, is_strict, is_shallow) {
        (true, false, _) => Some("problems.toml, manifest-malformed: names are not repeated"),
        (true, true, false) => Some("problems.toml, manifest-malformed: depth is bounded"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::JSON;
    use crate::vectors::tests::judged;

    #[test]
    fn names_say_what_is_expected() {
        for (name, text, run, unexplained) in [
            ("y_a.json", "[1]", 1, 0),
            ("n_a.json", "[1", 1, 0),
            ("n_b.json", "[1]", 1, 1),
            ("y_b.json", "[1", 1, 1),
            ("i_a.json", "[1", 0, 0),
        ] {
            let report = judged(&JSON, &format!("test_parsing/{name}"), text);
            assert_eq!((report.run, report.unexplained().count()), (run, unexplained), "{name}");
        }
    }

    #[test]
    fn a_repeated_name_is_refused_on_purpose() {
        let report = judged(&JSON, "test_parsing/y_twice.json", "{\"a\":1,\"a\":1}");
        assert!(report.differed[0].clause.is_some_and(|clause| clause.starts_with("problems.toml")));
    }
}

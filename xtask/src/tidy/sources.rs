//! Invariants 3 and 4: defects only behind their feature, and sources that say why they exist.

use std::fs;
use std::path::{Path, PathBuf};

use crate::build::root;

/// A file longer than this wants to be a folder.
const MAX_LINES: usize = 400;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "manager", "misc"];

/// What no source may hold, and why. The words are put together here so that this file does not hold them.
const FORBIDDEN: [(&str, &str, &str); 4] = [
    ("#[", "allow(", "use #[expect(…, reason = \"…\")]"),
    ("todo", "!(", "finish it"),
    ("unimplemented", "!(", "finish it"),
    ("thread::", "sleep(", "wait for an event"),
];

/// Every source that breaks a rule.
pub fn problems() -> Vec<String> {
    let mut problems = Vec::new();
    for path in rust_files() {
        let text = fs::read_to_string(root().join(&path)).unwrap_or_default();
        let name = path.display();
        if !text.starts_with("//!") {
            problems.push(format!("{name}: does not begin with `//!` and why it exists"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            problems.push(format!("{name}: {lines} lines; more than {MAX_LINES} want to be a folder"));
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if EMPTY_NAMES.contains(&stem) {
            problems.push(format!("{name}: the name says nothing"));
        }
        for (head, tail, remedy) in FORBIDDEN {
            if text.contains(&format!("{head}{tail}")) {
                problems.push(format!("{name}: holds `{head}{tail}`: {remedy}"));
            }
        }
        if path.starts_with("runtime-under-test") && is_released(&path) {
            problems.extend(unguarded(&text).map(|line| format!("{name}:{line}: a sabotage outside of its feature")));
        }
    }
    problems
}

/// Whether the file is part of the runtime that is released: not a test, nor what holds the sabotages.
fn is_released(path: &Path) -> bool {
    path.components().all(|part| {
        let part = part.as_os_str().to_string_lossy();
        part != "tests" && !part.contains("sabotage")
    })
}

/// The lines, counted from 1, that speak of sabotage without `#[cfg(feature = "sabotage")]` on them or on one of the
/// two lines before them.
fn unguarded(text: &str) -> impl Iterator<Item = usize> + '_ {
    let lines: Vec<&str> = text.lines().collect();
    let guarded = |at: usize, lines: &[&str]| {
        lines[at.saturating_sub(2)..=at].iter().any(|line| line.contains("feature = \"sabotage\""))
    };
    (0..lines.len())
        .filter(move |&at| {
            let code = lines[at].split("//").next().unwrap_or_default();
            code.to_lowercase().contains("sabotage") && !guarded(at, &lines)
        })
        .map(|at| at + 1)
}

/// Every Rust file of the project, relative to the root.
pub fn rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root().join(&folder)).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let path = folder.join(&name);
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && name != "target" && !name.to_string_lossy().starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_without_its_feature_is_found() {
        let text = "fn a() {}\nif sabotage_is_on() {}\n";
        assert_eq!(unguarded(text).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_defect_behind_its_feature_is_not() {
        let text = "#[cfg(feature = \"sabotage\")]\npub mod sabotage;\n// sabotage in a comment\n";
        assert_eq!(unguarded(text).count(), 0);
    }
}

//! The documents name only commands that a test or CI runs.

use std::fs;

use crate::build::root;
use crate::ci::STEPS;

/// Documents whose commands are judged.
const DOCUMENTS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

/// Commands that the documents may show beside the steps of CI, and what runs them.
const DOCUMENTED: &[(&str, &str)] = &[
    ("cargo xtask ci", ".ci/run"),
    ("cargo xtask bench --quick --only", "xtask/tests/cli/commands.rs"),
    ("cargo xtask conformance", "xtask/tests/cli/commands.rs"),
    ("cargo xtask conformance --help", "xtask/tests/cli/commands.rs"),
    ("cargo xtask conformance --list", "xtask/tests/cli/commands.rs"),
    ("cargo xtask conformance --filter", "xtask/tests/cli/commands.rs"),
    ("cargo xtask conformance --target", "xtask/tests/cli/commands.rs"),
    ("cargo xtask conformance --launch", "xtask/tests/cli/commands.rs"),
    ("cargo xtask conformance --observatory", "xtask/tests/cli/commands.rs"),
    ("cargo xtask env --observatory", "xtask/tests/cli/commands.rs"),
    ("cargo xtask fixtures --out", "xtask/tests/cli/commands.rs"),
    ("cargo xtask fuzz --coverage", "xtask/tests/cli/fuzz.rs"),
    ("cargo xtask fuzz --time", "xtask/tests/cli/fuzz.rs"),
    ("cargo xtask soak --kills", "xtask/tests/cli/soak.rs"),
    ("cargo xtask vectors --dir", "xtask/tests/cli/commands.rs"),
    ("export ASSAY_ADMIN_TOKEN=for-this-walk-through", "xtask/tests/cli/walkthrough.rs"),
    ("cargo xtask package init target/greet --id", "xtask/tests/cli/walkthrough.rs"),
    ("cargo xtask package build target/greet --wasm", "xtask/tests/cli/walkthrough.rs"),
    ("cargo xtask package sign target/greet", "xtask/tests/cli/walkthrough.rs"),
    ("cargo xtask package verify target/greet", "xtask/tests/cli/walkthrough.rs"),
    ("cargo xtask package push target/greet --input", "xtask/tests/cli/walkthrough.rs"),
    ("cargo xtask prove", "cargo xtask prove --swift"),
    ("cargo xtask prove --sabotage", "xtask/tests/cli/proof.rs"),
    ("cargo run --bin assay-runtime", "xtask/tests/cli/commands.rs"),
    ("cargo test --package", "cargo test --workspace"),
];

/// Every command in a code block that nothing runs.
pub fn problems() -> Vec<String> {
    let mut problems = Vec::new();
    for document in DOCUMENTS {
        let Ok(text) = fs::read_to_string(root().join(document)) else {
            problems.push(format!("{document}: is missing"));
            continue;
        };
        for command in commands(&text) {
            let known =
                STEPS.contains(&command) || DOCUMENTED.iter().any(|(known, _)| starts_with_words(command, known));
            if !known {
                problems.push(format!("{document}: nothing runs `{command}`"));
            }
        }
    }
    problems
}

/// The lines of the `sh` blocks, without comments.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    text.split("```sh\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .flat_map(str::lines)
        .map(|line| line.split(" #").next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
}

/// The bare command is only itself: flags have lines of their own in the table.
fn starts_with_words(command: &str, known: &str) -> bool {
    match command.strip_prefix(known) {
        Some("") => true,
        Some(rest) => known.contains("--") && rest.starts_with(' '),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_sh_blocks_only() {
        let text = "x\n```sh\ncargo a # why\n\ncargo b\n```\n```json\n{}\n```\n";
        assert_eq!(commands(text).collect::<Vec<_>>(), ["cargo a", "cargo b"]);
    }

    #[test]
    fn a_flag_that_nothing_runs_is_not_covered_by_the_bare_command() {
        assert!(!starts_with_words("cargo xtask conformance --colour", "cargo xtask conformance"));
        assert!(starts_with_words("cargo xtask fixtures --out /tmp/x", "cargo xtask fixtures --out"));
    }
}

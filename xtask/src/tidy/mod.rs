//! `cargo xtask tidy`: the invariants of ARCHITECTURE.md, judged from the files. It runs as an ordinary test, too.

mod dependencies;
mod documents;
mod sources;
mod vocabulary;

use assay_conformance::proof;
use assay_harness::Exit;

use crate::prove::coverage;

/// Judges all invariants and prints what breaks them.
pub fn run() -> Exit {
    let problems = problems();
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() {
        println!("tidy: every invariant holds");
        Exit::Conformant
    } else {
        println!("tidy: {} problems", problems.len());
        Exit::NotConformant
    }
}

/// What breaks the invariants, one line each.
fn problems() -> Vec<String> {
    let mut problems = dependencies::problems();
    match proof::sabotages() {
        Ok(table) => problems.extend(coverage(table)),
        Err(fault) => problems.push(fault),
    }
    problems.extend(sources::problems());
    problems.extend(vocabulary::problems());
    problems.extend(documents::problems());
    problems
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_invariant_holds() {
        let problems = super::problems();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

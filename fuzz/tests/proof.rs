//! The proof of the fuzzers, as far as a test may take: the lists are whole, and one defect of each target is found.
#![cfg(feature = "sabotage")]

use std::collections::BTreeSet;

use assay_fuzz::{TARGETS, proof};

#[test]
fn every_defect_of_the_gates_is_planted_for_one_target() {
    let planted: Vec<&str> = TARGETS.iter().flat_map(|target| target.planted).copied().collect();
    let held: BTreeSet<&str> = assay_package::sabotages().iter().map(|sabotage| sabotage.id).collect();
    assert_eq!(planted.iter().copied().collect::<BTreeSet<_>>(), held);
    assert_eq!(planted.len(), held.len(), "one is planted twice");
}

#[test]
fn a_planted_defect_is_found_at_the_same_execution_every_time() {
    for target in TARGETS {
        let defect = target.planted[0];
        let found = [(); 2].map(|()| proof::prove(target, defect, 1).found.expect(defect));
        assert_eq!(found[0], found[1], "{defect}");
    }
}

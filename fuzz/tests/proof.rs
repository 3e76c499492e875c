//! The proof of the fuzzers, as far as a test may take: the lists are whole, and one defect of each target is found.
#![cfg(feature = "sabotage")]

use std::collections::BTreeSet;

use assay_fuzz::{TARGETS, campaign::Campaign, proof, regression};

#[test]
fn every_defect_of_the_gates_is_planted_and_none_of_the_runtime_twice() {
    let planted: Vec<&str> = TARGETS.iter().flat_map(|target| target.planted).copied().collect();
    let once: BTreeSet<&str> = planted.iter().copied().collect();
    assert_eq!(planted.len(), once.len(), "one is planted twice");
    let known: BTreeSet<&str> = assay_server::sabotages().into_iter().collect();
    assert_eq!(once.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
    let of_gates: BTreeSet<&str> = assay_package::sabotages().iter().map(|sabotage| sabotage.id).collect();
    assert_eq!(of_gates.difference(&once).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn a_planted_defect_is_found_at_the_same_execution_every_time() {
    for target in TARGETS {
        let defect = target.planted[0];
        let found = [(); 2].map(|()| proof::prove(target, defect, 1).found.expect(defect));
        assert_eq!(found[0], found[1], "{defect}");
    }
}

#[test]
fn what_is_found_becomes_a_small_file_with_a_name_that_shows_it_from_then_on() {
    // An execution of the others is a run of a handler, or several requests.
    let cheap = TARGETS.iter().filter(|target| target.budget >= 5_000);
    for target in cheap {
        let defect = target.planted[0];
        let subject = (target.subject)(Some(defect)).expect(defect);
        let mut campaign = Campaign::new(&subject, 1);
        let found = std::iter::repeat_with(|| campaign.step()).find_map(|found| found).expect(defect);
        let smallest = regression::minimise(&subject, &found.input, &found.finding);
        let folder = tempfile::tempdir().expect("a folder");
        let path = regression::keep(folder.path(), &smallest, &found.finding).expect("it can be written");
        let kind = found.finding.kind;
        assert!(path.file_name().is_some_and(|name| name.display().to_string().starts_with(kind.as_str())), "{defect}");
        let kept = std::fs::read(&path).expect("it is there");
        assert!(kept.len() <= found.input.len(), "{defect}");
        assert_eq!(subject.judge(&kept).err().map(|finding| finding.kind), Some(kind), "{defect}");
        assert!(target.honest().judge(&kept).is_ok(), "{defect}: once it is mended, it shows nothing");
    }
}

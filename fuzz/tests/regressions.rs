//! What was found once is found no more, and what every target starts from shows nothing.

use assay_fuzz::{TARGETS, regression};

#[test]
fn no_regression_shows_a_finding() {
    for target in TARGETS {
        for (path, input) in regression::all(target).expect("the folder can be read") {
            let outcome = target.honest().judge(&input);
            assert!(outcome.is_ok(), "{}: {}", path.display(), outcome.expect_err("judged"));
        }
    }
}

#[test]
fn no_seed_shows_a_finding_and_every_target_has_one_that_is_accepted() {
    for target in TARGETS {
        let subject = target.honest();
        let seen: Vec<String> = (target.seeds)()
            .iter()
            .map(|seed| {
                subject.judge(&seed.bytes).unwrap_or_else(|finding| panic!("{} {}: {finding}", target.name, seed.name))
            })
            .collect();
        let accepted = seen.iter().any(|seen| ["accepted", "valid", "true"].iter().any(|word| seen.contains(word)));
        assert!(accepted, "{}: {seen:?}", target.name);
    }
}

#[test]
fn every_folder_of_regressions_is_that_of_a_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions");
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let name = entry.expect("the folder can be read").file_name();
        assert!(TARGETS.iter().any(|target| *target.name == *name), "{}", name.display());
    }
}

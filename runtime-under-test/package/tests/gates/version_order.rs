//! The order of versions against SemVer 2.0.0, section 11, written a second time: by padding instead of by length, and by
//! identifiers as text.

use std::cmp::Ordering;

use assay_package::{Code, Gates, Version};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};

use super::world::{World, echo, publisher};

/// 11.2: numbers of whatever size, from left to right. 11.3: a pre-release comes before its release. 11.4: identifiers from left
/// to right; numbers before words; words by their ASCII letters; more of them after fewer.
fn semver(left: &str, right: &str) -> Ordering {
    let parts = |text: &str| {
        let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
        let core: Vec<String> = core.split('.').map(padded).collect();
        let rank = |identifier: &str| match identifier.chars().all(|letter| letter.is_ascii_digit()) {
            true => (0, padded(identifier)),
            false => (1, identifier.to_owned()),
        };
        // A release is after all its pre-releases.
        let pre = pre.map_or((1, Vec::new()), |pre| (0, pre.split('.').map(rank).collect::<Vec<_>>()));
        (core, pre)
    };
    parts(left).cmp(&parts(right))
}

fn padded(digits: &str) -> String {
    format!("{digits:0>64}")
}

/// Versions that are often nearly the same.
fn version() -> impl Strategy<Value = String> {
    let number = || prop::sample::select(vec!["0", "1", "2", "9", "10", "99999999999999999999"]);
    let words = ["0", "1", "2", "10", "99999999999", "a", "A", "a1", "1a", "-", "--", "alpha", "alpha-1", "01a"];
    let pre = prop::collection::vec(prop::sample::select(words.to_vec()), 0..4);
    (number(), number(), number(), pre).prop_map(|(major, minor, patch, pre)| {
        let core = format!("{major}.{minor}.{patch}");
        let pre: String = pre.join(".").chars().take(63 - core.len()).collect();
        match pre.trim_end_matches('.') {
            "" => core,
            pre => format!("{core}-{pre}"),
        }
    })
}

/// Two versions that share what comes first, or do not.
fn pair() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        (version(), version()),
        (version(), r"\.[0-9a-zA-Z-]{1,3}").prop_map(|(version, more)| {
            let longer =
                if version.contains('-') { format!("{version}{more}") } else { format!("{version}-{}", &more[1..]) };
            (version, longer)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn versions_are_in_the_order_of_semver((left, right) in pair()) {
        let (Ok(a), Ok(b)) = (left.parse::<Version>(), right.parse::<Version>()) else { return Ok(()) };
        prop_assert_eq!(a.cmp(&b), semver(&left, &right));
        prop_assert_eq!(b.cmp(&a), semver(&left, &right).reverse());
        prop_assert_eq!(a == b, left == right);
    }
}

/// An upgrade is refused as a downgrade exactly if SemVer says that it is none upwards (core.md 8.2).
fn upgrades_go_up(gates: &Gates) -> Result<(), TestError<(String, String)>> {
    let mut world = World::trusting_publisher();
    world.gates = gates.clone();
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner.run(&pair(), |(from, to)| {
        let stored = |version: &str| world.upload(&echo().version(version).build().signed(&publisher()));
        let (Ok(installed), Ok(next)) = (stored(&from), stored(&to)) else { return Ok(()) };
        let refused = world.upgrade(&installed, &next).map(drop).map_err(|refusal| refusal.code);
        let expected = if semver(&to, &from).is_gt() { Code::ChainBroken } else { Code::VersionDowngrade };
        prop_assert_eq!(refused, Err(expected), "from {} to {}", from, to);
        Ok(())
    })
}

#[test]
fn an_upgrade_goes_up_in_the_order_of_semver() {
    upgrades_go_up(&Gates::honest()).expect("the gates and SemVer agree");
}

#[cfg(feature = "sabotage")]
#[test]
fn an_order_as_text_is_noticed() {
    for defect in ["versions-ordered-as-text", "downgrades-allowed"] {
        let gates = Gates::sabotaged(defect).expect("the defect exists");
        assert!(matches!(upgrades_go_up(&gates), Err(TestError::Fail(..))), "{defect} is not noticed");
    }
}

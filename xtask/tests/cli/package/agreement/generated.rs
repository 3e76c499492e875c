//! Several things wrong at once, and nothing: manifests that nobody wrote down.

use assay_fixtures::{Behaviour, Packaging, Recipe};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};

use super::Judges;

const PLACES: [&str; 22] = [
    "/version",
    "/name",
    "/description",
    "/category",
    "/abi",
    "/module/size",
    "/input",
    "/output",
    "/input/properties/a",
    "/permissions",
    "/permissions/state",
    "/permissions/state/max_bytes",
    "/permissions/egress",
    "/permissions/egress/0",
    "/permissions/other",
    "/limits/memory_bytes",
    "/limits/timeout_ms",
    "/limits/log_bytes",
    "/limits/output_bytes",
    "/limits/egress/queue",
    "/limits/other",
    "/more",
];

fn value() -> impl Strategy<Value = Value> {
    let number =
        prop_oneof![Just(json!(0)), Just(json!(-1)), Just(json!(65536)), any::<u64>().prop_map(|value| json!(value))];
    let text = prop_oneof![
        Just(json!("core")),
        Just(json!("https://a.example.com")),
        "[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}(-[a-z0-9.-]{1,6})?".prop_map(|value| json!(value)),
        "https://[a-z*.:0-9-]{1,16}".prop_map(|value| json!(value)),
        "[ -~é]{0,12}".prop_map(|value| json!(value)),
    ];
    let schema = prop_oneof![
        Just(json!({})),
        Just(json!({ "$ref": "#" })),
        Just(json!({ "$ref": "#/properties/a" })),
        Just(json!({ "items": { "$ref": "#" } })),
        "[a-z()\\[\\]*+?|^$.\\\\]{0,8}".prop_map(|pattern| json!({ "pattern": pattern })),
        Just(json!([])),
        Just(json!(true)),
        Just(json!(null)),
    ];
    prop_oneof![number, text, schema]
}

/// What is done to a right manifest: a value at a place, or nothing there any more.
fn edits() -> impl Strategy<Value = Vec<(&'static str, Option<Value>)>> {
    let edit = (prop::sample::select(&PLACES[..]), prop::option::weighted(0.9, value()));
    prop::collection::vec(edit, 0..4)
}

#[test]
fn what_verify_accepts_the_runtime_accepts_and_what_it_refuses_verify_names() {
    let judges = Judges::new();
    // The seed is fixed: what differs is to be found here, and not by chance somewhere else.
    let config = Config { cases: 1500, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..Config::default() };
    let mut runner = TestRunner::new(config);
    let tally = std::cell::Cell::new(0_u32);
    runner
        .run(&(edits(), prop::bool::ANY), |(edits, component)| {
            let packaging = if component { Packaging::Component } else { Packaging::Core };
            let base = Recipe::new(judges.id(), Behaviour::Echo).packaging(packaging);
            let base = base.input(json!({ "properties": { "a": true } })).egress(&["https://b.example.com"]);
            // A place below a value that has no members is none.
            let below = |pointer: &str, other: &str| other.starts_with(pointer) && other.len() > pointer.len();
            let kept = edits
                .iter()
                .enumerate()
                .filter(|(at, (pointer, _))| !edits[..*at].iter().any(|(before, _)| below(before, pointer)));
            let recipe = kept.fold(base, |recipe, (_, (pointer, value))| match value {
                Some(value) => recipe.set(pointer, value.clone()),
                None => recipe.remove(pointer),
            });
            let accepted = judges.agree_about_several(&format!("{edits:?}"), &judges.signed(&recipe));
            tally.set(tally.get() + u32::from(accepted));
            Ok(())
        })
        .unwrap_or_else(|found| panic!("{found}"));
    let accepted = tally.get();
    assert!(accepted > 200, "only {accepted} were right: the generator says nothing about those");
}

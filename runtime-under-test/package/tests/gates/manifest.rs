//! Gates 2 and 3, digest and manifest.

use assay_fixtures::{Behaviour, Recipe};
use assay_package::{Bounds, Code, Feature, Offer};
use serde_json::{Value, json};

use super::world::{Place::Pointer, World, echo};

/// Refused with this value at this place, for this reason.
#[track_caller]
fn refuses(pointer: &str, value: impl Into<Value>, code: Code) {
    World::empty().refuses(&echo().set(pointer, value).build(), code, Pointer(pointer));
}

#[track_caller]
fn accepts(pointer: &str, value: impl Into<Value>) {
    World::empty().accepts(&echo().set(pointer, value).build());
}

#[test]
fn refuses_a_module_that_is_not_the_pinned_one() {
    refuses("/module/size", 9, Code::DigestMismatch);
    refuses("/module/digest", format!("sha256:{}", "0".repeat(64)), Code::DigestMismatch);
}

#[test]
fn leaves_a_pin_of_the_wrong_form_to_the_manifest_gate() {
    refuses("/module/size", "9", Code::ManifestInvalidValue);
    refuses("/module/size", 9.5, Code::ManifestInvalidValue);
    refuses("/module/digest", "sha256:0", Code::ManifestInvalidValue);
    World::empty().refuses(
        &echo().remove("/module/digest").build(),
        Code::ManifestMissingField,
        Pointer("/module/digest"),
    );
}

#[test]
fn refuses_a_missing_field() {
    for pointer in [
        "/id",
        "/version",
        "/name",
        "/category",
        "/abi",
        "/module",
        "/module/size",
        "/input",
        "/output",
        "/permissions",
        "/limits",
        "/limits/memory_bytes",
        "/limits/timeout_ms",
    ] {
        World::empty().refuses(&echo().remove(pointer).build(), Code::ManifestMissingField, Pointer(pointer));
    }
    let state = echo().set("/permissions/state", json!({})).build();
    World::empty().refuses(&state, Code::ManifestMissingField, Pointer("/permissions/state/max_bytes"));
}

#[test]
fn refuses_an_unknown_field_at_any_depth() {
    for pointer in ["/extra", "/module/extra", "/limits/extra", "/a~1b"] {
        refuses(pointer, 1, Code::ManifestUnknownField);
    }
    let state = Recipe::new("com.example.a", Behaviour::StateKeys).set("/permissions/state/extra", 1).build();
    World::empty().refuses(&state, Code::ManifestUnknownField, Pointer("/permissions/state/extra"));
}

#[test]
fn refuses_an_unknown_capability() {
    refuses("/permissions/network", json!({}), Code::CapabilityUnknown);
}

#[test]
fn refuses_what_should_be_an_object_and_is_not() {
    for pointer in ["/module", "/limits", "/permissions", "/permissions/state"] {
        refuses(pointer, json!([]), Code::ManifestInvalidValue);
    }
}

#[test]
fn refuses_texts_that_are_not_of_their_form() {
    for (pointer, value) in [
        ("/id", json!("example")),
        ("/id", json!("Com.example")),
        ("/id", json!(1)),
        ("/version", json!("1.0")),
        ("/version", json!("v1.0.0")),
        ("/version", json!("1.0.0+build")),
        ("/name", json!("")),
        ("/name", json!("a\u{7}")),
        ("/name", json!("ü".repeat(81))),
        ("/description", json!("x".repeat(1001))),
        ("/description", json!(null)),
        ("/category", json!("Tools")),
        ("/category", json!("")),
        ("/category", json!("x".repeat(33))),
        ("/abi", json!("wasm")),
        ("/abi", json!(null)),
        ("/input", json!("true")),
        ("/output", json!([])),
    ] {
        refuses(pointer, value, Code::ManifestInvalidValue);
    }
}

#[test]
fn accepts_texts_at_the_edge_of_their_form() {
    accepts("/name", "ü".repeat(80));
    accepts("/description", "ü".repeat(1000));
    accepts("/category", format!("a{}", "-9".repeat(15)));
    accepts("/version", "1.0.0-rc.1");
    accepts("/input", true);
}

#[test]
fn refuses_integers_written_with_a_fraction_or_an_exponent() {
    for (from, to, pointer) in [
        (r#""memory_bytes": 1048576"#, r#""memory_bytes": 1048576.0"#, "/limits/memory_bytes"),
        (r#""memory_bytes": 1048576"#, r#""memory_bytes": 1e6"#, "/limits/memory_bytes"),
        (r#""timeout_ms": 5000"#, r#""timeout_ms": 5E3"#, "/limits/timeout_ms"),
    ] {
        let edited = echo().edit_manifest(move |text| {
            let edited = text.replace(from, to);
            assert_ne!(edited, text, "{from}");
            edited
        });
        World::empty().refuses(&edited.build(), Code::ManifestInvalidValue, Pointer(pointer));
    }
}

#[test]
fn refuses_limits_outside_of_the_bounds_and_accepts_the_bounds() {
    let bounds = Bounds::default();
    for (pointer, least, most) in [
        ("/limits/memory_bytes", 65536, bounds.memory_bytes),
        ("/limits/timeout_ms", 1, bounds.timeout_ms),
        ("/limits/log_bytes", 0, bounds.log_bytes),
        ("/limits/output_bytes", 1, bounds.output_bytes),
        ("/permissions/state/max_bytes", 1, bounds.state_bytes),
    ] {
        let echo = |value: Value| Recipe::new("com.example.a", Behaviour::StateKeys).set(pointer, value).build();
        for outside in [json!(least - 1), json!(most + 1), json!(u64::MAX), json!(i64::MIN)] {
            World::empty().refuses(&echo(outside), Code::LimitOutOfBounds, Pointer(pointer));
        }
        World::empty().accepts(&echo(json!(most)));
        let least = if pointer == "/limits/memory_bytes" { 2 * 65536 } else { least };
        World::empty().accepts(&echo(json!(least)));
    }
}

#[test]
fn takes_a_number_past_all_machine_integers_for_out_of_bounds() {
    let huge = echo().edit_manifest(|text| text.replace("5000", "1000000000000000000000000000000000000000")).build();
    World::empty().refuses(&huge, Code::LimitOutOfBounds, Pointer("/limits/timeout_ms"));
}

#[test]
fn takes_the_bounds_for_limits_that_are_left_out() {
    let manifest = World::empty().accepts(&echo().build()).manifest;
    let bounds = Bounds::default();
    assert_eq!((manifest.limits.log_bytes, manifest.limits.output_bytes), (bounds.log_bytes, bounds.output_bytes));
    assert_eq!(manifest.limits.memory_bytes, 1_048_576);
}

#[test]
fn refuses_a_packaging_that_is_not_offered() {
    let mut world = World::empty();
    world.offer.abis.remove(&assay_package::Abi::Core);
    world.refuses(&echo().build(), Code::AbiUnsupported, Pointer("/abi"));
}

#[test]
fn refuses_a_capability_whose_feature_is_not_offered() {
    let mut offering = World::empty();
    offering.offer.features = Feature::ALL.into();
    let mut without = World::empty();
    without.offer.features.clear();
    for (pointer, value) in [
        ("/permissions/egress", json!([])),
        ("/permissions/vault", json!([])),
        ("/permissions/state", json!({ "max_bytes": 1 })),
        ("/limits/egress", json!({})),
    ] {
        let package = echo().set(pointer, value).build();
        without.refuses(&package, Code::FeatureUnsupported, Pointer(pointer));
        offering.accepts(&package);
    }
}

#[test]
fn refuses_a_rule_for_hosts_that_cannot_be_right_at_its_place() {
    let good = "https://*.example.com:8443";
    for wrong in ["http://example.com", "https://", "https://example.com/path", "https://a b", "https://*.com", "*"] {
        let package = echo().set("/permissions/egress", json!([good, wrong])).build();
        World::empty().refuses(&package, Code::EgressRuleInvalid, Pointer("/permissions/egress/1"));
    }
    let package = World::empty().accepts(&echo().set("/permissions/egress", json!([good, good])).build());
    let rules = package.manifest.permissions.egress.expect("it is declared");
    assert_eq!(rules, vec![good.parse().expect("a rule"); 2]);
}

#[test]
fn refuses_more_rules_for_hosts_than_the_bound() {
    let most = Bounds::default().egress_rules as usize;
    accepts("/permissions/egress", vec!["https://example.com"; most]);
    refuses("/permissions/egress", vec!["https://example.com"; most + 1], Code::EgressRuleInvalid);
}

#[test]
fn rules_for_hosts_are_a_list_of_texts() {
    refuses("/permissions/egress", "https://example.com", Code::ManifestInvalidValue);
    let number = echo().set("/permissions/egress", json!([1])).build();
    World::empty().refuses(&number, Code::ManifestInvalidValue, Pointer("/permissions/egress/0"));
}

#[test]
fn limits_of_egress_lie_between_their_least_and_the_bound_which_is_also_the_default() {
    let bounds = Bounds::default();
    for (name, least, most) in [
        ("requests_per_minute", 1, bounds.egress_requests_per_minute),
        ("bytes_per_minute", 1, bounds.egress_bytes_per_minute),
        ("queue", 0, bounds.egress_queue),
        ("timeout_ms", 1, bounds.egress_timeout_ms),
    ] {
        let limit = |value: u64| echo().set("/limits/egress", json!({ name: value })).build();
        let place = format!("/limits/egress/{name}");
        World::empty().accepts(&limit(least));
        World::empty().accepts(&limit(most));
        World::empty().refuses(&limit(most + 1), Code::LimitOutOfBounds, Pointer(&place));
        if least > 0 {
            World::empty().refuses(&limit(least - 1), Code::LimitOutOfBounds, Pointer(&place));
        }
    }
    let limits = World::empty().accepts(&echo().build()).manifest.limits.egress;
    assert_eq!((limits.requests_per_minute, limits.queue), (bounds.egress_requests_per_minute, bounds.egress_queue));
}

#[test]
fn judges_names_of_the_vault_by_their_form() {
    let mut world = World::empty();
    world.offer = Offer { features: Feature::ALL.into(), ..Offer::default() };
    let package = echo().set("/permissions/vault", json!(["Profile"])).build();
    world.refuses(&package, Code::ManifestInvalidValue, Pointer("/permissions/vault/0"));
}

#[test]
fn reads_an_accepted_manifest_again() {
    let world = World::empty();
    let package = world.accepts(&echo().description("Says it again.").build());
    let again = world.gates.manifest(&package.manifest_bytes, &world.offer).expect("it was accepted");
    assert_eq!(again, package.manifest);
}

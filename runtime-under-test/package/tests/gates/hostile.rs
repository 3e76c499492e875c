//! Whatever is sent, there is an answer, and it is bounded.

use assay_package::{Code, Part, Refusal};
use proptest::prelude::*;
use serde_json::json;

use super::world::{World, echo, part, parts, publisher};

/// Any of the three parts, or none of them, of any content.
fn any_part() -> impl Strategy<Value = Part> {
    let name = prop_oneof!["manifest", "module", "signature", ".*"];
    let content_type = prop_oneof![
        Just(Some("application/json".to_owned())),
        Just(Some("application/wasm".to_owned())),
        Just(Some("application/vnd.dsse+json".to_owned())),
        Just(None),
    ];
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    (name, content_type, bytes).prop_map(|(name, content_type, bytes)| Part { name, content_type, bytes })
}

fn is_bounded(refusal: &Refusal) -> bool {
    let lengths = [refusal.name.as_ref(), refusal.pointer.as_ref()].map(|text| text.map_or(0, String::len));
    refusal.detail.len() <= 400 && lengths[0] <= 200 && lengths[1] <= 1024
}

/// Replaces the byte at a place somewhere in a part.
fn with_byte(mut parts: Vec<Part>, part: usize, place: usize, byte: u8) -> Vec<Part> {
    let bytes = &mut parts[part].bytes;
    let place = place % bytes.len();
    bytes[place] = byte;
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_parts_have_an_answer(parts in prop::collection::vec(any_part(), 0..6)) {
        let refusal = World::empty().upload_parts(parts).expect_err("noise is no package");
        prop_assert!(is_bounded(&refusal), "{refusal:?}");
    }

    #[test]
    fn any_manifest_any_module_and_any_signature_have_an_answer(
        manifest in prop::collection::vec(any::<u8>(), 0..100),
        module in prop::collection::vec(any::<u8>(), 0..100),
        signature in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let package = echo().build().signed(&publisher());
        for (index, bytes) in [manifest, module, signature].into_iter().enumerate() {
            let mut parts = parts(&package);
            parts[index].bytes = bytes;
            let refusal = World::trusting_publisher().upload_parts(parts).expect_err("noise is no part");
            prop_assert!(is_bounded(&refusal), "{refusal:?}");
        }
    }

    #[test]
    fn one_byte_changed_anywhere_is_refused(part in 0_usize..3, place: usize, byte: u8) {
        let package = echo().build().signed(&publisher());
        let right = parts(&package);
        let changed = with_byte(right.clone(), part, place, byte);
        // Only the JSON around the signed payload could be written differently and mean the same.
        let outcome = World::trusting_publisher().upload_parts(changed.clone());
        prop_assert!(changed == right || part == 2 || outcome.is_err());
    }

    #[test]
    fn a_module_with_any_byte_changed_has_an_answer(place: usize, byte: u8, component: bool) {
        let packaging = if component { assay_fixtures::Packaging::Component } else { assay_fixtures::Packaging::Core };
        let package = echo().packaging(packaging).edit_module(move |mut module| {
            let place = place % module.len();
            module[place] = byte;
            module
        });
        if let Err(refusal) = World::empty().upload(&package.build()) {
            prop_assert!(is_bounded(&refusal), "{refusal:?}");
        }
    }
}

#[test]
fn a_name_as_long_as_the_manifest_is_cut_in_the_answer() {
    let name = "\u{1b}x".repeat(20_000);
    let package = echo().set("/limits", json!({ name: 1, "memory_bytes": 65536, "timeout_ms": 1 })).build();
    let mut world = World::empty();
    world.offer.bounds.manifest_bytes = 1 << 20;
    let refusal = world.upload(&package).expect_err("it is unknown");
    assert_eq!((refusal.code, refusal.pointer.as_deref()), (Code::ManifestUnknownField, Some("/limits")));
    assert!(is_bounded(&refusal));
}

#[test]
fn a_part_s_name_is_cut_in_the_answer() {
    let mut sent = parts(&echo().build());
    sent.push(part(&"\n".repeat(100_000), "text/plain", b""));
    let refusal = World::empty().upload_parts(sent).expect_err("it is unknown");
    assert!(is_bounded(&refusal));
    assert!(!refusal.name.expect("it has one").contains('\n'));
}

#[test]
fn nesting_a_million_levels_deep_has_an_answer() {
    let mut sent = parts(&echo().build());
    sent[0].bytes = vec![b'['; 60_000];
    let refusal = World::empty().upload_parts(sent).expect_err("it is too deep");
    assert_eq!(refusal.code, Code::ManifestMalformed);
}

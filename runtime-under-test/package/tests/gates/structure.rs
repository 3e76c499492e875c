//! Gate 1, structure.

use assay_fixtures::Envelope;
use assay_package::{Bounds, Code, Part};
use serde_json::json;

use super::world::{
    Place::{Name, Nowhere, Pointer},
    World, echo, part, parts, publisher, refused,
};

#[track_caller]
fn refuses(edit: impl FnOnce(&mut Vec<Part>), code: Code, name: &str) {
    let world = World::trusting_publisher();
    let mut parts = parts(&echo().build().signed(&publisher()));
    world.upload_parts(parts.clone()).expect("the twin is accepted");
    edit(&mut parts);
    refused(world.upload_parts(parts).map(drop), code, Name(name));
}

#[test]
fn refuses_an_unknown_part() {
    refuses(|parts| parts.push(part("readme", "text/plain", b"")), Code::PartUnknown, "readme");
    refuses(|parts| parts[0].name = "Manifest".into(), Code::PartUnknown, "Manifest");
}

#[test]
fn refuses_a_repeated_part() {
    refuses(|parts| parts.push(parts[0].clone()), Code::PartRepeated, "manifest");
    refuses(|parts| parts.push(parts[1].clone()), Code::PartRepeated, "module");
}

#[test]
fn refuses_more_signatures_than_the_bound() {
    let most = usize::try_from(Bounds::default().signatures).expect("small");
    let world = World::trusting_publisher();
    let times = |count: usize| (0..count).fold(echo().build(), |package, _| package.signed(&publisher()));
    world.accepts(&times(most));
    world.refuses(&times(most + 1), Code::PartRepeated, Name("signature"));
}

#[test]
fn refuses_a_part_of_another_media_type() {
    refuses(|parts| parts[0].content_type = None, Code::PartMediaType, "manifest");
    refuses(|parts| parts[1].content_type = Some("application/octet-stream".into()), Code::PartMediaType, "module");
    refuses(|parts| parts[2].content_type = Some("application/json".into()), Code::PartMediaType, "signature");
}

#[test]
fn ignores_parameters_and_case_of_media_types() {
    let mut parts = parts(&echo().build());
    parts[0].content_type = Some("Application/JSON; charset=utf-8".into());
    World::empty().upload_parts(parts).expect("it is accepted");
}

#[test]
fn refuses_a_part_above_its_bound() {
    let bounds = Bounds::default();
    for (index, name, bound) in [
        (0, "manifest", bounds.manifest_bytes),
        (1, "module", bounds.module_bytes),
        (2, "signature", bounds.envelope_bytes),
    ] {
        let size = usize::try_from(bound).expect("small") + 1;
        refuses(|parts| parts[index].bytes = vec![b' '; size], Code::PartTooLarge, name);
    }
}

#[test]
fn accepts_a_manifest_of_exactly_the_bound() {
    let bound = usize::try_from(Bounds::default().manifest_bytes).expect("small");
    let package = echo().edit_manifest(move |text| format!("{text}{}", " ".repeat(bound - text.len()))).build();
    assert_eq!(package.manifest.len(), bound);
    World::empty().accepts(&package);
}

#[test]
fn refuses_a_missing_part() {
    refuses(|parts| drop(parts.remove(0)), Code::PartMissing, "manifest");
    refuses(|parts| drop(parts.remove(1)), Code::PartMissing, "module");
    refuses(Vec::clear, Code::PartMissing, "manifest");
}

#[test]
fn refuses_a_manifest_that_is_not_one_json_object() {
    for (text, place) in [
        ("", Nowhere),
        ("[]", Pointer("")),
        ("\u{feff}{}", Nowhere),
        ("{} {}", Nowhere),
        (r#"{"id":1,"id":2}"#, Pointer("/id")),
        (r#"{"input":{"a":[{"x":1,"x":1}]}}"#, Pointer("/input/a/0/x")),
    ] {
        World::empty().refuses(&echo().edit_manifest(move |_| text.into()).build(), Code::ManifestMalformed, place);
    }
    let not_utf8 = echo().edit_manifest_bytes(|_| vec![b'"', 0xff, b'"']).build();
    World::empty().refuses(&not_utf8, Code::ManifestMalformed, Nowhere);
}

#[test]
fn bounds_the_depth_of_a_manifest() {
    let depth = usize::try_from(Bounds::default().json_depth).expect("small");
    // The manifest is one level, the schema another one; `const` holds any value.
    let nested = |levels: usize| {
        let value: serde_json::Value = (0..levels).fold(json!(0), |inner, _| json!([inner]));
        echo().input(json!({ "const": value })).build()
    };
    World::empty().accepts(&nested(depth - 2));
    let place = format!("/input/const{}", "/0".repeat(depth - 2));
    World::empty().refuses(&nested(depth - 1), Code::ManifestMalformed, Pointer(&place));
}

/// An upload with this envelope is malformed at this place; with the right one it is accepted.
#[track_caller]
fn malformed(edit: impl FnOnce(Envelope) -> Envelope, pointer: Option<&str>) {
    let package = echo().build();
    let statement =
        assay_fixtures::Statement::of(&package.subject(), &package.digest(), &assay_fixtures::Release::valid());
    let right = Envelope::new(assay_fixtures::PAYLOAD_TYPE, statement.to_bytes()).signed_by(&publisher());
    let world = World::trusting_publisher();
    world.accepts(&package.clone().with_signature(right.to_bytes()));
    let place = pointer.map_or(Nowhere, Pointer);
    world.refuses(&package.with_signature(edit(right).to_bytes()), Code::EnvelopeMalformed, place);
}

#[test]
fn refuses_an_envelope_with_a_member_missing_unknown_or_wrong() {
    malformed(|envelope| envelope.remove("/payload"), Some("/payload"));
    malformed(|envelope| envelope.remove("/payloadType"), Some("/payloadType"));
    malformed(|envelope| envelope.remove("/signatures"), Some("/signatures"));
    malformed(|envelope| envelope.remove("/signatures/0/sig"), Some("/signatures/0/sig"));
    malformed(|envelope| envelope.set("/extra", 1), Some("/extra"));
    malformed(|envelope| envelope.set("/signatures/0/extra", 1), Some("/signatures/0/extra"));
    malformed(|envelope| envelope.set("/signatures/0/keyid", 1), Some("/signatures/0/keyid"));
    malformed(|envelope| envelope.set("/payloadType", "application/json"), Some("/payloadType"));
    malformed(|envelope| envelope.set("/payload", "e30"), Some("/payload"));
    malformed(|envelope| envelope.set("/payload", "-_+/"), Some("/payload"));
    malformed(|envelope| envelope.set("/signatures/0/sig", "not base64"), Some("/signatures/0/sig"));
    malformed(|envelope| envelope.set("/signatures", json!([])), Some("/signatures"));
    malformed(|envelope| envelope.set("/signatures", json!([1])), Some("/signatures/0"));
}

#[test]
fn refuses_more_signatures_in_an_envelope_than_the_bound() {
    let most = Bounds::default().signatures;
    malformed(|envelope| (0..most).fold(envelope, |envelope, _| envelope.signed_by(&publisher())), Some("/signatures"));
}

#[test]
fn refuses_a_payload_that_is_not_json() {
    malformed(|_| Envelope::new(assay_fixtures::PAYLOAD_TYPE, b"no".to_vec()).signed_by(&publisher()), None);
}

/// The same for an edit of the statement, signed after the edit.
#[track_caller]
fn misstated(pointer: &str, value: Option<serde_json::Value>, place: &str) {
    let package = echo().build();
    let statement =
        assay_fixtures::Statement::of(&package.subject(), &package.digest(), &assay_fixtures::Release::valid());
    let statement = match value {
        Some(value) => statement.set(pointer, value),
        None => statement.remove(pointer),
    };
    let envelope = Envelope::new(assay_fixtures::PAYLOAD_TYPE, statement.to_bytes()).signed_by(&publisher());
    let package = package.with_signature(envelope.to_bytes());
    World::trusting_publisher().refuses(&package, Code::EnvelopeMalformed, Pointer(place));
}

#[test]
fn refuses_a_statement_with_a_member_missing() {
    for pointer in [
        "/_type",
        "/subject",
        "/predicateType",
        "/predicate",
        "/subject/0/name",
        "/subject/0/digest",
        "/subject/0/digest/sha256",
        "/predicate/issued_at",
        "/predicate/expires_at",
        "/predicate/previous",
    ] {
        misstated(pointer, None, pointer);
    }
}

#[test]
fn refuses_a_statement_with_a_member_unknown() {
    for pointer in ["/extra", "/subject/0/extra", "/subject/0/digest/sha512", "/predicate/extra"] {
        misstated(pointer, Some(json!("x")), pointer);
    }
}

#[test]
fn refuses_a_statement_with_a_member_of_the_wrong_form() {
    let subject = json!({ "name": "a", "digest": { "sha256": "0".repeat(64) } });
    for (pointer, value) in [
        ("/_type", json!("https://in-toto.io/Statement/v0.1")),
        ("/predicateType", json!("urn:assay:release:0.2")),
        ("/subject", json!([])),
        ("/subject", json!([subject, subject])),
        ("/subject/0/digest/sha256", json!("ABCD")),
        ("/predicate/issued_at", json!("2026-01-01T00:00:00+00:00")),
        ("/predicate/expires_at", json!(1)),
        ("/predicate/expires_at", json!("2000-01-01T00:00:00Z")),
        ("/predicate/previous", json!("sha256:0")),
        ("/predicate/previous", json!(false)),
    ] {
        misstated(pointer, Some(value), pointer);
    }
}

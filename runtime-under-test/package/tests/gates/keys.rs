//! What makes a key one that can be trusted.

use assay_fixtures::hostile_keys;
use assay_package::{Code, Gates, HandlerId, KeyRequest, KeyRole, Refusal, RegistryKey, Scope, TrustedKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::world::{Place::Pointer, publisher, refused};

fn request(public_key: String, role: KeyRole, scope: &[&str]) -> Result<TrustedKey, Refusal> {
    Gates::honest().trusted_key(&KeyRequest {
        name: "a-key".parse().expect("a name"),
        public_key,
        role,
        scope: scope.iter().map(|entry| (*entry).to_owned()).collect(),
        not_after: None,
    })
}

#[test]
fn accepts_what_a_key_generator_makes() {
    let key = request(publisher().public_base64(), KeyRole::Publisher, &["com.example.*", "org.example.a"]);
    assert_eq!(key.expect("right").public_key.as_bytes(), &publisher().public_key());
}

#[test]
fn refuses_what_is_not_32_bytes_of_base64() {
    let right = publisher().public_base64();
    for wrong in [
        String::new(),
        "%".into(),
        right.trim_end_matches('=').into(),
        STANDARD.encode([1; 31]),
        STANDARD.encode([1; 33]),
    ] {
        refused(request(wrong, KeyRole::Publisher, &["a.b"]).map(drop), Code::KeyInvalid, Pointer("/public_key"));
    }
}

#[test]
fn refuses_points_of_small_order() {
    for point in hostile_keys::small_order() {
        let outcome = request(STANDARD.encode(point), KeyRole::Publisher, &["a.b"]).map(drop);
        refused(outcome, Code::KeyInvalid, Pointer("/public_key"));
    }
}

#[test]
fn refuses_encodings_that_are_not_canonical() {
    let keys = hostile_keys::non_canonical_keys().into_iter();
    for bytes in keys.chain([hostile_keys::non_canonical_full_order_key(), hostile_keys::not_a_point()]) {
        let outcome = request(STANDARD.encode(bytes), KeyRole::Publisher, &["a.b"]).map(drop);
        refused(outcome, Code::KeyInvalid, Pointer("/public_key"));
    }
}

#[test]
fn refuses_a_scope_that_is_empty_or_too_long() {
    for count in [0, 33] {
        let outcome = request(publisher().public_base64(), KeyRole::Publisher, &vec!["a.b"; count]).map(drop);
        refused(outcome, Code::KeyInvalid, Pointer("/scope"));
    }
    assert!(request(publisher().public_base64(), KeyRole::Publisher, &["a.b"; 32]).is_ok());
}

#[test]
fn refuses_entries_that_are_neither_an_id_nor_a_prefix() {
    for wrong in ["", "com", "*.example", "com.*.a", "com.example*", "com.example.", ".*", "**", "Com.*", "com.-.*"] {
        let outcome = request(publisher().public_base64(), KeyRole::Publisher, &["a.b", wrong]).map(drop);
        refused(outcome, Code::KeyInvalid, Pointer("/scope/1"));
    }
}

#[test]
fn only_a_registry_may_sign_for_all() {
    let outcome = request(publisher().public_base64(), KeyRole::Publisher, &["*"]).map(drop);
    refused(outcome, Code::KeyInvalid, Pointer("/scope/0"));
    assert!(request(publisher().public_base64(), KeyRole::Registry, &["*"]).is_ok());
}

#[test]
fn a_prefix_covers_what_is_below_and_nothing_else() {
    let scope: Scope = "com.example.*".parse().expect("right");
    let covers = |id: &str| scope.covers(&id.parse::<HandlerId>().expect(id));
    assert!(covers("com.example.a") && covers("com.example.a.b"));
    assert!(!covers("com.example") && !covers("com.examples.a") && !covers("org.example.a"));
}

#[test]
fn the_registry_key_is_a_right_key() {
    let key = RegistryKey::from_seed(&[9; 32]).public_key();
    assert!(request(key.to_string(), KeyRole::Registry, &["*"]).is_ok());
    let trusted = TrustedKey::registry(key);
    assert!(trusted.covers(&"com.example.a".parse().expect("an id")));
}

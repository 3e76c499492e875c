//! Defects of signatures, keys and chains.

use assay_fixtures::{Behaviour, Envelope, Key, PAYLOAD_TYPE, Package, Recipe, Release, Statement, hostile_keys, pae};
use assay_package::{Gates, KeyRequest, KeyRole};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;

use super::{
    super::world::{World, echo, publisher},
    accepts, signed, world,
};

#[test]
fn signature() {
    let other = Key::from_seed([2; 32]);
    accepts("signatures-unverified", &signed(|envelope| envelope.signed_by(&other)));
    accepts("one-good-envelope-suffices", &echo().build().signed(&publisher()).signed(&other));
    let over = |message: &dyn Fn(&[u8]) -> Vec<u8>| {
        let package = echo().build();
        let statement = Statement::of(&package.subject(), &package.digest(), &Release::valid()).to_bytes();
        let envelope = Envelope::new(PAYLOAD_TYPE, statement.clone());
        let envelope = envelope.signature(publisher().sign(&message(&statement)).to_vec());
        package.with_signature(envelope.to_bytes())
    };
    accepts("signatures-over-the-payload", &over(&|payload| payload.to_vec()));
    accepts("signatures-over-any-type", &over(&|payload| pae("application/json", payload)));
    accepts(
        "signatures-verified-laxly",
        &signed(|envelope| {
            let signature = hostile_keys::s_plus_l(publisher().sign(&envelope.pae()));
            envelope.signature(signature.to_vec())
        }),
    );
    for (id, subject, digest) in [
        ("subject-name-unchecked", "com.example.other@1.0.0".to_owned(), echo().build().digest()),
        ("subject-digest-unchecked", echo().build().subject(), format!("sha256:{}", "0".repeat(64))),
    ] {
        let envelope = assay_fixtures::sign_digest(&subject, &digest, &publisher(), &Release::valid());
        accepts(id, &echo().build().with_signature(envelope));
    }
    let issued = World::empty().now + SignedDuration::from_hours(1);
    let future = echo().build().signed_with(&publisher(), Release::valid().issued_at(issued));
    accepts("issue-date-unchecked", &future);
    accepts("expiry-unchecked-at-upload", &future);
}

#[test]
fn a_keyid_that_names_another_trusted_key_is_believed() {
    let other = Key::from_seed([2; 32]);
    let package = signed(|envelope| envelope.signed_by_with_keyid(&publisher(), other.name()));
    let honest = World::trusting_publisher().trusting(&other, &["com.*"], None);
    honest.accepts(&package);
    let believing = world("keyid-believed").trusting(&other, &["com.*"], None);
    assert!(believing.upload(&package).is_err());
}

#[test]
fn scopes_and_ends_of_keys() {
    let package = Recipe::new("com.examples.echo", Behaviour::Echo).build().signed(&publisher());
    for id in ["scope-matched-as-text", "scope-unchecked"] {
        let mut world = World::empty().trusting(&publisher(), &["com.example.*"], None);
        assert!(world.upload(&package).is_err(), "the honest list accepts {id}");
        world.gates = Gates::sabotaged(id).expect(id);
        world.accepts(&package);
    }
    let mut ended = World::empty();
    let end = ended.now;
    ended = ended.trusting(&publisher(), &["com.*"], Some(end));
    assert!(ended.upload(&package).is_err());
    ended.gates = Gates::sabotaged("key-end-unchecked").expect("it is there");
    ended.accepts(&package);
}

fn request(public_key: [u8; 32], scope: &[&str]) -> KeyRequest {
    KeyRequest {
        name: "a-key".parse().expect("a name"),
        public_key: STANDARD.encode(public_key),
        role: KeyRole::Publisher,
        scope: scope.iter().map(|entry| (*entry).to_owned()).collect(),
        not_after: None,
    }
}

#[test]
fn keys() {
    let weak = Gates::sabotaged("weak-keys-accepted").expect("it is there");
    for point in [hostile_keys::small_order(), hostile_keys::non_canonical_keys()].concat() {
        assert!(Gates::honest().trusted_key(&request(point, &["a.b"])).is_err());
        assert!(weak.trusted_key(&request(point, &["a.b"])).is_ok(), "{point:?}");
    }
    let any_scope = Gates::sabotaged("scopes-unchecked").expect("it is there");
    for scope in [&["*"][..], &[], &["no id"], &["a.b"; 33]] {
        assert!(Gates::honest().trusted_key(&request(publisher().public_key(), scope)).is_err());
        assert!(any_scope.trusted_key(&request(publisher().public_key(), scope)).is_ok(), "{scope:?}");
    }
}

#[test]
fn chain_and_signers() {
    let following = |version: &str, previous: Option<&Package>| {
        let valid = Release::valid();
        let terms = previous.map_or(valid.clone(), |previous| valid.previous(previous.digest()));
        echo().version(version).build().signed_with(&publisher(), terms)
    };
    let first = following("1.9.0", None);
    let second = following("1.10.0", Some(&first));
    let third = following("1.11.0", Some(&second));
    accepts("previous-unchecked", &second);
    let upgrades = |id: &str, from: &Package, to: &Package| {
        let outcome = |gates| {
            let mut world = World::trusting_publisher();
            let [first, second, third] = [&first, &second, &third].map(|package| world.store(package));
            let stored = [first, second, third, world.store(&following("2.0.0", None))];
            let find = |package: &Package| {
                let digest = package.digest();
                stored.iter().find(|stored| stored.digest.to_string() == digest).expect("it is stored")
            };
            world.gates = gates;
            world.upgrade(find(from), find(to)).is_ok()
        };
        (outcome(Gates::honest()), outcome(Gates::sabotaged(id).expect(id)))
    };
    assert_eq!(upgrades("chain-followed-one-step", &first, &third), (true, false));
    assert_eq!(upgrades("versions-ordered-as-text", &first, &second), (true, false));
}

//! Gate 5, signature, and who is listed as a signer.

use assay_fixtures::{Envelope, Key, PAYLOAD_TYPE, Release, Statement, hostile_keys, pae};
use assay_package::{Code, Moment, Package, RegistryKey, Terms, TrustedKey};
use jiff::SignedDuration;

use super::world::{
    Place::{Name, Nowhere, Pointer},
    World, echo, publisher, refused, release,
};

fn statement(package: &assay_fixtures::Package) -> Statement {
    Statement::of(&package.subject(), &package.digest(), &Release::valid())
}

fn envelope(package: &assay_fixtures::Package) -> Envelope {
    Envelope::new(PAYLOAD_TYPE, statement(package).to_bytes())
}

fn with(edit: impl FnOnce(Envelope) -> Envelope) -> assay_fixtures::Package {
    let package = echo().build();
    let bytes = edit(envelope(&package)).to_bytes();
    package.with_signature(bytes)
}

const LATER: [Moment; 3] = [Moment::Install, Moment::Upgrade, Moment::Execute];

#[test]
fn accepts_a_signature_by_a_trusted_key() {
    let world = World::trusting_publisher();
    let package = world.store(&echo().build().signed(&publisher()));
    for moment in LATER {
        world.admit(moment, &package).expect("it is signed");
    }
}

#[test]
fn accepts_the_url_safe_alphabet() {
    World::trusting_publisher().accepts(&with(|envelope| envelope.url_safe().signed_by(&publisher())));
}

#[test]
fn refuses_a_key_that_is_not_trusted() {
    let package = echo().build().signed(&publisher());
    World::empty().refuses(&package, Code::SignatureInvalid, Nowhere);
    World::empty().trusting(&Key::from_seed([2; 32]), &["com.*"], None).refuses(
        &package,
        Code::SignatureInvalid,
        Nowhere,
    );
}

#[test]
fn refuses_a_signature_over_other_bytes() {
    let world = World::trusting_publisher();
    let payload = statement(&echo().build()).to_bytes();
    for message in [payload.clone(), pae("application/json", &payload), pae(PAYLOAD_TYPE, b"{}")] {
        let package = with(|envelope| envelope.signature(publisher().sign(&message).to_vec()));
        world.refuses(&package, Code::SignatureInvalid, Nowhere);
    }
}

#[test]
fn refuses_signatures_of_another_length() {
    for length in [0, 63, 65] {
        let package = with(|envelope| envelope.signature(vec![0; length]));
        World::trusting_publisher().refuses(&package, Code::SignatureInvalid, Nowhere);
    }
}

#[test]
fn refuses_what_only_a_lax_verifier_accepts() {
    let package = echo().build();
    let unsigned = envelope(&package);
    let message = unsigned.pae();
    for signature in [
        hostile_keys::s_plus_l(publisher().sign(&message)),
        hostile_keys::small_order_r_signature(&publisher(), &message),
        hostile_keys::non_canonical_r_signature(&publisher(), &message),
        hostile_keys::identity_signature(),
    ] {
        let envelope = unsigned.clone().signature(signature.to_vec()).to_bytes();
        let package = package.clone().with_signature(envelope);
        World::trusting_publisher().refuses(&package, Code::SignatureInvalid, Nowhere);
    }
}

#[test]
fn one_of_several_signatures_is_enough_and_keyid_means_nothing() {
    let world = World::trusting_publisher();
    world.accepts(&with(|envelope| envelope.signature(vec![0; 64]).signed_by(&publisher())));
    world.accepts(&with(|envelope| envelope.signed_by_with_keyid(&publisher(), "somebody else")));
    let other = Key::from_seed([2; 32]);
    let forged = with(|envelope| envelope.signed_by_with_keyid(&other, publisher().name()));
    world.refuses(&forged, Code::SignatureInvalid, Nowhere);
}

#[test]
fn refuses_a_key_out_of_scope_by_name() {
    let name = publisher().name();
    for scope in ["org.*", "com.example.echo.*", "com.example.other", "com.exam.*"] {
        let world = World::empty().trusting(&publisher(), &[scope], None);
        world.refuses(&echo().build().signed(&publisher()), Code::KeyOutOfScope, Name(&name));
    }
    for scope in ["com.*", "com.example.*", "com.example.echo"] {
        World::empty().trusting(&publisher(), &["a.b", scope], None).accepts(&echo().build().signed(&publisher()));
    }
}

#[test]
fn refuses_a_key_that_has_ended_by_name() {
    let now = World::empty().now;
    let until = |end| {
        let mut world = World::empty().trusting(&publisher(), &["com.*"], Some(end));
        world.now = now;
        world
    };
    let package = echo().build().signed(&publisher());
    let name = publisher().name();
    until(now).refuses(&package, Code::KeyExpired, Name(&name));
    until(now + SignedDuration::from_nanos(1)).accepts(&package);
}

#[test]
fn scope_is_judged_before_the_end_of_a_key() {
    let world = World::empty().trusting(&publisher(), &["org.*"], Some(World::empty().now));
    world.refuses(&echo().build().signed(&publisher()), Code::KeyOutOfScope, Name(&publisher().name()));
}

#[test]
fn refuses_a_statement_about_another_package() {
    let package = echo().build();
    let world = World::trusting_publisher();
    for (subject, digest, place) in [
        ("com.example.echo@1.0.1", package.digest(), "/subject/0/name"),
        ("com.example.other@1.0.0", package.digest(), "/subject/0/name"),
        ("com.example.echo@1.0.0", format!("sha256:{}", "0".repeat(64)), "/subject/0/digest/sha256"),
    ] {
        let envelope = assay_fixtures::sign_digest(subject, &digest, &publisher(), &Release::valid());
        world.refuses(&package.clone().with_signature(envelope), Code::SubjectMismatch, Pointer(place));
    }
}

#[test]
fn an_unsigned_package_is_stored_and_goes_no_further() {
    let world = World::trusting_publisher();
    let package = world.store(&echo().build());
    for moment in LATER {
        refused(world.admit(moment, &package).map(drop), Code::SignatureMissing, Nowhere);
    }
}

#[test]
fn at_upload_every_envelope_must_pass() {
    let other = Key::from_seed([2; 32]);
    let world = World::trusting_publisher();
    world.refuses(&echo().build().signed(&publisher()).signed(&other), Code::SignatureInvalid, Nowhere);
    world.refuses(&echo().build().signed(&other).signed(&publisher()), Code::SignatureInvalid, Nowhere);
}

#[test]
fn later_one_envelope_is_enough_and_else_the_first_one_s_problem_counts() {
    let other = Key::from_seed([2; 32]);
    let world = World::trusting_publisher().trusting(&other, &["com.*"], None);
    let package = world.store(&echo().build().signed(&publisher()).signed(&other));
    World::empty().trusting(&other, &["com.*"], None).admit(Moment::Execute, &package).expect("one is left");
    let out_of_scope = World::empty().trusting(&publisher(), &["org.*"], None);
    let outcome = out_of_scope.admit(Moment::Execute, &package).map(drop);
    refused(outcome, Code::KeyOutOfScope, Name(&publisher().name()));
    refused(World::empty().admit(Moment::Execute, &package).map(drop), Code::SignatureInvalid, Nowhere);
}

#[test]
fn an_admission_ends_with_the_statement_or_the_key_whichever_is_first() {
    let now = World::empty().now;
    let expires_at = now + SignedDuration::from_hours(2);
    let end_of_key = now + SignedDuration::from_hours(1);
    let package = echo().build().signed_with(&publisher(), Release::valid().expires_at(expires_at));
    let stored = World::trusting_publisher().store(&package);
    let until = |world: World| world.admit(Moment::Execute, &stored).expect("it is signed").valid_until;
    assert_eq!(until(World::trusting_publisher()), expires_at);
    assert_eq!(until(World::empty().trusting(&publisher(), &["com.*"], Some(end_of_key))), end_of_key);
}

fn signers(world: &World, package: &Package) -> Vec<String> {
    let signers = world.under(|circumstances| world.gates.signers(release(package), circumstances));
    signers.into_iter().map(|signer| signer.key.to_string()).collect()
}

#[test]
fn a_key_is_listed_once_however_often_it_signs() {
    let other = Key::from_seed([2; 32]);
    let world = World::trusting_publisher().trusting(&other, &["com.*"], None);
    let twice = with(|envelope| envelope.signed_by(&publisher()).signed_by(&publisher()));
    let package = world.store(&twice.signed(&other).signed(&publisher()));
    assert_eq!(signers(&world, &package), [publisher().name(), other.name()]);
}

#[test]
fn the_registry_s_own_envelope_passes_every_gate() {
    let registry = RegistryKey::from_seed(&[9; 32]);
    let mut world = World::empty();
    world.keys.push(TrustedKey::registry(registry.public_key()));
    let mut package = world.store(&echo().build());
    let terms = Terms { issued_at: world.now, expires_at: world.now + SignedDuration::from_hours(1), previous: None };
    let made = registry.sign_release(&release(&package), &terms);
    let read = world.gates.envelope(made.bytes(), &world.offer).expect("it is an envelope");
    assert_eq!(read, made);
    package.envelopes.push(read);
    world.admit(Moment::Install, &package).expect("it is signed");
    assert_eq!(signers(&world, &package), ["registry"]);
}

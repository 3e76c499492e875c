//! The deliberate defects do what they say: what the honest list refuses, the sabotaged one accepts, and a right package
//! passes both.

use assay_fixtures::{Behaviour, Envelope, Flaw, PAYLOAD_TYPE, Package, Packaging, Recipe, Release, Statement};
use assay_package::{Gates, Part, sabotages};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::world::{World, echo, part, parts, publisher};

mod releases;

fn world(id: &str) -> World {
    let mut world = World::trusting_publisher();
    world.gates = Gates::sabotaged(id).expect(id);
    world
}

#[track_caller]
fn accepts(id: &str, package: &Package) {
    accepts_parts(id, parts(package));
}

#[track_caller]
fn accepts_parts(id: &str, parts: Vec<Part>) {
    assert!(World::trusting_publisher().upload_parts(parts.clone()).is_err(), "the honest list accepts {id}");
    world(id).upload_parts(parts).unwrap_or_else(|refusal| panic!("{id}: {refusal:?}"));
}

fn edited(edit: impl Fn(&str) -> String + Send + Sync + 'static) -> Package {
    echo().edit_manifest(edit).build()
}

fn flawed(flaw: Flaw) -> Package {
    echo().flaw(flaw).build()
}

fn signed(sign: impl FnOnce(Envelope) -> Envelope) -> Package {
    let package = echo().build();
    let statement = Statement::of(&package.subject(), &package.digest(), &Release::valid());
    let envelope = sign(Envelope::new(PAYLOAD_TYPE, statement.to_bytes()));
    package.with_signature(envelope.to_bytes())
}

/// A package whose signature cannot be written in the standard alphabet: one of sixteen can, so the times differ until
/// one cannot.
fn url_safe() -> Package {
    let package = echo().build();
    let envelopes = (1..).map(|minutes| {
        let release = Release::valid().issued_at(Timestamp::now() - SignedDuration::from_mins(minutes));
        let statement = Statement::of(&package.subject(), &package.digest(), &release);
        Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(&publisher()).url_safe().to_bytes()
    });
    let needs_it = |bytes: &Vec<u8>| {
        let envelope: Value = serde_json::from_slice(bytes).expect("an envelope");
        envelope["signatures"][0]["sig"].as_str().expect("a signature").contains(['-', '_'])
    };
    let envelope = envelopes.take(64).find(needs_it).expect("64 signatures that the standard alphabet can write");
    package.with_signature(envelope)
}

#[test]
fn a_right_package_passes_every_list_but_those_that_refuse_too_much() {
    let too_strict = ["every-signature-refused"];
    for sabotage in sabotages().iter().filter(|sabotage| !too_strict.contains(&sabotage.id)) {
        for packaging in [Packaging::Core, Packaging::Component] {
            let package = echo().packaging(packaging).build().signed(&publisher());
            world(sabotage.id).upload(&package).unwrap_or_else(|refusal| panic!("{}: {refusal:?}", sabotage.id));
        }
    }
}

#[test]
fn lists_that_are_too_strict_refuse_what_is_right() {
    let at_the_bound = echo().limit("timeout_ms", 30_000).build();
    for (id, package) in [
        ("every-signature-refused", echo().build().signed(&publisher())),
        ("prereleases-refused", echo().version("1.0.0-rc.1").build()),
        ("limits-at-the-bound-refused", at_the_bound),
        ("url-safe-base64-refused", url_safe()),
    ] {
        World::trusting_publisher().accepts(&package);
        assert!(world(id).upload(&package).is_err(), "{id}");
    }
}

#[test]
fn structure() {
    let right = parts(&echo().build());
    let with = |more: Part| [right.clone(), vec![more]].concat();
    accepts_parts("unknown-parts-ignored", with(part("readme", "text/plain", b"")));
    accepts_parts("last-part-wins", [vec![part("manifest", "application/json", b"no")], right.clone()].concat());
    let mut untyped = right.clone();
    untyped[1].content_type = None;
    accepts_parts("part-types-ignored", untyped);
    accepts("part-bounds-ignored", &edited(|text| format!("{text}{}", " ".repeat(70_000))));
    accepts("manifest-byte-order-mark-skipped", &edited(|text| format!("\u{feff}{text}")));
    accepts("manifest-trailing-bytes-ignored", &edited(|text| format!("{text} trailing")));
    accepts("manifest-names-may-repeat", &edited(|text| text.replacen('{', r#"{"id":"com.first","#, 1)));
    let deep = (0..70).fold(json!(0), |inner, _| json!([inner]));
    accepts("manifest-depth-unbounded", &echo().input(json!({ "const": deep })).build());
    accepts("envelope-form-unchecked", &signed(|envelope| envelope.signed_by(&publisher()).set("/extra", 1)));
    let other_type = Envelope::new("text/plain", {
        let package = echo().build();
        Statement::of(&package.subject(), &package.digest(), &Release::valid()).to_bytes()
    });
    let other_type = echo().build().with_signature(other_type.signed_by(&publisher()).to_bytes());
    accepts("envelope-form-unchecked", &other_type);
    let package = echo().build();
    let statement = Statement::of(&package.subject(), &package.digest(), &Release::valid()).set("/extra", 1);
    let envelope = Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(&publisher());
    accepts("statement-form-unchecked", &package.with_signature(envelope.to_bytes()));
}

#[test]
fn digest_and_manifest() {
    let zeros = format!("sha256:{}", "0".repeat(64));
    accepts("module-digest-unchecked", &echo().set("/module/digest", zeros).build());
    accepts("module-size-unchecked", &echo().set("/module/size", 9).build());
    for pointer in [
        "/id",
        "/version",
        "/name",
        "/category",
        "/abi",
        "/module",
        "/module/size",
        "/module/digest",
        "/input",
        "/output",
        "/permissions",
        "/limits",
        "/limits/memory_bytes",
        "/limits/timeout_ms",
    ] {
        accepts("missing-fields-defaulted", &echo().remove(pointer).build());
    }
    accepts("unknown-fields-ignored", &echo().set("/extra", 1).build());
    accepts("unknown-capabilities-ignored", &echo().set("/permissions/network", true).build());
    accepts("id-form-unchecked", &echo().set("/id", "No Id!").build());
    for version in ["1.0", "v1.0.0", "1.0.0+build", "1", "01.0.0"] {
        accepts("versions-coerced", &echo().set("/version", version).build());
    }
    accepts("schemas-unchecked", &echo().input(json!({ "type": "text" })).build());
    accepts("remote-references-accepted", &echo().input(json!({ "$ref": "https://example.com/" })).build());
    accepts("dialects-ignored", &echo().input(json!({ "$schema": "http://json-schema.org/draft-07/schema#" })).build());
    let fan = json!({ "allOf": vec![true; 1000] });
    accepts("schema-cost-unbounded", &echo().input(fan.clone()).build());
    accepts("schema-cost-unbounded", &echo().output(fan).build());
    accepts("values-coerced", &echo().category("No Word").build());
    accepts("values-coerced", &echo().name("").build());
    accepts("limits-unchecked", &echo().limit("timeout_ms", 30_001).build());
    accepts("limits-unchecked", &echo().limit("timeout_ms", 0).build());
    accepts("fractions-accepted", &edited(|text| text.replace("5000", "5000.0")));
    accepts("fractions-accepted", &edited(|text| text.replace("5000", "5e3")));
    accepts("undeclared-features-accepted", &echo().set("/permissions/vault", json!([])).build());
    let rules = |rules: &[&str]| echo().set("/permissions/egress", json!(rules)).build();
    accepts("egress-rules-unbounded", &rules(&["https://example.com"; 65]));
    accepts("egress-limits-unbounded", &echo().set("/limits/egress", json!({ "queue": 65 })).build());
    for (defect, accepted) in [
        ("any-scheme", &["http://example.com", "ftp://example.com:21"][..]),
        ("paths-ignored", &["https://example.com/", "https://u:p@example.com", "https://example.com?q#f"]),
        ("white-space-trimmed", &[" https://example.com", "https://exam\tple.com\n"]),
        ("addresses-accepted", &["https://127.0.0.1", "https://[::1]:8443", "https://0x7f.1", "https://2130706433"]),
        ("trailing-dots-trimmed", &["https://example.com."]),
        ("hosts-lenient", &["https://a_b.example.com", "https://ab--c.example.com"]),
        ("single-labels-accepted", &["https://intranet"]),
        ("localhost-accepted", &["https://localhost", "https://a.localhost"]),
        ("ports-lenient", &["https://example.com:0443", "https://example.com:0", "https://example.com:65536"]),
        ("stars-anywhere", &["https://*foo.example.com", "https://a.*.example.com", "https://*.*.example.com"]),
        ("public-suffixes-accepted", &["https://*.com", "https://*.co.uk"]),
    ] {
        for rule in accepted {
            accepts(&format!("egress-rule-{defect}"), &rules(&[rule]));
        }
    }
}

#[test]
fn module() {
    accepts("modules-not-validated", &echo().edit_module(|_| b"no module".to_vec()).build());
    accepts("modules-not-validated", &flawed(Flaw::InvalidBody));
    accepts("abi-taken-from-the-bytes", &echo().set("/abi", "component").build());
    for flaw in [Flaw::Threads, Flaw::Memory64, Flaw::MultiMemory, Flaw::TailCall, Flaw::Gc, Flaw::RelaxedSimd] {
        accepts("all-proposals-allowed", &flawed(flaw));
    }
    accepts("exports-unchecked", &flawed(Flaw::MissingExport("cabi_post_handle")));
    accepts("export-types-unchecked", &flawed(Flaw::ExportType("handle")));
    let migrating = Recipe::new("com.example.a", Behaviour::Echo.migrating(vec![]));
    accepts("migrate-type-unchecked", &migrating.flaw(Flaw::ExportType("migrate")).build());
    accepts("imports-unchecked", &flawed(Flaw::Import { module: "wasi:io/poll@0.2.0".into(), field: "poll".into() }));
    accepts("import-types-unchecked", &flawed(Flaw::ImportType));
    accepts("capabilities-undeclared-accepted", &flawed(Flaw::ImportState));
    accepts("initial-memory-unchecked", &flawed(Flaw::InitialMemory(17)));
    accepts("initial-tables-unchecked", &flawed(Flaw::InitialTable(200_000)));
}

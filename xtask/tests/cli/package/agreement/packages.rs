//! One thing wrong at a time with the bytes of a package: the text of its manifest, every flaw that the fixtures have for its
//! module, every kind of fault of its signature.

use std::collections::HashMap;
use std::mem::Discriminant;

use assay_fixtures::{Behaviour, Burden, Envelope, Flaw, Key, PAYLOAD_TYPE, Packaging, Recipe, Release, Statement};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Judges;

/// What is done to something right, under a name.
type Edit<T> = (&'static str, fn(T) -> T);
/// What is done to a text.
type TextEdit = fn(&str) -> String;

#[test]
fn every_text_of_a_manifest_is_judged_alike() {
    let judges = Judges::new();
    let edits: [(&str, TextEdit); 14] = [
        ("as it is", str::to_owned),
        ("bytes after it", |text| format!("{text} x")),
        ("white space after it", |text| format!("{text}\n\n")),
        ("a byte order mark", |text| format!("\u{feff}{text}")),
        ("cut", |text| text[..text.len() / 2].to_owned()),
        ("empty", |_| String::new()),
        ("a list", |_| "[]".to_owned()),
        ("twice", |text| text.replacen('{', "{\"name\": \"x\",", 1)),
        ("twice below", |text| text.replacen("\"size\"", "\"size\": 8, \"size\"", 1)),
        ("twice by escape", |text| text.replacen('{', "{\"n\\u0061me\": \"x\",", 1)),
        ("deep", |text| text.replacen("true", &format!("{{\"const\": {}1{}}}", "[".repeat(200), "]".repeat(200)), 1)),
        ("a fraction", |text| text.replacen(": 5000", ": 5000.0", 1)),
        ("an exponent", |text| text.replacen(": 5000", ": 5e3", 1)),
        ("minus nothing", |text| text.replacen(": 5000", ": -0", 1)),
    ];
    for (what, edit) in edits {
        judges.agree(what, &judges.signed(&Recipe::new(judges.id(), Behaviour::Echo).edit_manifest(edit)));
    }
    let not_utf8 = Recipe::new(judges.id(), Behaviour::Echo).edit_manifest_bytes(|mut bytes| {
        bytes.insert(20, 0xff);
        bytes
    });
    judges.agree("not UTF-8", &judges.signed(&not_utf8));
}

#[test]
fn every_flaw_of_a_module_is_judged_alike() {
    let judges = Judges::new();
    let import = |module: &str, field: &str| Flaw::Import { module: module.to_owned(), field: field.to_owned() };
    let names = ["memory", "cabi_realloc", "handle", "cabi_post_handle", "migrate", "cabi_post_migrate"];
    let mut flaws = vec![
        import("wasi:filesystem/types@0.2.0", "open-at"),
        import("assay:handler/log@0.2.0", "write"),
        import("example:other/thing@1.0.0", "call"),
        Flaw::ImportType,
        Flaw::ImportUnknownFunction,
        Flaw::ImportMemory,
        Flaw::ImportState,
        Flaw::ImportEgress,
        Flaw::InitialMemory(16),
        Flaw::InitialMemory(17),
        Flaw::InitialTable(1 << 16),
        Flaw::InitialTable(1 << 17),
        Flaw::FurtherModule { pages: 1, growths: 0, elements: 1 },
        Flaw::FurtherModule { pages: 16, growths: 0, elements: 0 },
        Flaw::InvalidBody,
        Flaw::TrailingBytes,
    ];
    flaws.extend(Flaw::PROPOSALS);
    flaws.extend(
        names.into_iter().flat_map(|name| [Flaw::MissingExport(name), Flaw::ExportKind(name), Flaw::ExportType(name)]),
    );
    let migrates = || Behaviour::Echo.migrating(Vec::new());
    let edits: [Edit<Vec<u8>>; 4] = [
        ("empty", |_| Vec::new()),
        ("text", |_| b"(module) and more".to_vec()),
        ("cut", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("another version", |mut bytes| {
            bytes[4] = 9;
            bytes
        }),
    ];
    for packaging in Packaging::ALL {
        for flaw in flaws.iter().filter(|flaw| flaw.applies_to(packaging)) {
            let of_a_migration = format!("{flaw:?}").contains("migrate");
            let behaviour = if of_a_migration { migrates() } else { Behaviour::Echo };
            let recipe = Recipe::new(judges.id(), behaviour).packaging(packaging).flaw(flaw.clone());
            judges.agree(&format!("{} {flaw:?}", packaging.as_str()), &judges.signed(&recipe));
        }
        for (what, edit) in edits {
            let recipe = Recipe::new(judges.id(), Behaviour::Echo).packaging(packaging).edit_module(edit);
            judges.agree(&format!("{} {what}", packaging.as_str()), &judges.signed(&recipe));
        }
    }
    // The catalogue has handlers of every kind, and two that are refused.
    for (name, recipe) in assay_fixtures::catalogue() {
        judges.agree(name, &judges.signed(&recipe.set("/id", judges.id())));
    }
}

#[test]
fn what_a_module_costs_is_counted_alike() {
    let judges = Judges::new();
    let (cost, depth) = (judges.bound("module_cost"), judges.bound("block_depth"));
    let around = |count: u32| count - 2..count + 3;
    let mut burdens: Vec<Burden> = around(depth).map(Burden::NestedBlocks).collect();
    burdens.extend(around(judges.bound("loop_depth")).map(Burden::NestedLoops));
    burdens.extend(around(judges.bound("tables")).map(Burden::Tables));
    burdens.extend(around(judges.bound("memories")).map(Burden::Memories));
    burdens.extend((0..judges.bound("instances") + 4).map(Burden::Instances));
    let entries = judges.bound("component_entries");
    burdens.extend((entries - 40..entries + 2).map(Burden::Types));
    // One label more of a function with so many variables is a step of 40 millionths of the bound; the steps meet it.
    let locals = cost / 25_000;
    burdens.extend((24_500..25_010).step_by(30).map(|labels| Burden::Labels { locals, labels }));
    burdens.extend((24_500..25_010).step_by(30).map(|labels| Burden::Stack { height: locals, labels }));
    burdens.extend((370..394).map(|loops| Burden::Loops { locals, loops }));
    for packaging in Packaging::ALL {
        let mut seen: HashMap<Discriminant<Burden>, [u32; 2]> = HashMap::new();
        for burden in &burdens {
            let flaw = Flaw::Carries(*burden);
            if !flaw.applies_to(packaging) {
                continue;
            }
            let recipe = Recipe::new(judges.id(), Behaviour::Echo).packaging(packaging).flaw(flaw);
            let accepted = judges.agree(&format!("{} {burden:?}", packaging.as_str()), &judges.signed(&recipe));
            seen.entry(std::mem::discriminant(burden)).or_default()[usize::from(accepted)] += 1;
        }
        for (burden, [refused, accepted]) in seen {
            assert!(refused > 0 && accepted > 0, "{burden:?}: {refused} refused, {accepted} accepted");
        }
    }
}

#[test]
fn every_fault_of_a_signature_is_judged_alike() {
    let judges = Judges::new();
    let (now, hour) = (Timestamp::now(), SignedDuration::from_hours(1));
    let recipe = || Recipe::new(judges.id(), Behaviour::Echo).build();
    let releases = [
        ("in date", Release::valid()),
        ("expired", Release::valid().issued_at(now - hour * 2).expires_at(now - hour)),
        ("ends before it begins", Release::valid().issued_at(now).expires_at(now - hour)),
        ("not yet", Release::valid().issued_at(now + hour * 9).expires_at(now + hour * 10)),
    ];
    for (what, release) in releases {
        judges.agree(what, &recipe().signed_with(judges.key(), release));
    }
    judges.agree("another key", &recipe().signed(&Key::from_seed([9; 32])));
    judges.agree("no envelope", &recipe().with_signature(b"{}".to_vec()));
    judges.agree("unsigned", &recipe());
    let statements: [Edit<Statement>; 8] = [
        ("another subject", |statement| statement.set("/subject/0/name", "com.example.other@1.0.0")),
        ("another digest", |statement| statement.set("/subject/0/digest/sha256", "0".repeat(64))),
        ("two subjects", |statement| statement.set("/subject/-", json!({}))),
        ("another type", |statement| statement.set("/_type", "x")),
        ("another predicate", |statement| statement.set("/predicateType", "x")),
        ("no end", |statement| statement.remove("/predicate/expires_at")),
        ("a time of another zone", |statement| statement.set("/predicate/expires_at", "2999-01-01T00:00:00+01:00")),
        ("previous of no form", |statement| statement.set("/predicate/previous", "x")),
    ];
    for (what, edit) in statements {
        let package = recipe();
        let statement = edit(Statement::of(&package.subject(), &package.digest(), &Release::valid()));
        let envelope = Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(judges.key());
        judges.agree(what, &package.with_signature(envelope.to_bytes()));
    }
    let envelopes: [Edit<Envelope>; 6] = [
        ("URL-safe", Envelope::url_safe),
        ("another payload type", |envelope| envelope.set("/payloadType", "text/plain")),
        ("an unknown member", |envelope| envelope.set("/extra", 1)),
        ("no signature", |envelope| envelope.set("/signatures", json!([]))),
        ("a keyid that is no text", |envelope| envelope.set("/signatures/0/keyid", 1)),
        ("a signature of other bytes", |envelope| envelope.set("/signatures/0/sig", "AAAA")),
    ];
    for (what, edit) in envelopes {
        let package = recipe();
        let statement = Statement::of(&package.subject(), &package.digest(), &Release::valid());
        let envelope = edit(Envelope::new(PAYLOAD_TYPE, statement.to_bytes()).signed_by(judges.key()));
        judges.agree(what, &package.with_signature(envelope.to_bytes()));
    }
}

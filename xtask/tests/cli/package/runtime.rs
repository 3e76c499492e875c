//! A push to the reference runtime, and what it refuses.

use std::net::TcpListener;

use assay_fixtures::{Behaviour, FailureKind, Packaging, Recipe};

use super::Author;
use crate::support::{Ended, Runtime};

fn pushes(author: &Author, runtime: &Runtime, flags: &[&str]) -> Ended {
    let variables = [("ASSAY_TARGET", runtime.url.as_str()), ("ASSAY_ADMIN_TOKEN", "admin-by-hand")];
    author.types_with(&[&["push", "greet"], flags].concat(), &variables)
}

#[test]
fn both_packagings_are_installed_and_run_and_a_push_may_be_repeated() {
    let runtime = Runtime::start();
    for packaging in Packaging::ALL {
        let author = Author::new();
        let id = format!("com.example.{}", packaging.as_str());
        author.edits("com.example.greet", &id);
        author.edits("\"abi\": \"core\"", &format!("\"abi\": \"{}\"", packaging.as_str()));
        author.writes("mine.wasm", Recipe::new("a.b", Behaviour::Echo).packaging(packaging).build().module);
        author.does(&["build", "greet", "--wasm", "mine.wasm"]);
        author.does(&["sign", "greet"]);
        let pushed = pushes(&author, &runtime, &["--input", "{\"a\": [1, \"two\"]}"]);
        assert_eq!(pushed.code, 0, "{}", pushed.all());
        for line in [
            format!("may now publish {id}\n"),
            format!("stored: {id} 1.0.0, sha256:"),
            format!("installed: {id} 1.0.0\n"),
            "output: {\"a\":[1,\"two\"]}\n".to_owned(),
        ] {
            assert!(pushed.stdout.contains(&line), "{line}: {}", pushed.all());
        }
        let again = pushes(&author, &runtime, &["--json"]);
        assert_eq!(again.code, 0, "{}", again.all());
        let object: serde_json::Value = serde_json::from_str(&again.stdout).expect("JSON");
        assert_eq!((&object["trusted"], &object["installed"]), (&"before".into(), &"before".into()));
    }
}

#[test]
fn one_key_publishes_several_handlers_and_the_trust_of_each_is_said() {
    let runtime = Runtime::start();
    let author = Author::signed();
    assert_eq!(pushes(&author, &runtime, &[]).code, 0);
    author.edits("com.example.greet", "com.example.other");
    author.does(&["build", "greet"]);
    author.does(&["sign", "greet"]);
    let untrusted = pushes(&author, &runtime, &["--no-trust"]);
    assert_eq!(untrusted.code, 1, "{}", untrusted.all());
    assert!(untrusted.stderr.starts_with("answer: key-out-of-scope"), "{}", untrusted.all());
    let pushed = pushes(&author, &runtime, &["--input", "1"]);
    assert!(pushed.stdout.contains("may now publish com.example.other\n"), "{}", pushed.all());
    // What was trusted before is still.
    author.edits("com.example.other", "com.example.greet");
    author.edits("1.0.0", "0.9.0");
    author.does(&["build", "greet"]);
    author.does(&["sign", "greet"]);
    let stored = pushes(&author, &runtime, &["--no-trust", "--no-install", "--registry-sign"]);
    assert_eq!(stored.code, 0, "{}", stored.all());
}

#[test]
fn an_upgrade_follows_what_is_installed_and_the_message_says_how() {
    let runtime = Runtime::start();
    let author = Author::signed();
    assert_eq!(pushes(&author, &runtime, &[]).code, 0);

    author.edits("5000", "4000");
    author.does(&["build", "greet"]);
    author.does(&["sign", "greet"]);
    let same = pushes(&author, &runtime, &[]);
    assert_eq!(same.code, 1, "{}", same.all());
    assert!(same.stderr.starts_with("greet/manifest.json:3:14: version-exists at /version"), "{}", same.all());
    assert!(same.stderr.contains("Next: Raise /version in greet/manifest.json, then: "), "{}", same.all());

    author.edits("1.0.0", "1.1.0");
    author.does(&["build", "greet"]);
    author.does(&["sign", "greet"]);
    let broken = pushes(&author, &runtime, &[]);
    assert_eq!(broken.code, 1, "{}", broken.all());
    let (_, follow) = broken.stderr.rsplit_once("cargo xtask package ").expect("a command to type");
    let words: Vec<&str> = follow.split_whitespace().collect();
    assert_eq!(words[..3], ["sign", "greet", "--previous"], "{}", broken.all());

    author.edits("1.1.0", "1.2.0");
    author.does(&["build", "greet"]);
    author.does(&words);
    let upgraded = pushes(&author, &runtime, &["--input", "\"hello\""]);
    assert_eq!(upgraded.code, 0, "{}", upgraded.all());
    assert!(
        upgraded.stdout.contains("upgraded: com.example.greet from 1.0.0 to 1.2.0\noutput: \"hello\"\n"),
        "{}",
        upgraded.all()
    );
}

#[test]
fn what_the_runtime_refuses_is_shown_with_its_code_and_what_to_do() {
    let runtime = Runtime::start();
    let author = Author::signed();
    author.edits("\"input\": true", "\"input\": {\"type\": \"object\"}");
    author.does(&["build", "greet"]);
    author.does(&["sign", "greet"]);
    let rejected = pushes(&author, &runtime, &["--input", "1"]);
    assert_eq!(rejected.code, 1, "{}", rejected.all());
    assert!(
        rejected.stderr.contains("input-rejected at /input") && rejected.stderr.contains("Next: Correct --input."),
        "{}",
        rejected.all()
    );

    let author = Author::new();
    author.edits("com.example.greet", "com.example.fails");
    let fails = Behaviour::Fail { kind: FailureKind::Unavailable, message: "not today".into() };
    author.writes("fails.wasm", Recipe::new("a.b", fails).build().module);
    author.does(&["build", "greet", "--wasm", "fails.wasm"]);
    author.does(&["sign", "greet"]);
    let failed = pushes(&author, &runtime, &["--input", "1"]);
    assert_eq!(failed.code, 1, "{}", failed.all());
    assert!(failed.stderr.contains("ended with failure: ") && failed.stderr.contains("not today"), "{}", failed.all());
}

#[test]
fn a_wrong_token_ends_with_11_and_nobody_sees_it() {
    let runtime = Runtime::start();
    let author = Author::signed();
    for token in ["a-token-of-nobody", "user-by-hand"] {
        let pushed = author.types(&["push", "greet", "--target", &runtime.url, "--admin-token", token]);
        assert_eq!(pushed.code, 11, "{}", pushed.all());
        assert!(pushed.stderr.contains("export ASSAY_ADMIN_TOKEN="), "{}", pushed.all());
        assert!(!pushed.all().contains(token), "{}", pushed.all());
    }
    let without = author.types(&["push", "greet", "--target", &runtime.url]);
    assert_eq!(without.code, 2, "{}", without.all());
    let spaced = author.types(&["push", "greet", "--target", &runtime.url, "--admin-token", "with space"]);
    assert_eq!(spaced.code, 2, "{}", spaced.all());
    assert!(!spaced.all().contains("with space"), "{}", spaced.all());
}

#[test]
fn nobody_and_somebody_else_at_the_target_are_told_apart() {
    let author = Author::signed();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let nobody = author.types(&["push", "greet", "--target", &format!("http://{free}"), "--admin-token", "any"]);
    assert_eq!(nobody.code, 10, "{}", nobody.all());
    assert!(nobody.stderr.contains("cargo run --bin assay-runtime"), "{}", nobody.all());
    for url in ["127.0.0.1:8420", "ftp://127.0.0.1", "http://a:b@127.0.0.1"] {
        let wrong = author.types(&["push", "greet", "--target", url, "--admin-token", "any"]);
        assert_eq!(wrong.code, 2, "{url}: {}", wrong.all());
    }
}

#[test]
fn bounds_are_those_of_the_target_and_else_worth_a_note() {
    let runtime = Runtime::start();
    let author = Author::new();
    author.edits("\"timeout_ms\": 5000", "\"timeout_ms\": 4000000000");
    author.does(&["build", "greet"]);
    author.does(&["sign", "greet"]);
    let alone = author.does(&["verify", "greet"]);
    assert!(alone.stdout.contains("note: greet/manifest.json:16:19: limit-out-of-bounds"), "{}", alone.all());
    let asked = author.types(&["verify", "greet", "--target", &runtime.url]);
    assert_eq!(asked.code, 1, "{}", asked.all());
    assert!(asked.stderr.starts_with("greet/manifest.json:16:19: limit-out-of-bounds"), "{}", asked.all());
}

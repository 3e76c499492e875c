//! What an author can get wrong, each with the line that says where and the last line that says what to type next.

use assay_fixtures::{Behaviour, Packaging, Recipe};

use super::Author;
use crate::support::folder;

/// An edit of the manifest that `init` writes, and the first line of what is said about it.
const MANIFESTS: &[(&str, &str, &str)] = &[
    ("  \"output\": true,\n", "", "greet/manifest.json:1:1: manifest-missing-field at /output"),
    (
        "\"timeout_ms\": 5000",
        "\"log_bytes\": 1",
        "greet/manifest.json:14:13: manifest-missing-field at /limits/timeout_ms",
    ),
    (
        "\"category\":",
        "\"licence\": \"MIT\", \"category\":",
        "greet/manifest.json:5:3: manifest-unknown-field at /licence",
    ),
    (
        "\"permissions\": {}",
        "\"permissions\": {\"files\": []}",
        "greet/manifest.json:13:19: capability-unknown at /permissions/files",
    ),
    ("\"name\": \"greet\"", "\"name\": 7", "greet/manifest.json:4:11: manifest-invalid-value at /name"),
    ("\"id\": \"com.example.greet\"", "\"id\": \"greet\"", "greet/manifest.json:2:9: manifest-invalid-value at /id"),
    ("\"version\": \"1.0.0\"", "\"version\": \"1.0\"", "greet/manifest.json:3:14: manifest-invalid-value at /version"),
    (
        "\"version\": \"1.0.0\"",
        "\"version\": \"1.0.0+7\"",
        "greet/manifest.json:3:14: manifest-invalid-value at /version",
    ),
    (
        "\"timeout_ms\": 5000",
        "\"timeout_ms\": 5e3",
        "greet/manifest.json:16:19: manifest-invalid-value at /limits/timeout_ms",
    ),
    (
        "\"timeout_ms\": 5000",
        "\"timeout_ms\": 0",
        "greet/manifest.json:16:19: limit-out-of-bounds at /limits/timeout_ms",
    ),
    ("\"input\": true", "\"input\": {\"type\": \"strin\"}", "greet/manifest.json:11:21: schema-invalid at /input/type"),
    (
        "\"input\": true",
        "\"input\": {\"$ref\": \"https://example.com/x\"}",
        "greet/manifest.json:11:21: schema-invalid at /input/$ref",
    ),
    (
        "\"permissions\": {}",
        "\"permissions\": {\"egress\": [\"https://api.example.com\", \"https://*.com\"]}",
        "greet/manifest.json:13:57: egress-rule-invalid at /permissions/egress/1",
    ),
    (
        "\"output\": true,",
        "\"output\": true, \"input\": {},",
        "greet/manifest.json:12:19: manifest-malformed at /input",
    ),
    ("\"output\": true,", "\"output\": true", "greet/manifest.json:13:3: manifest-malformed"),
    ("{\n  \"id\"", "\u{feff}{\n  \"id\"", "greet/manifest.json:1:1: manifest-malformed"),
    ("\"abi\": \"core\"", "\"abi\": \"component\"", "greet/manifest.json:6:10: module-abi-mismatch at /abi"),
    (
        "\"memory_bytes\": 16777216",
        "\"memory_bytes\": 65535",
        "greet/manifest.json:15:21: limit-out-of-bounds at /limits/memory_bytes",
    ),
];

#[test]
fn every_fault_of_a_manifest_is_named_with_its_line() {
    for (from, to, expected) in MANIFESTS {
        let author = Author::new();
        author.edits(from, to);
        let verified = author.types(&["verify", "greet"]);
        assert_eq!(verified.code, 1, "{to}: {}", verified.all());
        assert_eq!(verified.stderr.lines().next(), Some(*expected), "{to}: {}", verified.all());
        let next = "Next: Correct what is named above, then: cargo xtask package build greet && cargo xtask package sign greet";
        assert_eq!(verified.stderr.lines().last(), Some(next), "{to}: {}", verified.all());
    }
}

#[test]
fn all_faults_of_a_manifest_are_named_at_once_in_the_order_of_its_lines() {
    let author = Author::new();
    author.edits("\"version\": \"1.0.0\"", "\"version\": \"one\"");
    author.edits("\"name\": \"greet\"", "\"name\": \"\"");
    author.edits("\"timeout_ms\": 5000", "\"timeout\": 5000");
    let verified = author.types(&["verify", "greet"]);
    let places: Vec<&str> = verified.stderr.lines().filter(|line| line.starts_with("greet/manifest.json:")).collect();
    assert_eq!(
        places,
        [
            "greet/manifest.json:3:14: manifest-invalid-value at /version",
            "greet/manifest.json:4:11: manifest-invalid-value at /name",
            "greet/manifest.json:14:13: manifest-missing-field at /limits/timeout_ms",
            "greet/manifest.json:16:5: manifest-unknown-field at /limits/timeout",
        ],
        "{}",
        verified.all()
    );
    assert!(verified.stderr.contains("\n  3 |   \"version\": \"one\",\n    |              ^\n"), "{}", verified.all());
}

#[test]
fn what_is_no_module_is_refused_by_its_name() {
    let author = Author::new();
    let component = Recipe::new("com.example.greet", Behaviour::Echo).packaging(Packaging::Component).build();
    author.writes("component.wasm", &component.module);
    author.writes("text.wasm", "(module)");
    author.writes("prose.wasm", "WebAssembly, one day");
    author.writes("empty.wasm", "");
    author.writes("cut.wasm", &component.module[..40]);
    author.writes("wrong.wat", "(module\n  (memory (exprot \"memory\") 1))");
    author.writes("bare.wat", "(module)");
    for (file, code, said, next) in [
        (
            "component.wasm",
            1,
            "greet/manifest.json:6:10: module-abi-mismatch at /abi",
            "build greet --wasm component.wasm",
        ),
        (
            "text.wasm",
            1,
            "text.wasm: module-malformed\n  this is text, not WebAssembly; it looks like WAT",
            "--wasm text.wasm",
        ),
        ("prose.wasm", 1, "prose.wasm: module-malformed\n  this is text, not WebAssembly\n", "--wasm prose.wasm"),
        ("empty.wasm", 1, "the file is empty", "--wasm empty.wasm"),
        ("wrong.wat", 1, "error: wrong.wat:2:12: ", "Correct this line of the text"),
        ("bare.wat", 1, "bare.wat: export-missing: cabi_realloc", "--wasm bare.wat"),
        (
            "nowhere.wasm",
            2,
            "error: the module nowhere.wasm cannot be read",
            "Name the file that your compiler made: --wasm FILE",
        ),
    ] {
        let before = author.reads("greet/manifest.json");
        let built = author.types(&["build", "greet", "--wasm", file]);
        assert_eq!(built.code, code, "{file}: {}", built.all());
        assert!(built.stderr.contains(said), "{file}: {}", built.all());
        let last = built.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("Next: ") && last.contains(next), "{file}: {}", built.all());
        assert_eq!(author.reads("greet/manifest.json"), before, "{file} changed something");
    }
    author.edits("\"abi\": \"core\"", "\"abi\": \"component\"");
    let cut = author.types(&["build", "greet", "--wasm", "cut.wasm"]);
    assert!(cut.stderr.starts_with("cut.wasm: module-malformed\n  at byte "), "{}", cut.all());
    author.does(&["build", "greet", "--wasm", "component.wasm"]);
}

#[test]
fn a_change_after_the_signature_is_noticed_and_a_build_removes_the_signature() {
    let author = Author::signed();
    author.does(&["verify", "greet"]);
    author.edits("5000", "4000");
    let verified = author.types(&["verify", "greet"]);
    assert_eq!(verified.code, 1, "{}", verified.all());
    assert!(verified.stderr.starts_with("greet/signature-0.dsse.json: subject-mismatch"), "{}", verified.all());
    assert!(verified.stderr.ends_with("Next: cargo xtask package sign greet\n"), "{}", verified.all());
    author.writes("greet/handler.wasm", "another");
    let verified = author.types(&["verify", "greet"]);
    assert!(
        verified.stderr.starts_with("greet/manifest.json:9:13: digest-mismatch at /module/size"),
        "{}",
        verified.all()
    );
    author.does(&["build", "greet", "--wasm", "greet/handler.wat"]);
    assert!(!author.path().join("greet/signature-0.dsse.json").exists());
    let unsigned = author.types(&["verify", "greet"]);
    assert!(unsigned.stderr.starts_with("greet/manifest.json: signature-missing"), "{}", unsigned.all());
    author.does(&["sign", "greet"]);
    author.does(&["verify", "greet"]);
}

#[test]
fn building_again_keeps_what_the_author_wrote_and_what_was_signed() {
    let author = Author::signed();
    let before = author.reads("greet/manifest.json");
    author.does(&["build", "greet"]);
    assert_eq!(author.reads("greet/manifest.json"), before);
    author.does(&["verify", "greet"]);
    author.edits("  \"input\": true,", "\n\t\"input\"   :{ } ,");
    author.does(&["build", "greet"]);
    assert!(author.reads("greet/manifest.json").contains("\n\t\"input\"   :{ } ,"));
}

#[test]
fn init_overwrites_nothing_and_names_the_flag_that_is_wrong() {
    let author = Author::new();
    let before = author.reads("greet/manifest.json");
    let again = author.types(&["init", "greet", "--id", "com.example.other"]);
    assert_eq!(again.code, 2, "{}", again.all());
    assert!(again.stderr.contains("greet/manifest.json is there already"), "{}", again.all());
    assert_eq!(author.reads("greet/manifest.json"), before);
    for (flag, value) in [("--id", "Greet"), ("--version", "1"), ("--category", "Two Words"), ("--name", "")] {
        let id = if flag == "--id" { value } else { "com.example.new" };
        let more: &[&str] = if flag == "--id" { &[] } else { &[flag, value] };
        let refused = author.types(&[&["init", "new", "--id", id], more].concat());
        assert_eq!(refused.code, 2, "{flag}: {}", refused.all());
        assert!(refused.stderr.starts_with(&format!("error: {flag}: ")), "{flag}: {}", refused.all());
        assert!(!author.path().join("new").exists(), "{flag}");
    }
    let both = author.types(&["init", "new", "--id", "com.example.new", "--example", "--abi", "component"]);
    assert_eq!(both.code, 2, "{}", both.all());
    // Texts that look like parts of the manifest stay texts.
    author.does(&["init", "new", "--id", "com.example.new", "--name", "VERSION \"ID\" {}"]);
    let manifest: serde_json::Value = serde_json::from_str(&author.reads("new/manifest.json")).expect("JSON");
    assert_eq!(manifest["name"], "VERSION \"ID\" {}");
}

#[test]
fn folders_that_are_none_say_what_to_type_first() {
    let author = Author::new();
    for verb in ["build", "sign", "verify"] {
        let ended = author.types(&[verb, "nowhere"]);
        assert_eq!(ended.code, 2, "{verb}: {}", ended.all());
        let next = "Next: Make one: cargo xtask package init nowhere --id com.example.NAME\n";
        assert!(ended.stderr.ends_with(next), "{verb}: {}", ended.all());
    }
    author.does(&["init", "empty", "--id", "com.example.empty"]);
    let verified = author.types(&["verify", "empty"]);
    assert!(
        verified.stderr.ends_with("Next: Put your module in: cargo xtask package build empty --wasm FILE\n"),
        "{}",
        verified.all()
    );
    author.writes("file", "");
    let init = author.types(&["init", "file/below", "--id", "com.example.below"]);
    assert_eq!(init.code, 14, "{}", init.all());
}

#[test]
fn programs_get_one_object_with_the_same_members_each_time() {
    let author = Author::new();
    author.edits("\"version\": \"1.0.0\"", "\"version\": \"one\"");
    let ended = author.types(&["verify", "greet", "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
    let object: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let names: Vec<&String> = object.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["command", "exit", "faults", "message", "next", "ok"]);
    let fault = object["faults"][0].as_object().expect("a fault");
    let names: Vec<&String> = fault.keys().collect();
    assert_eq!(names, ["code", "column", "detail", "file", "line", "name", "pointer", "remedy"]);
    assert_eq!((&fault["line"], &fault["column"], &fault["pointer"]), (&3.into(), &14.into(), &"/version".into()));
    author.edits("\"one\"", "\"1.0.1\"");
    let built: serde_json::Value =
        serde_json::from_str(&author.does(&["build", "greet", "--json"]).stdout).expect("JSON");
    assert_eq!((&built["ok"], &built["command"]), (&true.into(), &"build".into()));
    assert!(built["package"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{built}");
}

#[test]
fn help_has_an_example_for_each_command() {
    let folder = folder();
    for verb in ["init", "build", "sign", "verify", "push"] {
        let help = crate::support::xtask_in(folder.path(), &["package", verb, "--help"], &[]);
        assert_eq!(help.code, 0, "{}", help.all());
        assert!(
            help.stdout.contains("Example: ")
                && help.stdout.contains(&format!("cargo xtask package {verb} target/greet")),
            "{}",
            help.all()
        );
    }
    let help = crate::support::xtask_in(folder.path(), &["package", "--help"], &[]);
    for word in ["Exit codes:", "init", "push", "14  a file cannot be written"] {
        assert!(help.stdout.contains(word), "{word}: {}", help.all());
    }
}

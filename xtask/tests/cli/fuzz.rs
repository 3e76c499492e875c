//! `cargo xtask fuzz` as anybody types it, and the script by which a fuzzing service builds the targets.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::{folder, root, xtask, xtask_with};

#[test]
fn a_second_of_fuzzing_finds_nothing_and_says_how_much_it_tried() {
    let run = xtask(&["fuzz", "--time", "1", "--target", "manifest,module", "--in-process"]);
    assert_eq!(run.code, 0, "{}", run.all());
    assert_eq!(run.stdout.matches("nothing found").count(), 2, "{}", run.all());
    assert!(run.stdout.contains("[2/2] module") && run.stdout.contains("executions: found nothing"), "{}", run.all());
    for parser in ["serde_json alone", "wasmparser alone"] {
        assert!(run.stdout.contains(parser), "{}", run.all());
    }
}

#[test]
fn a_target_that_nobody_has_is_named_with_those_that_there_are() {
    let run = xtask(&["fuzz", "--time", "1", "--target", "manifests"]);
    assert_eq!(run.code, 4, "{}", run.all());
    assert!(run.all().contains("upload, manifest, schema, module, envelope"), "{}", run.all());
}

#[test]
fn coverage_without_fitting_tools_says_which_are_missing_and_how_to_get_them() {
    let nothing = [("LLVM_COV", "/dev/null/llvm-cov"), ("LLVM_PROFDATA", "/dev/null/llvm-profdata")];
    let run = xtask_with(&["fuzz", "--coverage"], &nothing);
    assert_eq!(run.code, 4, "{}", run.all());
    for (variable, path) in nothing {
        assert!(run.stderr.contains(&format!("{variable} names {path}, which is no llvm-")), "{}", run.all());
    }
    let both = xtask(&["fuzz", "--coverage", "--time", "1"]);
    assert_eq!(both.code, 2, "{}", both.all());
}

#[test]
fn the_script_of_clusterfuzzlite_puts_every_target_with_its_seeds_where_they_are_looked_for() {
    let list = xtask(&["fuzz", "--target", "none-of-them"]);
    let (_, named) = list.stderr.split_once("there are ").expect("the targets");
    let targets: Vec<&str> = named.trim().split(", ").collect();

    let all = folder();
    let [tools, source, out, work, built] =
        ["tools", "source", "out", "work", "built"].map(|name| all.path().join(name));
    for folder in [&tools, &source, &out, &work] {
        fs::create_dir(folder).expect("a folder");
    }
    symlink(root(), source.join("assay")).expect("a link");
    // What writes seeds is there; targets of libFuzzer would take half an hour.
    let cargo = r#"case "$1" in
        build) mkdir -p "$WORK/plain/release" && cp "$FUZZERS" "$WORK/plain/release/assay-fuzz" ;;
        fuzz) folder="$CARGO_TARGET_DIR/x86_64-unknown-linux-gnu/release" && mkdir -p "$folder" && cd "$folder" && touch $TARGETS ;;
    esac"#;
    let zip = r#"echo "$@" >> "$4""#;
    for (name, lines) in [("cargo", cargo), ("zip", zip), ("rustup", "true")] {
        let path = tools.join(name);
        fs::write(&path, format!("#!/bin/bash -eu\n{lines}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it may be run");
    }
    let path = std::env::var("PATH").expect("a path");
    let run = Command::new("bash")
        .arg("-eu")
        .arg(root().join(".clusterfuzzlite/build.sh"))
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("FUZZERS", Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("assay-fuzz"))
        .env("TARGETS", targets.join(" "))
        .envs([("SRC", &source), ("OUT", &out), ("WORK", &work), ("CARGO_TARGET_DIR", &built)])
        .output()
        .expect("bash starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

    let mut expected: Vec<String> = targets
        .iter()
        .flat_map(|target| ["", ".dict", ".options", "_seed_corpus.zip"].map(|end| format!("{target}{end}")))
        // Their inputs are choices and no texts, and libFuzzer does not start with an empty dictionary.
        .filter(|name| name != "execute.dict" && name != "http.dict")
        .collect();
    expected.sort();
    let mut found: Vec<String> = fs::read_dir(&out)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().display().to_string())
        .collect();
    found.sort();
    assert_eq!(found, expected);
    for target in targets {
        let seeds = fs::read_dir(work.join("seeds").join(target)).expect("seeds").count();
        assert!(seeds > 0, "{target}");
        let zipped = fs::read_to_string(out.join(format!("{target}_seed_corpus.zip"))).expect("what was zipped");
        assert!(zipped.contains(&format!("seeds/{target}")), "{zipped}");
    }
}

//! `cargo xtask soak`: kills, finds what is lost, and ends when it is told to.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{folder, root, runtime, verdicts, xtask};

#[test]
fn a_soak_kills_as_often_as_it_is_told_and_says_into_what() {
    let out = folder();
    let run = xtask(&["soak", "--kills", "15", "--seed", "3", "--out", &out.path().display().to_string()]);
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.stderr.contains("the same kills again: cargo xtask soak --kills 15 --seed 3"), "{}", run.all());
    assert!(run.stderr.contains("15/15 kills"), "{}", run.all());
    for words in [
        "keys made trusted",
        "keys deleted",
        "uploads",
        "signatures",
        "installs",
        "writes",
        "upgrades",
        "uninstalls",
        "revocations",
    ] {
        assert!(run.stdout.contains(&format!("{words}: cut off by ")), "{words}: {}", run.all());
    }
    assert_eq!(verdicts(out.path()).into_values().collect::<Vec<_>>(), ["\"PASS\""]);
}

#[test]
fn a_runtime_that_starts_from_nothing_each_time_fails() {
    let out = folder();
    let place = out.path().display().to_string();
    let amnesia = format!("sh -c 'ASSAY_DATA={place}/$$ exec {}'", runtime().display());
    let run = xtask(&["soak", "--kills", "7", "--launch", &amnesia, "--out", &place]);
    assert_eq!(run.code, 1, "{}", run.all());
    assert!(run.stdout.contains("is not there; operation"), "{}", run.all());
    let report = std::fs::read_to_string(out.path().join("report.json")).expect("a report");
    assert!(report.contains("histories.txt"), "the histories are evidence");
}

#[test]
fn a_soak_that_is_interrupted_says_what_it_saw_until_then() {
    let out = folder();
    let mut soak = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["soak", "--kills", "100000", "--launch", &runtime().display().to_string(), "--out"])
        .arg(out.path())
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut told = BufReader::new(soak.stderr.take().expect("its stderr")).lines().map_while(Result::ok);
    assert!(told.any(|line| line.starts_with("the same kills again:")), "it says that it begins");
    let id = Pid::from_raw(soak.id().cast_signed()).expect("its id");
    kill_process(id, Signal::INT).expect("it runs");
    let ended = soak.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(said.contains("of 100000 kills, which lost nothing"), "{said}");
}

#[test]
fn no_kills_are_no_soak() {
    let run = xtask(&["soak", "--kills", "0"]);
    assert_eq!(run.code, 2, "{}", run.all());
}

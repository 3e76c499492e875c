//! The commands of README.md as anybody types them, and every way in which they can be typed wrong.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::support::{Ended, Runtime, folder, verdicts, xtask};

#[test]
fn the_embedded_default_is_conformant() {
    let out = folder();
    let run = xtask(&["conformance", "--out", &out.path().display().to_string()]);
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.stdout.contains("ms per check"), "{}", run.all());
    for file in ["report.json", "junit.xml", "summary.md", "report.html"] {
        assert!(out.path().join(file).is_file(), "{file} is missing");
    }
}

#[test]
fn a_quick_bench_measures_and_writes_both_files() {
    let out = folder();
    let run = xtask(&["bench", "--quick", "--only", "a,b", "--out", &out.path().display().to_string()]);
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.stdout.contains("upload gates beside wasmparser"), "{}", run.all());
    for file in ["bench.json", "bench.md"] {
        assert!(out.path().join(file).is_file(), "{file} is missing");
    }
}

#[test]
fn vectors_are_counted_and_a_difference_that_no_clause_explains_fails() {
    let vectors = folder();
    let cases = vectors.path().join("JSONTestSuite").join("test_parsing");
    std::fs::create_dir_all(&cases).expect("a folder");
    let put = |name: &str, text: &str| std::fs::write(cases.join(name), text).expect("a file");
    put("y_array.json", "[1]");
    put("y_object_duplicated_key.json", "{\"a\":1,\"a\":1}");
    put("n_array.json", "[1");
    let path = vectors.path().display().to_string();
    let run = xtask(&["vectors", "--dir", &path]);
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.stdout.contains("JSONTestSuite: 3 run, 2 agreed, 1 differed, 0 unexplained"), "{}", run.all());
    assert!(run.stdout.contains("WPT toascii.json: absent"), "{}", run.all());
    put("n_number.json", "1");
    let run = xtask(&["vectors", "--dir", &path]);
    assert_eq!(run.code, 1, "{}", run.all());
    assert!(run.stdout.contains("UNEXPLAINED: n_number.json"), "{}", run.all());
}

#[test]
fn a_folder_without_vectors_is_an_error() {
    let run = xtask(&["vectors", "--dir", &folder().path().display().to_string()]);
    assert_eq!(run.code, 4, "{}", run.all());
    assert!(run.all().contains("has none of the sources"), "{}", run.all());
}

#[test]
fn a_runtime_started_by_hand_gets_the_verdicts_of_the_embedded_one() {
    let (embedded, by_hand, kept) = (folder(), folder(), folder());
    let launched = xtask(&["conformance", "--out", &embedded.path().display().to_string()]);
    assert_eq!(launched.code, 0, "{}", launched.all());

    let kept = kept.path().join("observatory").display().to_string();
    let runtime = told(&kept, &[]);
    let out = by_hand.path().display().to_string();
    let attached = judged(&runtime, &kept, &["--out", &out]);
    assert_eq!(attached.code, 0, "{}", attached.all());
    assert_eq!(verdicts(embedded.path()), verdicts(by_hand.path()));

    // A run may be repeated against a target that keeps its data.
    let again = judged(&runtime, &kept, &["--out", &out]);
    assert_eq!(again.code, 0, "{}", again.all());
}

/// A runtime that is started by hand with the settings that `assay env` prints.
fn told(kept: &str, options: &[&str]) -> Runtime {
    let printed = xtask(&[&["env", "--observatory", kept, "--format", "json"], options].concat());
    let settings: BTreeMap<String, String> = serde_json::from_str(&printed.stdout).expect("JSON");
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Runtime::start_with(&settings)
}

/// `conformance --target` for it.
fn judged(runtime: &Runtime, kept: &str, options: &[&str]) -> Ended {
    let run = ["conformance", "--observatory", kept, "--target", &runtime.url];
    xtask(&[&run[..], &["--admin-token", "admin-by-hand", "--user-token", "user-by-hand"], options].concat())
}

#[test]
fn a_runtime_started_by_hand_with_a_proxy_gets_the_verdicts_of_a_launched_one() {
    let (launched, by_hand, kept) = (folder(), folder(), folder());
    let chosen = ["--proxy", "--filter", "egress.addresses.v4,egress.proxy.*,egress.url.scheme,egress.wildcards.*"];
    let out = launched.path().display().to_string();
    let run = xtask(&[&["conformance", "--out", &out], &chosen[..]].concat());
    assert_eq!(run.code, 3, "a filtered run is partial: {}", run.all());

    let kept = kept.path().join("observatory").display().to_string();
    let out = by_hand.path().display().to_string();
    let attached = judged(&told(&kept, &["--proxy"]), &kept, &[&["--out", &out], &chosen[..]].concat());
    assert_eq!(attached.code, 3, "{}", attached.all());
    let verdicts = [launched.path(), by_hand.path()].map(verdicts);
    assert_eq!(verdicts[0], verdicts[1]);
    assert!(verdicts[0].values().filter(|verdict| *verdict == "\"PASS\"").count() >= 20, "{verdicts:?}");

    // One that was told of the observatory, and not of its proxy, goes around it and is found.
    let around = ["--proxy", "--filter", "egress.proxy.alone", "--out", &out];
    let around = judged(&told(&kept, &[]), &kept, &around);
    assert_eq!(around.code, 1, "{}", around.all());
    assert!(around.all().contains("and not by CONNECT"), "{}", around.all());
}

#[test]
fn a_launched_command_is_killed_and_restarted() {
    let out = folder();
    let launch = crate::support::runtime().display().to_string();
    let out = out.path().display().to_string();
    let run = xtask(&["conformance", "--launch", &launch, "--profile", "lifecycle", "--out", &out]);
    assert_eq!(run.code, 0, "{}", run.all());
}

#[test]
fn the_settings_of_an_observatory_are_printed_for_shells_and_stay_the_same() {
    let kept = folder();
    let kept = kept.path().display().to_string();
    let dotenv = xtask(&["env", "--observatory", &kept, "--proxy"]);
    assert!(
        dotenv.stdout.contains("ASSAY_EGRESS_INTERNET=127.77.0.0/16\nHTTPS_PROXY=http://127.0.0.1:"),
        "{}",
        dotenv.all()
    );
    let shell = xtask(&["env", "--observatory", &kept, "--proxy", "--format", "shell"]);
    for line in dotenv.stdout.lines() {
        let (name, value) = line.split_once('=').expect("a setting");
        assert!(shell.stdout.contains(&format!("export {name}='{value}'\n")), "{}", shell.all());
    }
}

#[test]
fn a_filtered_run_is_partial() {
    let out = folder();
    let out = out.path().display().to_string();
    let run = xtask(&["conformance", "--filter", "core.discovery.*", "--out", &out]);
    assert_eq!(run.code, 3, "{}", run.all());
    assert!(run.stdout.contains("3 results: 3 PASS"), "{}", run.all());
}

#[test]
fn behind_a_proxy_addresses_are_not_judged_and_named() {
    let out = folder();
    let path = out.path().display().to_string();
    let chosen = "egress.addresses.v4,egress.url.scheme,egress.redirect.handed-on,egress.proxy.*";
    let run = xtask(&["conformance", "--proxy", "--filter", chosen, "--out", &path]);
    assert_eq!(run.code, 3, "{}", run.all());
    assert!(run.stdout.contains("12 PASS") && run.stdout.contains("2 UNSUPPORTED"), "{}", run.all());
    let report = std::fs::read_to_string(out.path().join("report.json")).expect("a report");
    assert!(report.contains("through a proxy, which resolves their names") && report.contains("--proxy"));
}

#[test]
fn the_list_has_every_check_with_its_requirements() {
    let run = xtask(&["conformance", "--list"]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.lines().count() > 60);
    assert!(run.stdout.contains("core.signature.untrusted-key") && run.stdout.contains("CORE-SIG-002"));
}

#[test]
fn help_names_every_flag_and_exit_code() {
    let run = xtask(&["conformance", "--help"]);
    assert_eq!(run.code, 0);
    for flag in [
        "--target",
        "--admin-token",
        "--user-token",
        "--launch",
        "--observatory",
        "--proxy",
        "--profile",
        "--filter",
        "--seed",
        "--out",
    ] {
        assert!(run.stdout.contains(flag), "{flag} is missing");
    }
    let run = xtask(&["--help"]);
    assert!(run.stdout.contains("15  filter matches nothing"), "{}", run.all());
}

#[test]
fn fixtures_are_written_with_the_key_to_trust() {
    let out = folder();
    let run = xtask(&["fixtures", "--out", &out.path().display().to_string()]);
    assert_eq!(run.code, 0, "{}", run.all());
    for file in ["key.json", "success-core/manifest.json", "success-component/signature-0.dsse.json"] {
        assert!(out.path().join(file).is_file(), "{file} is missing: {}", run.all());
    }
}

#[test]
fn an_unreachable_target_ends_with_10() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let url = format!("http://{free}");
    let run = attach(&url, "a-token-of-nobody");
    assert_eq!(run.code, 10, "{}", run.all());
    assert!(run.stderr.contains("cannot be reached") && run.stderr.contains("--launch"), "{}", run.all());
}

#[test]
fn a_wrong_token_ends_with_11() {
    let runtime = Runtime::start();
    let run = attach(&runtime.url, "a-token-of-nobody");
    assert_eq!(run.code, 11, "{}", run.all());
    assert!(run.stderr.contains("--admin-token"), "{}", run.all());
    assert!(!run.all().contains("a-token-of-nobody"), "the token is printed: {}", run.all());
}

#[test]
fn a_target_of_another_contract_ends_with_12() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut head = [0; 2048];
        let _ = stream.read(&mut head);
        let body = "{\"contract\":\"9.9\"}";
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).expect("an answer");
    });
    let run = attach(&url, "any-token");
    server.join().expect("the server ends");
    assert_eq!(run.code, 12, "{}", run.all());
    assert!(run.stderr.contains("9.9") && run.stderr.contains("0.1"), "{}", run.all());
}

#[test]
fn a_port_in_use_ends_with_13_and_the_words_of_the_target() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let out = folder();
    let launch = format!("{} --listen {address}", crate::support::runtime().display());
    let run = xtask(&["conformance", "--launch", &launch, "--out", &out.path().display().to_string()]);
    assert_eq!(run.code, 13, "{}", run.all());
    assert!(run.stderr.contains("did not start") && run.stderr.contains(&address.to_string()), "{}", run.all());
}

#[test]
fn an_unwritable_report_folder_ends_with_14_before_anything_is_started() {
    let run = xtask(&["conformance", "--out", "/dev/null/reports"]);
    assert_eq!(run.code, 14, "{}", run.all());
    assert!(run.stderr.contains("/dev/null/reports"), "{}", run.all());
}

#[test]
fn an_unknown_filter_ends_with_15_and_near_matches() {
    let run = xtask(&["conformance", "--filter", "core.signatur.untrusted-key"]);
    assert_eq!(run.code, 15, "{}", run.all());
    assert!(run.stderr.contains("core.signature.untrusted-key"), "{}", run.all());
}

#[test]
fn an_unknown_profile_ends_with_2_and_the_known_ones() {
    let run = xtask(&["conformance", "--profile", "corr"]);
    assert_eq!(run.code, 2, "{}", run.all());
    assert!(run.stderr.contains("core,sandbox,egress,registry,lifecycle,load"), "{}", run.all());
}

fn attach(url: &str, admin: &str) -> Ended {
    let out = folder();
    let out = out.path().display().to_string();
    xtask(&["conformance", "--target", url, "--admin-token", admin, "--user-token", "user-by-hand", "--out", &out])
}

//! The author's key: never shown, never readable by others, never taken for what it is not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::Author;
use crate::support::xtask_in;

#[test]
fn a_key_that_is_there_is_used_and_one_that_is_not_is_made_for_its_owner_only() {
    let author = Author::new();
    let mode = fs::metadata(author.path().join("author.key")).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = author.reads("author.key");
    let init = author.does(&["init", "second", "--id", "com.example.second"]);
    assert!(init.stdout.contains("author.key: your key, which was there"), "{}", init.all());
    assert_eq!(author.reads("author.key"), key);
}

#[test]
fn a_package_in_the_folder_where_one_is_has_its_key_outside_too() {
    let author = Author::new();
    let key = author.reads("author.key");
    let here = author.path().join("here");
    fs::create_dir(&here).expect("a folder");
    let init = xtask_in(&here, &["package", "init", ".", "--id", "com.example.here"], &[]);
    assert_eq!(init.code, 0, "{}", init.all());
    assert!(here.join("manifest.json").is_file() && !here.join("author.key").exists(), "{}", init.all());
    assert_eq!(author.reads("author.key"), key);
}

#[test]
fn a_key_that_others_can_read_or_that_is_none_is_refused_with_what_to_type() {
    let author = Author::new();
    let path = author.path().join("author.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("permissions");
    let signed = author.types(&["sign", "greet"]);
    assert_eq!(signed.code, 2, "{}", signed.all());
    assert!(signed.stderr.contains("can be read by others (mode 644)"), "{}", signed.all());
    assert!(signed.stderr.ends_with("Next: chmod 600 author.key\n"), "{}", signed.all());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
    author.does(&["sign", "greet"]);
    for (file, text) in [("author.key", "no key"), ("author.pub", "no key")] {
        let before = author.reads(file);
        author.writes(file, text);
        let verb = if file == "author.key" { "sign" } else { "verify" };
        let ended = author.types(&[verb, "greet"]);
        assert_eq!(ended.code, 2, "{}", ended.all());
        assert!(
            ended.stderr.contains(&format!("{file} is not a p")) && ended.stderr.contains("openssl"),
            "{}",
            ended.all()
        );
        author.writes(file, before);
    }
    let none = author.types(&["sign", "greet", "--key", "nowhere.key"]);
    assert_eq!(none.code, 2, "{}", none.all());
    assert!(none.stderr.contains("openssl genpkey -algorithm ed25519 -out nowhere.key"), "{}", none.all());
}

#[test]
fn no_command_shows_the_private_key() {
    let author = Author::new();
    let key = author.reads("author.key");
    let secret = key.lines().nth(1).expect("a key").to_owned();
    let mut shown = String::new();
    for arguments in
        [&["sign", "greet"][..], &["sign", "greet", "--json"], &["verify", "greet"], &["verify", "greet", "--json"]]
    {
        shown += &author.does(arguments).all();
    }
    author.writes("author.pub", &key);
    shown += &author.types(&["verify", "greet"]).all();
    assert!(!shown.contains(&secret) && !shown.contains(&secret[22..]), "{shown}");
}

#[test]
fn a_signature_of_another_key_is_refused_before_anything_is_sent() {
    let author = Author::signed();
    let other = Author::new();
    author.writes("other.pub", other.reads("author.pub"));
    let verified = author.types(&["verify", "greet", "--public", "other.pub"]);
    assert_eq!(verified.code, 1, "{}", verified.all());
    assert!(verified.stderr.starts_with("greet/signature-0.dsse.json: signature-invalid"), "{}", verified.all());
}

#[test]
fn two_authors_sign_side_by_side_and_each_only_once() {
    let (author, other) = (Author::signed(), Author::new());
    author.writes("other.key", other.reads("author.key"));
    fs::set_permissions(author.path().join("other.key"), fs::Permissions::from_mode(0o600)).expect("permissions");
    author.does(&["sign", "greet", "--key", "other.key"]);
    author.does(&["sign", "greet", "--days", "7"]);
    author.does(&["verify", "greet"]);
    let files = fs::read_dir(author.path().join("greet")).expect("the folder").flatten();
    let signatures = files.filter(|file| file.file_name().to_string_lossy().ends_with(".dsse.json")).count();
    assert_eq!(signatures, 2);
}

#[test]
fn terms_that_cannot_be_right_are_refused() {
    let author = Author::new();
    for (flags, said) in [
        (["--expires-at", "2020-01-01T00:00:00Z"], "is over"),
        (["--expires-at", "tomorrow"], "invalid value"),
        (["--days", "0"], "invalid value"),
        (["--previous", "1.0.0"], "is not a package digest"),
    ] {
        let signed = author.types(&[&["sign", "greet"], &flags[..]].concat());
        assert_eq!(signed.code, 2, "{flags:?}: {}", signed.all());
        assert!(signed.stderr.contains(said), "{flags:?}: {}", signed.all());
    }
}

//! Reports reach the disk whole, and a folder that cannot be written is named.

use std::fs;
use std::path::Path;

use assay_reports::{Report, WriteError, check_writable, write_all};

use crate::sample;

/// A folder that cannot be: a file stands in its place.
fn blocked(root: &Path) -> std::path::PathBuf {
    let file = root.join("taken");
    fs::write(&file, "a file").expect("written");
    file.join("reports")
}

#[test]
fn every_format_is_written_into_a_new_folder() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("deep/reports");
    let paths = write_all(&sample::report(), &folder).expect("written");
    let names: Vec<_> = paths.iter().filter_map(|path| path.file_name()).collect();
    assert_eq!(names, ["report.json", "junit.xml", "summary.md", "report.html"]);
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 4, "something was left behind");
}

#[test]
fn an_older_report_is_replaced() {
    let root = tempfile::tempdir().expect("a folder");
    let mut report = sample::report();
    write_all(&report, root.path()).expect("written");
    report.seed = 7;
    write_all(&report, root.path()).expect("written again");
    assert_eq!(Report::read(&root.path().join("report.json")).expect("read"), report);
}

#[test]
fn a_folder_that_cannot_be_written_is_named_with_the_cause() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = blocked(root.path());
    let error = check_writable(&folder).expect_err("refused");
    let text = error.to_string();
    assert!(text.contains(&folder.display().to_string()) && text.contains("Not a directory"), "{text}");
    let WriteError { folder: named, .. } = write_all(&sample::report(), &folder).expect_err("refused");
    assert_eq!(named, folder);
}

#[test]
fn checking_a_folder_leaves_nothing_in_it() {
    let root = tempfile::tempdir().expect("a folder");
    check_writable(root.path()).expect("writable");
    assert_eq!(fs::read_dir(root.path()).expect("a folder").count(), 0);
}

#[cfg(unix)]
#[test]
fn reports_are_as_readable_as_other_new_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().expect("a folder");
    fs::write(root.path().join("other"), "").expect("written");
    let paths = write_all(&sample::report(), root.path()).expect("written");
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode();
    assert_eq!(mode(&paths[0]), mode(&root.path().join("other")));
}

#[test]
fn a_report_of_another_version_is_refused_by_name() {
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("report.json");
    fs::write(&path, r#"{"schema": "assay-report/9"}"#).expect("written");
    assert!(Report::read(&path).expect_err("refused").to_string().contains("assay-report/9"));
}

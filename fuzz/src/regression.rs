//! What becomes of a finding: the smallest input that still shows it, in a file with a name, judged by every `cargo test`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::{
    finding::Finding,
    target::{Subject, Target},
};

/// Where the regressions of a target are.
pub fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target.name)
}

/// The smallest input found by leaving parts out that shows a finding of the same kind.
pub fn minimise(subject: &Subject, input: &[u8], finding: &Finding) -> Vec<u8> {
    let shows = |bytes: &[u8]| subject.judge(bytes).is_err_and(|found| found.kind == finding.kind);
    let mut smallest = input.to_vec();
    let mut run = (smallest.len() / 2).max(1);
    loop {
        let mut place = 0;
        while place < smallest.len() {
            let mut shorter = smallest.clone();
            shorter.drain(place..(place + run).min(shorter.len()));
            if shows(&shorter) {
                smallest = shorter;
            } else {
                place += run;
            }
        }
        if run == 1 {
            return smallest;
        }
        run /= 2;
    }
}

/// Writes an input to `folder` under a name that says what it shows and which input it is.
///
/// # Errors
/// What the file system says.
pub fn keep(folder: &Path, input: &[u8], finding: &Finding) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let digest = Sha256::digest(input);
    let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let path = folder.join(format!("{}-{name}", finding.kind.as_str()));
    fs::write(&path, input)?;
    Ok(path)
}

/// Every regression of a target, by path.
///
/// # Errors
/// What the file system says; a folder that is not there holds none.
pub fn all(target: &Target) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = folder(target);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.sort();
    paths.into_iter().map(|path| fs::read(&path).map(|bytes| (path, bytes))).collect()
}

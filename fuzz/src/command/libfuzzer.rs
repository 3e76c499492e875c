//! A target under libFuzzer, by cargo-fuzz: builds it, feeds it seeds and words, reads its figures, and keeps what crashes it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use assay_fuzz::{Finding, Kind, Target, rates::FOLDER, regression};

use super::{
    keep::{keep, write_seeds},
    progress::Progress,
    run::Ended,
};

/// The longest input, in bytes: longer than any fixture.
const LONGEST: &str = "-max_len=16384";
/// An input that takes longer is a finding.
const SLOWEST: &str = "-timeout=10";

/// Whether cargo-fuzz can be called.
pub fn is_installed() -> bool {
    let version = cargo_fuzz(&["--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Runs a target, which is one `of` how many.
pub fn run(target: &Target, of: (usize, usize), time: Duration) -> Result<Ended, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = cargo_fuzz(&["build", target.name]).status();
    if !built.is_ok_and(|status| status.success()) {
        return Err(format!("{} does not build; see what cargo says: cargo fuzz build {0}", target.name));
    }
    let corpus = folder.join("corpus").join(target.name);
    let words = folder.join("corpus").join(format!("{}.words", target.name));
    let artifacts = folder.join("artifacts").join(target.name);
    write_seeds(target, &corpus)
        .and_then(|_| fs::write(&words, dictionary(target)))
        .map_err(|fault| format!("{}: {fault}", corpus.display()))?;
    let before = files(&artifacts);
    let mut command = cargo_fuzz(&["run", target.name]);
    command.arg(&corpus).args(["--", LONGEST, SLOWEST, &format!("-max_total_time={}", time.as_secs())]);
    // libFuzzer takes an empty dictionary for a mistake.
    if !target.words.is_empty() {
        command.arg(OsString::from(format!("-dict={}", words.display())));
    }
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|fault| format!("cargo fuzz cannot be started: {fault}"))?;
    let mut progress = Progress::new(target.name, of);
    let (mut executions, mut figures, mut last) = (0, String::new(), Vec::new());
    for line in child.stderr.take().map(BufReader::new).into_iter().flat_map(BufReader::lines).map_while(Result::ok) {
        if let Some(done) = line.strip_prefix('#').and_then(|rest| rest.split(['\t', ' ', ':']).next()?.parse().ok()) {
            executions = done;
            figures = figure(&line, "cov: ").map(|cov| format!("{cov} edges")).unwrap_or(figures);
            progress.show(executions, &figures);
        } else if let Some(done) = figure(&line, "Done ") {
            executions = done.parse().unwrap_or(executions);
        } else {
            last.push(line);
        }
    }
    let status = child.wait().map_err(|fault| format!("cargo fuzz: {fault}"))?;
    progress.end(executions, &figures);
    let new: Vec<PathBuf> = files(&artifacts).difference(&before).cloned().collect();
    if new.is_empty() && !status.success() {
        let tail = last.iter().rev().take(20).rev().cloned().collect::<Vec<_>>().join("\n");
        return Err(format!("cargo fuzz ended with {status}:\n{tail}"));
    }
    for path in &new {
        crash(target, path)?;
    }
    if new.is_empty() && target.bare.is_some() {
        rates(target, &corpus)?;
    }
    Ok(Ended { executions, clean: new.is_empty() })
}

/// The target says how fast it is on what it has collected, and how fast the parser alone.
fn rates(target: &Target, corpus: &Path) -> Result<(), String> {
    let mut command = cargo_fuzz(&["run", target.name]);
    let said = command.env(FOLDER, corpus).stderr(Stdio::null()).output();
    let said = said.map_err(|fault| format!("cargo fuzz cannot be started: {fault}"))?;
    let said = String::from_utf8_lossy(&said.stdout);
    match said.trim() {
        "" => Err(format!("{} does not say how fast it is", target.name)),
        said => {
            println!("      {said}");
            Ok(())
        }
    }
}

/// A crash becomes a regression. One that this process does not see (a sanitizer's, a slow one) is kept as it is.
fn crash(target: &Target, path: &Path) -> Result<(), String> {
    let input = fs::read(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
    match target.honest().judge(&input) {
        Err(finding) => keep(target, &input, &finding),
        Ok(_) => {
            let finding = Finding::new(Kind::Panic, format!("only under libFuzzer: {}", path.display()));
            let kept = regression::keep(&regression::folder(target), &input, &finding);
            let kept = kept.map_err(|fault| fault.to_string())?;
            println!("{}: {finding}\n  {}", target.name, kept.display());
            Ok(())
        }
    }
}

/// `cargo fuzz`, on whatever toolchain there is: its flags are unstable, and need no other compiler.
fn cargo_fuzz(arguments: &[&str]) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    cargo.current_dir(root).env("RUSTC_BOOTSTRAP", "1").arg("fuzz").args(arguments);
    cargo
}

fn figure<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(name)?;
    rest.split_whitespace().next()
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// The words in libFuzzer's notation: one on a line, in quotes, what is not plain in hexadecimal digits.
pub fn dictionary(target: &Target) -> String {
    let byte = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    target.words.iter().map(|word| format!("\"{}\"\n", word.bytes().map(byte).collect::<String>())).collect()
}

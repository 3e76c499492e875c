//! One fuzz target: its generator and oracle as one function, its seeds, its words, and what it has to find.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::LazyLock;

use assay_package::Gates;

use crate::finding::{Finding, Kind};

/// A fuzz target.
pub struct Target {
    /// The name, as `cargo fuzz run` takes it.
    pub name: &'static str,
    /// What it compares with what.
    pub purpose: &'static str,
    /// Makes an input of bytes, puts it through the gates and judges the outcome. Answers what was seen in a word: inputs
    /// that show something new are worth keeping.
    pub judge: fn(&[u8], &Gates) -> Result<String, Finding>,
    /// Inputs to start from, made of fixtures.
    pub seeds: fn() -> Vec<Seed>,
    /// Words that an input is likely to need.
    pub words: &'static [&'static str],
    /// The planted defects that it has to find: names of sabotages of `assay-package`.
    pub planted: &'static [&'static str],
    /// Within so many executions each, from an empty corpus.
    pub budget: u64,
}

/// An input to start from.
pub struct Seed {
    /// The name of its file.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
}

impl Target {
    /// Judges an input; a panic is a finding.
    ///
    /// # Errors
    /// The finding.
    pub fn judge(&self, bytes: &[u8], gates: &Gates) -> Result<String, Finding> {
        let judged = catch_unwind(AssertUnwindSafe(|| (self.judge)(bytes, gates)));
        judged.unwrap_or_else(|panic| Err(Finding::new(Kind::Panic, words_of(&*panic))))
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_owned()
}

static HONEST: LazyLock<Gates> = LazyLock::new(Gates::honest);

/// Judges an input of libFuzzer by the honest gates.
///
/// # Panics
/// On a finding: that is what libFuzzer calls a crash.
pub fn judge_or_panic(target: &Target, bytes: &[u8]) {
    if let Err(finding) = (target.judge)(bytes, &HONEST) {
        panic!("{finding}");
    }
}

/// Judges the files that the command line names, and says what is found.
pub fn judge_files(target: &Target) -> ExitCode {
    let mut found = false;
    for path in std::env::args_os().skip(1) {
        let name = path.display().to_string();
        match std::fs::read(&path).map(|bytes| target.judge(&bytes, &HONEST)) {
            Ok(Ok(seen)) => println!("{name}: {seen}"),
            Ok(Err(finding)) => {
                println!("{name}: {finding}");
                found = true;
            }
            Err(fault) => {
                eprintln!("{name}: {fault}");
                found = true;
            }
        }
    }
    ExitCode::from(u8::from(found))
}

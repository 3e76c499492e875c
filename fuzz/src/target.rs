//! One fuzz target: its generator and oracle as one function, its seeds, its words, and what it has to find.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::OnceLock;

use assay_package::Gates;

use crate::{
    finding::{Finding, Kind},
    rates::Bare,
};

/// A fuzz target.
pub struct Target {
    /// The name, as `cargo fuzz run` takes it.
    pub name: &'static str,
    /// What it compares with what.
    pub purpose: &'static str,
    /// Makes what is judged: as the contract says, or with the planted defect of a name; none if there is no such defect.
    pub subject: fn(defect: Option<&str>) -> Option<Subject>,
    /// Inputs to start from, made of fixtures.
    pub seeds: fn() -> Vec<Seed>,
    /// Words that an input is likely to need.
    pub words: &'static [&'static str],
    /// The planted defects that it has to find: names of sabotages of the runtime.
    pub planted: &'static [&'static str],
    /// Within so many executions each, from an empty corpus.
    pub budget: u64,
    /// The parser that its gate stands on, where there is one: how fast the target is, is said beside it.
    pub bare: Option<Bare>,
}

/// An input to start from.
pub struct Seed {
    /// The name of its file.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
}

/// Makes an input of bytes, hands it to what is judged, and judges the outcome. Answers what was seen in a word: inputs that
/// show something new are worth keeping.
pub type Judge = dyn Fn(&[u8]) -> Result<String, Finding> + Send + Sync;

/// What a target judges, honest or with one defect, together with the oracle.
pub struct Subject(Box<Judge>);

impl Target {
    /// What is judged, as the contract says.
    ///
    /// # Panics
    /// If it cannot be made: then there is nothing to fuzz.
    pub fn honest(&self) -> Subject {
        (self.subject)(None).unwrap_or_else(|| panic!("{}: what is judged cannot be made", self.name))
    }
}

impl Subject {
    /// A judge.
    pub fn new(judge: impl Fn(&[u8]) -> Result<String, Finding> + Send + Sync + 'static) -> Self {
        Self(Box::new(judge))
    }

    /// A judge of the package gates.
    pub fn of_gates(defect: Option<&str>, judge: fn(&[u8], &Gates) -> Result<String, Finding>) -> Option<Self> {
        gates(defect).map(|gates| Self::new(move |bytes| judge(bytes, &gates)))
    }

    /// Judges an input; a panic is a finding.
    ///
    /// # Errors
    /// The finding.
    pub fn judge(&self, bytes: &[u8]) -> Result<String, Finding> {
        let judged = catch_unwind(AssertUnwindSafe(|| (self.0)(bytes)));
        judged.unwrap_or_else(|panic| Err(Finding::new(Kind::Panic, words_of(&*panic))))
    }
}

/// The gates, honest or with one defect.
pub fn gates(defect: Option<&str>) -> Option<Gates> {
    match defect {
        None => Some(Gates::honest()),
        #[cfg(feature = "sabotage")]
        Some(id) => Gates::sabotaged(id),
        #[cfg(not(feature = "sabotage"))]
        Some(_) => None,
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_owned()
}

/// Judges an input of libFuzzer. A process has one target, so one subject is enough.
///
/// # Panics
/// On a finding: that is what libFuzzer calls a crash.
pub fn judge_or_panic(target: &Target, bytes: &[u8]) {
    static HONEST: OnceLock<Subject> = OnceLock::new();
    if let Err(finding) = (HONEST.get_or_init(|| target.honest()).0)(bytes) {
        panic!("{finding}");
    }
}

/// Judges the files that the command line names, and says what is found.
pub fn judge_files(target: &Target) -> ExitCode {
    let (mut found, subject) = (false, target.honest());
    for path in std::env::args_os().skip(1) {
        let name = path.display().to_string();
        match std::fs::read(&path).map(|bytes| subject.judge(&bytes)) {
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

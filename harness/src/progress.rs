//! What a person or a CI log sees while checks run.

use assay_reports::{CheckResult, Totals};

/// Is told what happens. Calls come from one thread at a time, in the order in which checks end.
pub trait Progress: Send + Sync {
    /// So many checks will run, each packaging counted.
    fn planned(&self, total: usize);
    /// A check ended.
    fn judged(&self, result: &CheckResult);
    /// The run is over.
    fn finished(&self, totals: &Totals);
}

mod lines;
mod terminal;

pub use lines::Lines;
pub use terminal::Terminal;

/// Says nothing.
#[derive(Clone, Copy, Default, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn planned(&self, _: usize) {}
    fn judged(&self, _: &CheckResult) {}
    fn finished(&self, _: &Totals) {}
}

/// A bar if stderr is a terminal, plain lines elsewhere. Colours only on a terminal and without `NO_COLOR`.
#[must_use]
pub fn for_stderr() -> Box<dyn Progress> {
    use std::io::IsTerminal as _;
    if std::io::stderr().is_terminal() {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Box::new(Terminal::new(colours))
    } else {
        Box::new(Lines::new(std::io::stderr()))
    }
}

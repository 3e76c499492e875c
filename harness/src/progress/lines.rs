//! Plain lines, for logs: one per check that needs attention, and one per tenth of the run.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use assay_reports::{CheckResult, Totals, Verdict};

use super::Progress;

/// Writes plain lines. What cannot be written is lost: a closed log must not end a run.
#[derive(Debug)]
pub struct Lines<W> {
    state: Mutex<State<W>>,
}

#[derive(Debug)]
struct State<W> {
    out: W,
    total: usize,
    done: usize,
    attention: usize,
}

impl<W: Write> Lines<W> {
    /// Writes to this stream.
    pub fn new(out: W) -> Lines<W> {
        let state = State { out, total: 0, done: 0, attention: 0 };
        Lines { state: Mutex::new(state) }
    }

    fn with(&self, write: impl FnOnce(&mut State<W>) -> std::io::Result<()>) {
        let _ = write(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<W: Write + Send> Progress for Lines<W> {
    fn planned(&self, total: usize) {
        self.with(|state| {
            state.total = total;
            writeln!(state.out, "{total} checks")
        });
    }

    fn judged(&self, result: &CheckResult) {
        self.with(|state| {
            let tenth = |done: usize| done * 10 / state.total.max(1);
            let (before, now) = (tenth(state.done), tenth(state.done + 1));
            state.done += 1;
            if needs_attention(result.verdict) {
                state.attention += 1;
                writeln!(state.out, "{}", line(result))?;
            }
            if now > before {
                writeln!(state.out, "{}/{} checks, {} need attention", state.done, state.total, state.attention)?;
            }
            Ok(())
        });
    }

    fn finished(&self, totals: &Totals) {
        self.with(|state| writeln!(state.out, "{}", counts(totals)));
    }
}

/// Whether a verdict gets a line of its own.
pub(super) fn needs_attention(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Inconclusive | Verdict::Error)
}

/// `FAIL core.signature.wrong-key [core]: reason`
pub(super) fn line(result: &CheckResult) -> String {
    let reason = result.reason.as_deref().unwrap_or_default();
    format!("{} {}: {}", result.verdict, result.label(), reason.replace('\n', " "))
}

/// `81 pass, 2 fail, 1 skipped`, without what is zero.
pub(super) fn counts(totals: &Totals) -> String {
    let counts = Verdict::ALL.into_iter().map(|verdict| (verdict, totals.count(verdict)));
    let words: Vec<String> =
        counts.filter(|(_, n)| *n > 0).map(|(verdict, n)| format!("{n} {}", verdict.word().to_lowercase())).collect();
    if words.is_empty() { "no checks".to_owned() } else { words.join(", ") }
}

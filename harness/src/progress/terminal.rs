//! A bar with the counts so far, and every failure above it as it happens.

use std::sync::{Mutex, PoisonError};

use assay_reports::{CheckResult, Totals, Verdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Progress;
use super::lines::{counts, line, needs_attention};

/// Draws on stderr.
#[derive(Debug)]
pub struct Terminal {
    bar: ProgressBar,
    colours: bool,
    results: Mutex<Totals>,
}

impl Terminal {
    /// An empty bar, with colours or without.
    #[must_use]
    pub fn new(colours: bool) -> Terminal {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is a constant; the default style is what would be left of a wrong one.
        let style = ProgressStyle::with_template("{elapsed:>4} [{bar:30}] {pos}/{len}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        Terminal { bar, colours, results: Mutex::new(Totals::default()) }
    }

    fn painted(&self, verdict: Verdict, text: &str) -> String {
        let colour = match verdict {
            Verdict::Pass => 32,
            Verdict::Fail | Verdict::Error => 31,
            Verdict::Inconclusive | Verdict::Unsupported | Verdict::Skipped => 33,
        };
        if self.colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

impl Progress for Terminal {
    fn planned(&self, total: usize) {
        self.bar.set_length(total as u64);
    }

    fn judged(&self, result: &CheckResult) {
        let mut totals = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut totals, result.verdict);
        if needs_attention(result.verdict) {
            let text = line(result);
            let word = result.verdict.word();
            let painted = self.painted(result.verdict, word);
            self.bar.println(text.replacen(word, &painted, 1));
        }
        self.bar.set_message(counts(&totals));
        self.bar.inc(1);
    }

    fn finished(&self, totals: &Totals) {
        self.bar.finish_and_clear();
        let worst = Verdict::ALL.into_iter().filter(|verdict| totals.count(*verdict) > 0).max();
        eprintln!("{}", self.painted(worst.unwrap_or(Verdict::Skipped), &counts(totals)));
    }
}

fn add(totals: &mut Totals, verdict: Verdict) {
    totals.planned += 1;
    let count = match verdict {
        Verdict::Pass => &mut totals.pass,
        Verdict::Fail => &mut totals.fail,
        Verdict::Inconclusive => &mut totals.inconclusive,
        Verdict::Unsupported => &mut totals.unsupported,
        Verdict::Skipped => &mut totals.skipped,
        Verdict::Error => &mut totals.error,
    };
    *count += 1;
}

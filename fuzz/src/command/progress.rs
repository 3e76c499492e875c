//! One line that says how far a target is: rewritten on a terminal, and printed now and then elsewhere.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

/// The line of one target.
pub struct Progress {
    target: &'static str,
    of: (usize, usize),
    started: Instant,
    shown: Instant,
    terminal: bool,
}

impl Progress {
    /// A target that starts now, and which of how many it is.
    pub fn new(target: &'static str, of: (usize, usize)) -> Self {
        let started = Instant::now();
        Self { target, of, started, shown: started, terminal: stderr().is_terminal() }
    }

    /// How long the target runs.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Shows how far it is, if it is time to.
    pub fn show(&mut self, executions: u64, what: &str) {
        let pause = if self.terminal { Duration::from_millis(200) } else { Duration::from_secs(10) };
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        let line = self.line(executions, what);
        if self.terminal {
            eprint!("\r\u{1b}[K{line}");
            // What cannot be shown is no reason to stop.
            let _ = stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    /// The last line.
    pub fn end(self, executions: u64, what: &str) {
        if self.terminal {
            eprint!("\r\u{1b}[K");
        }
        println!("{}", self.line(executions, what));
    }

    fn line(&self, executions: u64, what: &str) -> String {
        let seconds = self.elapsed().as_secs_f64();
        let rate = executions as f64 / seconds.max(0.001);
        let (place, all) = self.of;
        format!(
            "[{place}/{all}] {:<11} {seconds:>5.0} s {executions:>10} executions {rate:>8.0}/s  {what}",
            self.target
        )
    }
}

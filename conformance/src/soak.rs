//! The command line of a soak, shared by `assay soak` and `cargo xtask soak`: one check for as many kills as somebody likes.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use assay_harness::{AttachError, AttachOptions, Exit, Filter, Interrupt, Options, Session, progress};
use assay_reports::Report;
use clap::Args;

use crate::cli::{Refused, launched};
use crate::run::{Selection, judge};
use crate::suites::SOAKED;
use crate::summary;

/// One kill, with the start after it and the reads that follow, takes at most so long.
const ONE_KILL: Duration = Duration::from_secs(30);

/// What to kill, and how often.
#[derive(Args, Clone, Debug)]
pub struct Soak {
    /// How often the target is killed. From 9 on every kind of operation is cut off at least once
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub kills: u32,
    /// Seed of the moments of the kills [default: random, and printed]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Command that starts the target; it gets its settings as ASSAY_* variables
    #[arg(long, value_name = "COMMAND")]
    pub launch: Option<String>,
    /// Folder for report.json, junit.xml, summary.md and report.html
    #[arg(long, value_name = "DIR", default_value = "reports/out")]
    pub out: PathBuf,
}

impl Soak {
    /// Runs, writes the reports and prints what a person wants to know. `name` is what was typed to come here, `embedded` the
    /// command of the target that is launched when the command line names none.
    pub async fn run(self, name: &str, embedded: Option<Vec<String>>) -> Exit {
        match self.attempt(name, embedded).await {
            Ok(exit) => exit,
            Err(refused) => {
                eprintln!("error: {refused}");
                refused.exit()
            }
        }
    }

    async fn attempt(&self, name: &str, embedded: Option<Vec<String>>) -> Result<Exit, Refused> {
        assay_reports::check_writable(&self.out)?;
        let attach = launched(self.launch.as_deref(), embedded)?;
        let interrupt = Interrupt::on_signals()
            .map_err(|fault| AttachError::Harness(format!("signals cannot be caught: {fault}")))?;
        let soak = assay_harness::Soak::new(self.kills, interrupt.clone());
        let options = Options {
            seed: self.seed.unwrap_or(Options::default().seed),
            deadline: ONE_KILL * (self.kills + 10),
            request_timeout: Duration::from_secs(15),
            soak: Some(soak.clone()),
            ..Options::default()
        };
        let session = Session::attach(attach, AttachOptions { interrupt, ..AttachOptions::default() }).await?;
        let selection = Selection { filter: Some(Filter::parse(SOAKED)), ..Selection::default() };
        let (plan, profiles) = selection.plan(&session.discovery().profiles)?;
        eprint!("{}", summary::opening(&session.target(), &profiles, plan.checks().count(), options.seed));
        let again = self.again(name, options.seed);
        eprintln!("the same kills again: {again}");
        let shown = tokio::spawn(show(soak, self.kills));
        let mut report = judge(&session, &plan, profiles, &options, vec![again], &progress::Silent).await;
        shown.abort();
        session.stop().await;
        // It is about these requirements and says nothing of others.
        report.requirements.retain(|requirement| !requirement.checks.is_empty());
        report.conclude();
        let written = assay_reports::write_all(&report, &self.out)?;
        print!("{}{}", cases(&report), summary::closing(&report, &written));
        Ok(Exit::from(report.conclusion))
    }

    /// What to type to have it again.
    fn again(&self, name: &str, seed: u64) -> String {
        let launch = self.launch.as_deref().map(|launch| format!(" --launch {}", shell_words::quote(launch)));
        format!("{name} --kills {} --seed {seed}{}", self.kills, launch.unwrap_or_default())
    }
}

/// What the kills fell into.
fn cases(report: &Report) -> String {
    report.checks.iter().flat_map(|check| &check.cases).fold(String::new(), |mut text, case| {
        let _ = writeln!(text, "{}", case.name);
        text
    })
}

/// Shows how many kills there were: in place on a terminal, a line for each tenth elsewhere.
async fn show(soak: assay_harness::Soak, kills: u32) {
    let (mut done, kills) = (soak.done.subscribe(), kills as usize);
    let (in_place, mut tenth) = (std::io::stderr().is_terminal(), 0);
    while done.changed().await.is_ok() {
        let so_far = *done.borrow_and_update();
        if in_place {
            eprint!("\r{so_far}/{kills} kills{}", if so_far < kills { "" } else { "\n" });
            // A line that is not shown is no loss.
            let _ = std::io::stderr().flush();
        } else if so_far * 10 / kills.max(1) > tenth {
            tenth = so_far * 10 / kills.max(1);
            eprintln!("{so_far}/{kills} kills");
        }
    }
}

//! `cargo xtask prove`: the suite against runtimes that are wrong on purpose. A sabotage that no check notices, or a check
//! that fails for a defect which is not its own, ends the proof.

mod degenerate;
mod judges;
mod row;
mod scratch;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use assay_conformance::proof::{self, Sabotage};
use assay_conformance::run::{Selection, judge, suite};
use assay_conformance::suites::GROUPS;
use assay_harness::{Attach, AttachOptions, Exit, Interrupt, Options, Probe, Session, TERMS, progress::Silent};
use assay_reports::{KillMatrix, MATRIX_SCHEMA, Report, Row, RowVerdict, matrix_html, matrix_text};
use clap::Args;

use self::judges::Judges;
use crate::build;

pub use table::coverage;

/// What to prove.
#[derive(Args, Clone, Debug)]
pub struct Prove {
    /// Sabotages to prove: globs separated by commas; the degenerate targets are then left out
    #[arg(long, value_name = "GLOBS", value_delimiter = ',')]
    sabotage: Vec<String>,
    /// Judge every sabotage by every check but those of the profile load, and not only by those near the ones it names
    #[arg(long)]
    thorough: bool,
    /// Look for collateral with one in nine of the checks that a sabotage does not name, others in each row, as CI does
    #[arg(long, conflicts_with = "thorough")]
    swift: bool,
    /// Prove the fuzzers instead: each finds its planted defects from an empty corpus, within its budget of executions
    #[arg(long, conflicts_with_all = ["sabotage", "thorough", "swift", "blunt"])]
    pub fuzz: bool,
    /// Runtimes that are judged at once
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
    /// Folder for kill-matrix.json and kill-matrix.html
    #[arg(long, value_name = "DIR", default_value = "reports/out")]
    out: PathBuf,
    /// Checks whose assertions are ignored, as if somebody had deleted them; the proof must then fail
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    blunt: Vec<String>,
}

/// A request to a sabotaged runtime may take so long: longer than any that is answered, short enough for those that hang.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
/// Seed of everything random in checks: whether what is generated meets a defect must not depend on luck.
const SEED: u64 = 1;
/// So many rows at most are judged a second time.
const MOST_JUDGED_AGAIN: usize = 16;

impl Prove {
    /// Runs the proof, prints the matrix and writes it.
    pub async fn run(self) -> Exit {
        match self.attempt().await {
            Ok(matrix) if matrix.proven => Exit::Conformant,
            Ok(_) => Exit::NotConformant,
            Err(fault) => {
                eprintln!("error: {fault}");
                Exit::HarnessError
            }
        }
    }

    async fn attempt(&self) -> Result<KillMatrix, String> {
        let started = Instant::now();
        let started_at = jiff::Timestamp::now().to_string();
        let interrupt = Interrupt::on_signals().map_err(|fault| format!("signals cannot be caught: {fault}"))?;
        assay_reports::check_writable(&self.out).map_err(|fault| fault.to_string())?;
        let honest = build::runtime(build::Kind::Honest)?;
        let sabotaged = build::runtime(build::Kind::Sabotaged)?;
        let all = proof::sabotages()?;
        let mut problems = table::problems(all, &table::offered(&sabotaged)?);
        let chosen: Vec<Sabotage> = all.iter().filter(|sabotage| self.chooses(sabotage)).cloned().collect();
        if chosen.is_empty() {
            return Err(format!(
                "no sabotage is called {}\nSee conformance/proof/sabotages.toml",
                self.sabotage.join(",")
            ));
        }
        let options = Options {
            blunt: self.blunt.iter().cloned().collect(),
            request_timeout: REQUEST_TIMEOUT,
            deadline: Duration::from_secs(60),
            seed: SEED,
            interrupt,
            ..Options::default()
        };
        let (proxied, direct): (Vec<&Sabotage>, Vec<&Sabotage>) = chosen.iter().partition(|sabotage| sabotage.proxy);
        let named = kills(&direct);
        let everything = self.thorough || self.sabotage.is_empty();
        let judges = if everything { Judges::all(named) } else { Judges::control(named) };
        let through_a_proxy = Judges::through_a_proxy(kills(&proxied));
        let controls = [(judges, everything || !direct.is_empty()), (through_a_proxy, !proxied.is_empty())];
        for (judges, _) in controls.into_iter().filter(|(_, is_needed)| *is_needed) {
            let control = report_of(launch(&honest, &[]), &options, &judges).await?;
            problems.extend(row::control_problems(&control));
        }
        let rows = self.rows(&sabotaged, &chosen, &options).await;
        let degenerates = match self.sabotage.is_empty() {
            true => degenerate::rows(&honest, &options).await?,
            false => Vec::new(),
        };
        if options.interrupt.is_thrown() {
            return Err("interrupted: the proof is not finished".to_owned());
        }
        let mut matrix = KillMatrix {
            schema: MATRIX_SCHEMA.to_owned(),
            contract: TERMS.version.clone(),
            suite: suite(),
            started_at,
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            checks: GROUPS.iter().flat_map(|group| group.checks).map(|check| check.id.to_owned()).collect(),
            rows,
            degenerates,
            problems,
            proven: false,
        };
        matrix.conclude();
        self.publish(&matrix)?;
        Ok(matrix)
    }

    fn chooses(&self, sabotage: &Sabotage) -> bool {
        self.sabotage.is_empty() || self.sabotage.iter().any(|pattern| proof::matches(pattern, &sabotage.id))
    }

    /// One row per sabotage, several at a time, each with a line of progress.
    async fn rows(&self, binary: &Path, sabotages: &[Sabotage], options: &Options) -> Vec<Row> {
        let next = AtomicUsize::new(0);
        let rows = Mutex::new(Vec::new());
        let lane = async || {
            while let Some((place, sabotage)) = take(&next, sabotages) {
                if options.interrupt.is_thrown() {
                    return;
                }
                let row = self.prove_one(binary, sabotage, options).await;
                let mut rows = rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                rows.push((place, row));
                if let Some((_, row)) = rows.last() {
                    eprintln!(
                        "{:>3}/{} {:<12} {} ({} ms)",
                        rows.len(),
                        sabotages.len(),
                        row.verdict.words(),
                        row.sabotage,
                        row.duration_ms
                    );
                }
            }
        };
        futures_util::future::join_all((0..self.jobs.max(1)).map(|_| lane())).await;
        let mut rows = rows.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        rows.sort_by_key(|(place, _)| *place);
        let mut rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
        self.judge_again(binary, sabotages, options, &mut rows).await;
        rows
    }

    /// Rows share the machine's cores while they are judged, and a defect that needs many requests at once needs the cores.
    /// So a row that did not end as declared is judged once more, with nothing beside it, and the matrix says so. Many such
    /// rows have another reason than their neighbours.
    async fn judge_again(&self, binary: &Path, sabotages: &[Sabotage], options: &Options, rows: &mut [Row]) {
        if rows.iter().filter(|row| row.verdict != RowVerdict::Killed).count() > MOST_JUDGED_AGAIN {
            return;
        }
        for (row, sabotage) in rows.iter_mut().zip(sabotages) {
            if row.verdict != RowVerdict::Killed && !options.interrupt.is_thrown() {
                eprint!("{}", matrix_text::faults(row));
                *row = Row { attempts: 2, ..self.prove_one(binary, sabotage, options).await };
                eprintln!("again {:<12} {} ({} ms)", row.verdict.words(), row.sabotage, row.duration_ms);
            }
        }
    }

    async fn prove_one(&self, binary: &Path, sabotage: &Sabotage, options: &Options) -> Row {
        let started = Instant::now();
        let judges = match self.thorough && !sabotage.proxy {
            true => Judges::all(sabotage.kills.iter().map(String::as_str).collect()),
            false => Judges::of(sabotage).swiftly(self.swift),
        };
        let report = report_of(launch(binary, &["--sabotage", &sabotage.id]), options, &judges).await;
        let mut row = row::judge(sabotage, report);
        row.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        row
    }

    fn publish(&self, matrix: &KillMatrix) -> Result<(), String> {
        use std::io::IsTerminal as _;
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        print!("{}", matrix_text::render(matrix, colour));
        let json = serde_json::to_string_pretty(matrix).map_err(|fault| fault.to_string())? + "\n";
        for (name, text) in [("kill-matrix.json", json), ("kill-matrix.html", matrix_html::render(matrix))] {
            let path = assay_reports::write_file(&self.out, name, &text).map_err(|fault| fault.to_string())?;
            println!("  {}", path.display());
        }
        Ok(())
    }
}

/// The checks that these name.
fn kills<'a>(sabotages: &[&'a Sabotage]) -> Vec<&'a str> {
    sabotages.iter().flat_map(|sabotage| &sabotage.kills).map(String::as_str).collect()
}

fn take<'a>(next: &AtomicUsize, sabotages: &'a [Sabotage]) -> Option<(usize, &'a Sabotage)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    sabotages.get(place).map(|sabotage| (place, sabotage))
}

fn launch(binary: &Path, arguments: &[&str]) -> Attach {
    // All rows send the same modules: whoever comes first compiles them.
    let compiled = build::target_folder().join("prove/compiled");
    let mut command = vec![binary.display().to_string()];
    command.extend(arguments.iter().map(|&argument| argument.to_owned()));
    let env = vec![("ASSAY_COMPILED".to_owned(), compiled.display().to_string())];
    Attach::Launch { command, env }
}

/// Attaches and judges.
async fn report_of(attach: Attach, options: &Options, judges: &Judges<'_>) -> Result<Report, String> {
    // A degenerate target is attached by its URL, and shall be seen to send nothing.
    let observatory = matches!(attach, Attach::Url { .. }).then(tempfile::tempdir).transpose();
    let observatory = observatory.map_err(|fault| format!("no folder for an observatory: {fault}"))?;
    let attach_options = AttachOptions {
        probe: Probe::Discovery,
        request_timeout: options.request_timeout,
        scratch: scratch::in_memory(),
        observatory: observatory.as_ref().map(|folder| folder.path().to_owned()),
        proxy: judges.proxied(),
        interrupt: options.interrupt.clone(),
        ..AttachOptions::default()
    };
    let session = Session::attach(attach, attach_options).await.map_err(|fault| fault.to_string())?;
    let profiles: Vec<String> = TERMS.profiles.iter().map(|profile| profile.id.clone()).collect();
    let (plan, profiles) = Selection::default().plan(&profiles).map_err(|fault| fault.to_string())?;
    let plan = plan.keeping(|group, check| judges.include(group.profile, check));
    let plan = plan.in_one_packaging(|check| judges.packaging(check));
    // Names of its own, or the runtimes would find modules compiled that are meant to be new to them.
    let options = Options { nonce: Options::default().nonce, ..options.clone() };
    let report = judge(&session, &plan, profiles, &options, Vec::new(), &Silent).await;
    session.stop().await;
    Ok(report)
}

//! Runs checks in parallel and turns how each one ended into a verdict. Nothing is green by default: what did not run is
//! SKIPPED with a reason, what broke is ERROR, and every planned check has exactly one result.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use assay_reports::{CheckResult, Totals, Verdict};
use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::cx::{NEEDS_OBSERVATORY, Scope, namespace};
use crate::evidence::{Recorder, milliseconds};
use crate::own_target::NEEDS_LAUNCH;
use crate::plan::Entry;
use crate::{Check, Cost, Cx, Group, Interrupt, Need, Packagings, Plan, Progress, Session, Soak, Stop};

/// A check that was ended gets so long to end what it started.
const FAREWELL: Duration = Duration::from_secs(1);
const INTERRUPTED: &str = "interrupted";
/// Why a check with [`Need::Addresses`] does not run.
const BEHIND_A_PROXY: &str =
    "the target reaches other hosts through a proxy, which resolves their names (egress.md 7.2)";

/// Why a check with [`Need::Proxy`] does not run.
const NO_PROXY: &str = "the target reaches other hosts by itself (egress.md 7.2): give it a proxy with --proxy";

/// Why a check with [`Need::DefaultPort`] does not run.
const NO_DEFAULT_PORT: &str = "this machine lets its administrator alone listen at port 443: run as such, or give the target a proxy with --proxy";

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// So many checks run at once, at least 1; if they are more than one, as many again that only wait.
    pub jobs: usize,
    /// How long one check may take, unless it says of itself that it needs longer.
    pub deadline: Duration,
    /// How long one exchange may take.
    pub request_timeout: Duration,
    /// Seed of everything random in checks.
    pub seed: u64,
    /// Makes the names of this run its own.
    pub nonce: String,
    /// Start no more checks after the first FAIL or ERROR.
    pub fail_fast: bool,
    /// The proof's own test: these checks run and then PASS, as if somebody had deleted their assertions.
    pub blunt: BTreeSet<String>,
    /// Makes the checks that kill their target go on for longer.
    pub soak: Option<Soak>,
    /// Ends the run early: what runs and what has not run yet is SKIPPED.
    pub interrupt: Interrupt,
}

impl Default for Options {
    /// 16 jobs, 20 s per check, 10 s per exchange, a random seed and a random nonce.
    fn default() -> Options {
        Options {
            jobs: 16,
            deadline: Duration::from_secs(20),
            request_timeout: Duration::from_secs(10),
            seed: rand::random(),
            nonce: hex::encode(rand::random::<[u8; 8]>()),
            fail_fast: false,
            blunt: BTreeSet::new(),
            soak: None,
            interrupt: Interrupt::new(),
        }
    }
}

/// What a run found.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// One result per planned check and packaging, in the order of the plan.
    pub checks: Vec<CheckResult>,
    /// How many ended how.
    pub totals: Totals,
    /// Whether it was ended early by a signal.
    pub interrupted: bool,
    /// When it started.
    pub started_at: jiff::Timestamp,
    /// When it ended.
    pub finished_at: jiff::Timestamp,
    /// Wall-clock time of the run, without attaching.
    pub duration: Duration,
}

/// Runs every check of the plan, once per packaging that it is for.
pub async fn run(session: &Session, plan: &Plan, options: &Options, progress: &dyn Progress) -> RunResult {
    let run = Run { session, options, started: Instant::now(), stopped_by: std::sync::OnceLock::new() };
    let started_at = jiff::Timestamp::now();
    let jobs = run.jobs(plan);
    progress.planned(jobs.len());

    let waiting = Waiting::of(&jobs);
    let lanes = waiting.lanes(options.jobs);
    let lanes = lanes.into_iter().enumerate().map(|(lane, costs)| run.lane(lane, costs, &jobs, &waiting, progress));
    let mut judged: Vec<(usize, CheckResult)> = join_all(lanes).await.into_iter().flatten().collect();
    judged.sort_by_key(|(index, _)| *index);

    let checks: Vec<CheckResult> = judged.into_iter().map(|(_, result)| result).collect();
    let totals = Totals::of(&checks);
    progress.finished(&totals);
    RunResult {
        checks,
        totals,
        interrupted: options.interrupt.is_thrown(),
        started_at,
        finished_at: jiff::Timestamp::now(),
        duration: run.started.elapsed(),
    }
}

/// One check in one packaging.
struct Job {
    group: &'static Group,
    check: &'static Check,
    packaging: String,
}

/// The jobs that no lane has taken yet, by their index and by what they spend.
struct Waiting {
    kinds: [(Vec<usize>, AtomicUsize); 3],
}

impl Waiting {
    fn of(jobs: &[Job]) -> Waiting {
        let costing = |cost| (0..jobs.len()).filter(|&index| jobs[index].check.cost == cost).collect();
        Waiting { kinds: [Cost::Swift, Cost::Busy, Cost::Wait].map(|cost| (costing(cost), AtomicUsize::new(0))) }
    }

    /// What each lane takes, in this order. Of those that the run allows every other one begins with what keeps a processor
    /// busy. As many again take what only waits, so that the time for which it waits is time for the others.
    fn lanes(&self, jobs: usize) -> Vec<&'static [Cost]> {
        const WORK: [&[Cost]; 2] = [&[Cost::Swift, Cost::Busy, Cost::Wait], &[Cost::Busy, Cost::Swift, Cost::Wait]];
        let all: usize = self.kinds.iter().map(|(indices, _)| indices.len()).sum();
        let working = jobs.clamp(1, all.max(1));
        let beside = if jobs > 1 { self.kinds[Cost::Wait as usize].0.len().min(jobs) } else { 0 };
        let working = WORK.into_iter().cycle().take(working);
        working.chain(std::iter::repeat_n(&[Cost::Wait][..], beside)).collect()
    }

    fn next(&self, costs: &[Cost]) -> Option<usize> {
        costs.iter().find_map(|&cost| {
            let (indices, taken) = &self.kinds[cost as usize];
            indices.get(taken.fetch_add(1, Ordering::Relaxed)).copied()
        })
    }
}

struct Run<'a> {
    session: &'a Session,
    options: &'a Options,
    started: Instant,
    /// With `fail_fast`: the check after which nothing starts any more.
    stopped_by: std::sync::OnceLock<String>,
}

impl Run<'_> {
    fn jobs(&self, plan: &Plan) -> Vec<Job> {
        let abis = &self.session.discovery().abis;
        let mut jobs = Vec::new();
        for &Entry { group, check, only } in plan.entries() {
            let packagings = match (check.packagings, only) {
                (Packagings::Once, _) => &abis[..abis.len().min(1)],
                (Packagings::Each, None) => abis,
                (Packagings::Each, Some(number)) => std::slice::from_ref(&abis[number % abis.len()]),
            };
            jobs.extend(packagings.iter().map(|packaging| Job { group, check, packaging: packaging.clone() }));
        }
        jobs
    }

    async fn lane(
        &self,
        lane: usize,
        costs: &[Cost],
        jobs: &[Job],
        waiting: &Waiting,
        progress: &dyn Progress,
    ) -> Vec<(usize, CheckResult)> {
        let mut results = Vec::new();
        while let Some((index, job)) = waiting.next(costs).and_then(|index| Some((index, jobs.get(index)?))) {
            let result = self.judge(job, u32::try_from(lane).unwrap_or(u32::MAX)).await;
            if self.options.fail_fast && matches!(result.verdict, Verdict::Fail | Verdict::Error) {
                // Only the first one is the reason; it does not matter which of two comes first.
                let _ = self.stopped_by.set(result.label());
            }
            progress.judged(&result);
            results.push((index, result));
        }
        results
    }

    async fn judge(&self, job: &Job, lane: u32) -> CheckResult {
        let started = Instant::now();
        let recorder = Arc::new(Recorder::new(self.started, self.session.redactor()));
        let finished = match self.gate(job.check) {
            Err((verdict, reason)) => {
                let mut finished = recorder.finish(Ok(()), false);
                (finished.verdict, finished.reason) = (verdict, Some(reason));
                finished
            }
            Ok(()) => {
                let end = self.execute(job, started, &recorder).await;
                recorder.settled().await;
                // An interrupted check asserted nothing, blunt or not.
                let interrupted = matches!(&end, Err(Stop::Skip(reason)) if reason == INTERRUPTED);
                recorder.finish(end, self.options.blunt.contains(job.check.id) && !interrupted)
            }
        };
        CheckResult {
            id: job.check.id.to_owned(),
            title: job.check.title.to_owned(),
            profile: job.group.profile.to_owned(),
            group: job.group.name.to_owned(),
            requirements: job.check.requirements.iter().map(|&id| id.to_owned()).collect(),
            packaging: (job.check.packagings == Packagings::Each).then(|| job.packaging.clone()),
            verdict: finished.verdict,
            reason: finished.reason,
            started_ms: milliseconds(started - self.started),
            duration_ms: milliseconds(started.elapsed()),
            lane,
            cases: finished.cases,
            exchanges: finished.exchanges,
            attachments: finished.attachments,
            proved_by: Vec::new(),
        }
    }

    /// Why a check does not even start.
    fn gate(&self, check: &Check) -> Result<(), (Verdict, String)> {
        if self.options.interrupt.is_thrown() {
            return Err((Verdict::Skipped, INTERRUPTED.to_owned()));
        }
        if let Some(failed) = self.stopped_by.get() {
            return Err((Verdict::Skipped, format!("not started after {failed} (--fail-fast)")));
        }
        for need in check.needs {
            match need {
                Need::Feature(feature) if !self.session.discovery().has_feature(feature) => {
                    return Err((Verdict::Unsupported, format!("the feature `{feature}` is not declared")));
                }
                Need::Launch if self.session.launcher.is_none() => {
                    return Err((Verdict::Skipped, NEEDS_LAUNCH.to_owned()));
                }
                Need::Observatory if self.session.observatory.is_none() => {
                    return Err((Verdict::Skipped, NEEDS_OBSERVATORY.to_owned()));
                }
                Need::Packaging(packaging) if !self.session.discovery().abis.iter().any(|abi| abi == packaging) => {
                    return Err((Verdict::Unsupported, format!("the packaging `{packaging}` is not declared")));
                }
                Need::Addresses if self.session.proxied => {
                    return Err((Verdict::Unsupported, BEHIND_A_PROXY.to_owned()));
                }
                Need::Proxy if !self.session.proxied => {
                    return Err((Verdict::Unsupported, NO_PROXY.to_owned()));
                }
                Need::DefaultPort if !self.session.proxied && !crate::observatory::may_use_the_default_port() => {
                    return Err((Verdict::Unsupported, NO_DEFAULT_PORT.to_owned()));
                }
                Need::Feature(_)
                | Need::DefaultPort
                | Need::Packaging(_)
                | Need::Launch
                | Need::Observatory
                | Need::Addresses
                | Need::Proxy => {}
            }
        }
        Ok(())
    }

    /// Runs the check in a task of its own, so that neither a panic nor a loop that never yields holds up the lane.
    async fn execute(&self, job: &Job, started: Instant, recorder: &Arc<Recorder>) -> Result<(), Stop> {
        let deadline = self.options.deadline.max(job.check.patience);
        let scope = Scope {
            check: job.check.id,
            packaging: job.packaging.clone(),
            seed: self.options.seed,
            namespace: namespace(&self.options.nonce, job.check.id, &job.packaging),
            started,
            deadline,
            request_timeout: self.options.request_timeout,
            recorder: Arc::clone(recorder),
            http: self.session.http.clone(),
            launcher: self.session.launcher.clone(),
            observatory: self.session.observatory.clone(),
            soak: self.options.soak.clone(),
            watch: std::sync::OnceLock::new(),
        };
        let cx = Cx::new(Arc::new(scope), Arc::clone(&self.session.attached));
        let run = job.check.run;
        // The function itself is called inside the task too: it may panic before it returns a future.
        let mut task = tokio::spawn(async move { run(cx).await });
        tokio::select! {
            ended = &mut task => match ended {
                Ok(end) => end,
                Err(error) => Err(Stop::Error(format!("the check panicked: {}", panic_text(error)))),
            },
            () = tokio::time::sleep(deadline) => {
                give_up(task).await;
                Err(Stop::Fail(format!("no verdict within {} s", deadline.as_secs_f64())))
            }
            () = self.options.interrupt.thrown() => {
                give_up(task).await;
                Err(Stop::Skip(INTERRUPTED.to_owned()))
            }
        }
    }
}

async fn give_up(task: JoinHandle<Result<(), Stop>>) {
    task.abort();
    // Past this time the check is in a loop that never yields; the run goes on without it.
    let _ = tokio::time::timeout(FAREWELL, task).await;
}

fn panic_text(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "its task was cancelled".to_owned();
    };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    crate::text::quote(&text.unwrap_or_else(|| "without a message".to_owned()))
}

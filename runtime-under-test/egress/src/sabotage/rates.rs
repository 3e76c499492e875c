//! Defects of pace and queue (egress.md 5).

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use tokio::time::sleep_until;

use super::Defect;
use crate::{
    Grant, Outcome, Response,
    exchange::{Errand, Exchange, Exchanging},
    order,
    pace::Pace,
    rate::{Limits, later, share},
    recording::Progress,
    stop::Stop,
};

/// How often an exchange without end is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long the first request of a handler is held back.
const HELD_BACK: Duration = Duration::from_millis(1500);
/// How long a refusal takes that does not come at once.
const HESITATES: Duration = Duration::from_millis(500);

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-rate-per-execution", |policy| policy.pace_of = |grant| &grant.execution),
    ("egress-rate-shared", |policy| policy.pace_of = publisher),
    ("egress-requests-unpaced", |policy| policy.rate.interval = |_| Duration::ZERO),
    ("egress-rate-saves-turns", |policy| {
        // A bucket of two tokens: whoever was quiet may start two at once.
        policy.rate.counts_from = |limits, before, started| {
            let interval = share(1, limits.requests_per_minute);
            let saved = started.checked_sub(interval).unwrap_or(started);
            before.map_or(saved, |before| saved.max(before + interval))
        };
    }),
    ("egress-rate-bursts-after-a-wait", |policy| {
        policy.rate.interval = |_| Duration::ZERO;
        policy.enter = |pace, limits, body, progress| {
            static BEGINS: LazyLock<Mutex<HashMap<usize, Instant>>> = LazyLock::new(Mutex::default);
            Box::pin(async move {
                let begins = {
                    let mut begins = BEGINS.lock().unwrap_or_else(PoisonError::into_inner);
                    *begins.entry(Arc::as_ptr(&pace).addr()).or_insert_with(|| Instant::now() + HELD_BACK)
                };
                sleep_until(begins.into()).await;
                pace.enter(limits, body, progress).await
            })
        };
    }),
    ("egress-failures-uncounted", |policy| {
        policy.rate.interval = |_| Duration::ZERO;
        policy.pass = |inner, grant, request, progress| {
            let passing = order::pass(inner, grant, request, progress);
            indebted(grant.handler.clone(), grant, passing, |result| match result {
                Ok(_) => share(1, grant.requests_per_minute),
                Err(_) => Duration::ZERO,
            })
        };
    }),
    ("egress-response-bytes-uncounted", |policy| policy.rate.bytes = |sent, _| sent),
    ("egress-request-bytes-uncounted", |policy| policy.rate.bytes = |_, received| received),
    ("egress-larger-direction-counted", |policy| policy.rate.bytes = u64::max),
    ("egress-bytes-paid-from-the-start", |policy| policy.rate.worked_off_from = |started, _| started),
    ("egress-overlapping-bytes-paid-at-once", |policy| {
        policy.rate.worked_off = |before, from, cost| later(from, cost).max(before.unwrap_or(from));
    }),
    ("egress-bytes-per-execution", |policy| {
        policy.rate.bytes = |_, _| 0;
        policy.pass = |inner, grant, request, progress| {
            let passing = order::pass(inner, grant, request, progress);
            indebted(grant.execution.clone(), grant, passing, |_| price(grant, progress))
        };
    }),
    ("egress-bytes-shared", |policy| {
        policy.pass = |inner, grant, request, progress| {
            let passing = order::pass(inner, grant, request, progress);
            indebted(publisher(grant).to_owned(), grant, passing, |_| price(grant, progress))
        };
    }),
    ("egress-large-bodies-wait", |policy| policy.rate.fits = |_, _| true),
    ("egress-queue-unbounded", |policy| policy.rate.has_room = |_, _| true),
    ("egress-queue-shared", |policy| {
        policy.enter = |pace, limits, body, progress| {
            Box::pin(async move {
                let mut entering = pace.enter(limits, body, progress);
                if let Some(entered) = (&mut entering).now_or_never() {
                    return entered;
                }
                let _place = SharedPlace::of(limits.queue).ok_or(Stop::rate_limited("the queue is full"))?;
                entering.await
            })
        };
    }),
    ("egress-queue-refuses-late", |policy| {
        policy.enter = |pace, limits, body, progress| {
            Box::pin(async move {
                let entered = pace.enter(limits, body, progress).await;
                if entered.is_err() {
                    tokio::time::sleep(HESITATES).await;
                }
                entered
            })
        };
    }),
    ("egress-queue-refusals-take-a-turn", |policy| {
        policy.enter = |pace, limits, body, progress| {
            Box::pin(async move {
                let entered = pace.clone().enter(limits, body, progress).await;
                if entered.is_err() {
                    tokio::spawn(pace.enter(Limits { queue: u64::MAX, ..limits }, 0, Arc::default()));
                }
                entered
            })
        };
    }),
    ("egress-queue-last-first", |policy| policy.rate.next = VecDeque::back),
    ("egress-queue-last-first-stamped-late", |policy| {
        policy.rate.next = VecDeque::back;
        policy.audit.record = |audit, mut entry| {
            entry.at = Timestamp::now();
            Box::pin(async move { audit.record(entry).await })
        };
    }),
    ("egress-gone-requests-keep-their-turn", |policy| {
        policy.enter = |pace, limits, body, progress| {
            // A task of its own waits on, and takes the turn, when nobody waits for it any more.
            let waiting = tokio::spawn(pace.enter(limits, body, progress));
            Box::pin(async move { waiting.await.unwrap_or_else(|_| Err(Stop::failed("the queue broke"))) })
        };
    }),
    ("egress-refused-requests-counted", |policy| {
        policy.pass = |inner, grant, request, progress| {
            Box::pin(async move {
                let result = order::pass(inner, grant, request, progress).await;
                if result.as_ref().is_err_and(|stop| [Outcome::Denied, Outcome::InvalidRequest].contains(&stop.outcome))
                {
                    let nothing = Arc::new(Progress::default());
                    let turn = Pace::enter(inner.pace(grant), Limits::of(grant), 0, nothing).await;
                    drop(turn);
                }
                result
            })
        };
    }),
    ("egress-timeout-halved", |policy| {
        policy.within = |started, timeout, progress, exchange| order::in_time(started, timeout / 2, progress, exchange);
    }),
    ("egress-timeout-fivefold", |policy| {
        policy.within = |started, timeout, progress, exchange| order::in_time(started, timeout * 5, progress, exchange);
    }),
    ("egress-timeout-while-waiting", |policy| {
        policy.pass = |inner, grant, request, progress| {
            Box::pin(async move {
                let passed = tokio::time::timeout(grant.timeout, order::pass(inner, grant, request, progress));
                passed.await.unwrap_or_else(|_| Err(Stop::timed_out()))
            })
        };
    }),
    ("egress-timeout-after-resolving", |policy| {
        policy.within = |_, _, _, exchange| exchange;
        policy.exchange = Arc::new(OnceResolved);
    }),
    ("egress-timeout-ignored", |policy| policy.within = |_, _, _, exchange| exchange),
    ("egress-timeout-of-the-head-only", |policy| {
        policy.within = |started, timeout, progress, mut exchange| {
            Box::pin(async move {
                let end = started + timeout;
                loop {
                    if let Ok(result) = tokio::time::timeout(LOOK, &mut exchange).await {
                        return result;
                    }
                    if Instant::now() > end && progress.bytes().1 == 0 {
                        return Err(Stop::timed_out());
                    }
                }
            })
        };
    }),
    ("egress-timeout-restarts", |policy| {
        policy.within = |_, timeout, progress, mut exchange| {
            Box::pin(async move {
                let mut moved = (progress.bytes(), Instant::now());
                loop {
                    if let Ok(result) = tokio::time::timeout(LOOK, &mut exchange).await {
                        return result;
                    }
                    if progress.bytes() != moved.0 {
                        moved = (progress.bytes(), Instant::now());
                    } else if moved.1.elapsed() > timeout {
                        return Err(Stop::timed_out());
                    }
                }
            })
        };
    }),
];

/// Begins to count the time of an exchange when its host is resolved.
struct OnceResolved;

impl Exchange for OnceResolved {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        Box::pin(async move {
            let inner = errand.inner;
            let answer = inner.resolver.resolve(&errand.request.host).await;
            let addresses = (inner.policy.judge)(&answer, &|address| inner.may_reach(address))?;
            let sent = tokio::time::timeout(errand.grant.timeout, errand.send(&addresses));
            sent.await.unwrap_or_else(|_| Err(Stop::timed_out()))
        })
    }
}

/// All handlers of one publisher: their ids differ in the last label.
fn publisher(grant: &Grant) -> &str {
    grant.handler.rsplit_once('.').map_or(&grant.handler, |(publisher, _)| publisher)
}

/// What the bytes of an exchange cost.
fn price(grant: &Grant, progress: &Progress) -> Duration {
    let (sent, received) = progress.bytes();
    share(sent + received, grant.bytes_per_minute)
}

/// Until when somebody has to wait, by name.
static DEBTS: LazyLock<Mutex<HashMap<String, Instant>>> = LazyLock::new(Mutex::default);

/// Holds a request up until what was done under its name is paid for; then it costs something itself.
fn indebted<'a>(
    name: String,
    grant: &'a Grant,
    passing: BoxFuture<'a, Result<Response, Stop>>,
    cost: impl FnOnce(&Result<Response, Stop>) -> Duration + Send + 'a,
) -> BoxFuture<'a, Result<Response, Stop>> {
    let debts = || DEBTS.lock().unwrap_or_else(PoisonError::into_inner);
    Box::pin(async move {
        let due = debts().get(&name).copied().filter(|due| *due > Instant::now());
        match due {
            Some(_) if grant.queue == 0 => return Err(Stop::rate_limited("the queue is full")),
            Some(due) => sleep_until(due.into()).await,
            None => {}
        }
        let result = passing.await;
        let cost = cost(&result);
        if !cost.is_zero() {
            debts().insert(name, Instant::now() + cost);
        }
        result
    })
}

/// A place among those that wait, whichever their handlers.
struct SharedPlace;

impl SharedPlace {
    fn of(queue: u64) -> Option<Self> {
        let one_more = |waiting| (waiting < queue).then_some(waiting + 1);
        WAITING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Self)
    }
}

impl Drop for SharedPlace {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

static WAITING: AtomicU64 = AtomicU64::new(0);

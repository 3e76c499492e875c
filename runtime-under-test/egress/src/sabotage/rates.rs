//! Defects of pace and queue (egress.md 5).

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::Defect;
use crate::{Outcome, order, pace::Pace, rate::Limits, recording::Progress, stop::Stop};

/// How often an exchange without end is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-rate-per-execution", |policy| policy.pace_of = |grant| &grant.execution),
    ("egress-rate-shared", |policy| {
        // All handlers of one publisher, whose ids differ in the last label.
        policy.pace_of = |grant| grant.handler.rsplit_once('.').map_or(&grant.handler, |(publisher, _)| publisher);
    }),
    ("egress-requests-unpaced", |policy| policy.rate.interval = |_| Duration::ZERO),
    ("egress-response-bytes-uncounted", |policy| policy.rate.bytes = |sent, _| sent),
    ("egress-request-bytes-uncounted", |policy| policy.rate.bytes = |_, received| received),
    ("egress-large-bodies-wait", |policy| policy.rate.fits = |_, _| true),
    ("egress-queue-unbounded", |policy| policy.rate.has_room = |_, _| true),
    ("egress-queue-last-first", |policy| policy.rate.next = VecDeque::back),
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

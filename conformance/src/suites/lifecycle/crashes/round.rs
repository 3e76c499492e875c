//! What the lanes and the one who kills tell each other between two kills.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::watch;

use super::aims::{Aim, Pace, When};
use crate::history::Kind;

/// The time from one start of the target to the next kill.
#[derive(Debug)]
pub struct Round {
    /// The number of the kill.
    pub kill: usize,
    /// What it waits for; none where nothing is killed.
    pub aim: Option<Aim>,
    /// How long operations take.
    pub pace: Arc<Pace>,
    /// Whether the operation that is aimed at was found.
    taken: AtomicBool,
    /// When it began, or was acknowledged.
    seen: watch::Sender<Option<Instant>>,
    /// Whether the target is killed.
    over: watch::Sender<bool>,
}

impl Round {
    pub fn new(kill: usize, aim: Option<Aim>, pace: &Arc<Pace>) -> Round {
        Round {
            kill,
            aim,
            pace: Arc::clone(pace),
            taken: AtomicBool::new(false),
            seen: watch::Sender::new(None),
            over: watch::Sender::new(false),
        }
    }

    /// When the kill comes, if it waits for such an operation: for the first one that asks.
    pub fn waits_for(&self, kind: Kind) -> Option<When> {
        let aim = self.aim.filter(|aim| aim.kind == kind)?;
        (!self.taken.swap(true, Ordering::Relaxed)).then_some(aim.when)
    }

    /// The moment has come from which the kill is counted.
    pub fn begin(&self) {
        self.seen.send_replace(Some(Instant::now()));
    }

    /// Waits for that moment.
    pub async fn begun(&self) -> Instant {
        let mut seen = self.seen.subscribe();
        // The sender lives in `self`.
        let moment = seen.wait_for(Option::is_some).await.ok().and_then(|moment| *moment);
        moment.unwrap_or_else(Instant::now)
    }

    /// From here on an exchange that breaks was cut off.
    pub fn end(&self) {
        self.over.send_replace(true);
    }

    /// Whether the target is killed, or about to be.
    pub fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits for the kill.
    pub async fn ended(&self) {
        // The sender lives in `self`.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }
}

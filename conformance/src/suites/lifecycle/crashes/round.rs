//! What the lanes and the one who kills tell each other between two kills.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

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
    /// Is told when it began, or was acknowledged.
    begun: Sender<Instant>,
    /// Whether the target is killed.
    over: watch::Sender<bool>,
}

/// Knows when the kill of a round comes. When all who work in the round are gone, it comes no more.
#[derive(Debug)]
pub struct Trigger {
    begun: Receiver<Instant>,
    delay: Duration,
    over: watch::Sender<bool>,
}

impl Round {
    pub fn new(kill: usize, aim: Option<Aim>, pace: &Arc<Pace>) -> (Round, Trigger) {
        let delay = match aim {
            Some(Aim { kind, when: When::During(fraction), .. }) => pace.median(kind).mul_f64(fraction),
            _ => Duration::ZERO,
        };
        let (begun, is_told) = channel();
        let over = watch::Sender::new(false);
        let trigger = Trigger { begun: is_told, delay, over: over.clone() };
        let pace = Arc::clone(pace);
        (Round { kill, aim, pace, taken: AtomicBool::new(false), begun, over }, trigger)
    }

    /// When the kill comes, if it waits for such an operation: for the first one that asks.
    pub fn waits_for(&self, kind: Kind) -> Option<When> {
        let aim = self.aim.filter(|aim| aim.kind == kind)?;
        (!self.taken.swap(true, Ordering::Relaxed)).then_some(aim.when)
    }

    /// The moment has come from which the kill is counted.
    pub fn begin(&self) {
        // Nobody listens where nothing is killed.
        let _ = self.begun.send(Instant::now());
    }

    /// Whether the target is killed, or about to be: from here on an exchange that breaks was cut off.
    pub fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits for the kill.
    pub async fn ended(&self) {
        // The sender lives in `self`.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }
}

impl Trigger {
    /// Waits on this thread for the moment to kill; false if it does not come any more. The timers of the runtime are too
    /// coarse for what takes a few milliseconds.
    pub fn wait(self) -> bool {
        let Ok(begun) = self.begun.recv() else {
            return false;
        };
        while let Some(left) = (begun + self.delay).checked_duration_since(Instant::now()) {
            std::thread::park_timeout(left);
        }
        self.over.send_replace(true);
        true
    }
}

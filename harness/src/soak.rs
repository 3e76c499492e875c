//! A long look at one thing: more kills than a run makes by itself.

use tokio::sync::watch;

use crate::Interrupt;

/// What a check that kills its target is told when it is to go on for long.
#[derive(Clone, Debug)]
pub struct Soak {
    /// So many kills.
    pub kills: u32,
    /// How many there were so far: the check tells.
    pub done: watch::Sender<usize>,
    /// Ends it after the kill under way; what was seen until then is judged.
    pub stop: Interrupt,
}

impl Soak {
    /// So many kills, unless `stop` is thrown.
    #[must_use]
    pub fn new(kills: u32, stop: Interrupt) -> Soak {
        Soak { kills, done: watch::Sender::new(0), stop }
    }
}

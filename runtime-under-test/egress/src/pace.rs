//! Waiting for one's turn. Whoever is dropped while it waits gives its place up (egress.md 5.5).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use futures_util::future::BoxFuture;
use tokio::{sync::Notify, time};

use crate::{
    rate::{Asked, Limits, RateRules, Standing, Turns},
    recording::Progress,
    stop::Stop,
};

/// The pace of one handler.
pub(crate) struct Pace {
    turns: Mutex<Turns>,
    /// Rung whenever somebody starts or leaves.
    changed: Notify,
}

/// An exchange that has started. When it is dropped, its bytes count.
pub(crate) struct Turn {
    pace: Arc<Pace>,
    limits: Limits,
    progress: Arc<Progress>,
    /// When it started.
    pub started: Instant,
}

/// How a turn is waited for.
pub(crate) type Enter = fn(Arc<Pace>, Limits, u64, Arc<Progress>) -> BoxFuture<'static, Result<Turn, Stop>>;

impl Pace {
    pub fn new(rules: RateRules) -> Self {
        Self { turns: Mutex::new(Turns::new(rules)), changed: Notify::new() }
    }

    /// Waits until an exchange with a body of so many bytes may start, or refuses it at once.
    pub fn enter(
        self: Arc<Self>,
        limits: Limits,
        body: u64,
        progress: Arc<Progress>,
    ) -> BoxFuture<'static, Result<Turn, Stop>> {
        Box::pin(async move {
            let asked = self.turns().ask(Instant::now(), &limits, body);
            match asked {
                Asked::Started => {}
                Asked::Waits(ticket) => Place { pace: &self, ticket }.wait(&limits).await,
                Asked::Full => return Err(Stop::rate_limited("the queue is full")),
                Asked::TooLarge => return Err(Stop::rate_limited("the body is more than a minute's bytes")),
            }
            Ok(Turn { pace: self, limits, progress, started: Instant::now() })
        })
    }

    /// Whether it may be forgotten.
    pub fn is_idle(&self) -> bool {
        self.turns().is_idle(Instant::now())
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue.
struct Place<'a> {
    pace: &'a Pace,
    ticket: u64,
}

impl Place<'_> {
    async fn wait(self, limits: &Limits) {
        loop {
            let changed = self.pace.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let standing = self.pace.turns().standing(Instant::now(), limits, self.ticket);
            match standing {
                Standing::Started => return,
                Standing::Behind => changed.await,
                Standing::At(instant) => tokio::select! {
                    () = time::sleep_until(instant.into()) => {}
                    () = changed => {}
                },
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pace.turns().leave(self.ticket);
        self.pace.changed.notify_waiters();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.pace.turns().ended(self.started, Instant::now(), &self.limits, self.progress.bytes());
        self.pace.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::{FutureExt as _, future::join_all};

    use super::Pace;
    use crate::{
        Outcome,
        rate::{Limits, RateRules},
        recording::Progress,
    };

    fn pace() -> (Arc<Pace>, Limits) {
        let limits = Limits { requests_per_minute: 6000, bytes_per_minute: 1000, queue: 2 };
        (Arc::new(Pace::new(RateRules::honest())), limits)
    }

    #[tokio::test]
    async fn the_queue_holds_as_many_as_the_limit_and_all_of_them_start() {
        let (pace, limits) = pace();
        let enter = || pace.clone().enter(limits, 0, Arc::default());
        let results = join_all((0..4).map(|_| enter())).await;
        let refused: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].outcome, Outcome::RateLimited);
    }

    #[tokio::test]
    async fn who_is_dropped_while_it_waits_frees_its_place() {
        let (pace, limits) = pace();
        let slow = Limits { requests_per_minute: 1, ..limits };
        let enter = || pace.clone().enter(slow, 0, Arc::default());
        let _turn = enter().await.expect("the first starts");
        let mut waiting = [enter(), enter()];
        assert!(waiting.iter_mut().all(|place| place.now_or_never().is_none()));
        assert!(enter().await.is_err());
        drop(waiting);
        assert!(enter().now_or_never().is_none(), "there is room again");
    }

    #[tokio::test]
    async fn bytes_count_once_the_exchange_is_over() {
        let (pace, limits) = pace();
        let progress = Arc::<Progress>::default();
        let turn = pace.clone().enter(limits, 0, progress.clone()).await.expect("it starts");
        progress.received(1000);
        drop(turn);
        let next = pace.clone().enter(Limits { queue: 0, ..limits }, 0, progress).await;
        assert_eq!(next.err().map(|stop| stop.outcome), Some(Outcome::RateLimited));
    }
}

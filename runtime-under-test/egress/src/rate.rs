//! When the exchanges of one handler may start (egress.md, section 5). Time comes from outside, so that nothing here waits.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::Grant;

const MINUTE: Duration = Duration::from_secs(60);

/// What a manifest allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub requests_per_minute: u64,
    pub bytes_per_minute: u64,
    pub queue: u64,
}

impl Limits {
    pub fn of(grant: &Grant) -> Self {
        Self {
            requests_per_minute: grant.requests_per_minute.max(1),
            bytes_per_minute: grant.bytes_per_minute.max(1),
            queue: grant.queue,
        }
    }
}

/// The decisions, one for each clause.
#[derive(Clone, Copy)]
pub(crate) struct RateRules {
    /// How long after one start the next may come (5.2).
    pub interval: fn(&Limits) -> Duration,
    /// From when on that counts, after a start at this instant and the count of those before (5.2).
    pub counts_from: fn(&Limits, before: Option<Instant>, started: Instant) -> Instant,
    /// How many bytes of an exchange count (5.3).
    pub bytes: fn(sent: u64, received: u64) -> u64,
    /// From when on they are worked off (5.3).
    pub worked_off_from: fn(started: Instant, ended: Instant) -> Instant,
    /// Until when that takes, after what was there to be worked off before: bytes of exchanges that overlap add up (5.3).
    pub worked_off: fn(before: Option<Instant>, from: Instant, cost: Duration) -> Instant,
    /// Whether a body can be sent at all (5.3).
    pub fits: fn(&Limits, body: u64) -> bool,
    /// Whether one more may wait (5.4).
    pub has_room: fn(&Limits, waiting: usize) -> bool,
    /// Whose turn it is (5.5).
    pub next: fn(&VecDeque<u64>) -> Option<&u64>,
}

impl RateRules {
    pub const fn honest() -> Self {
        Self {
            interval: |limits| share(1, limits.requests_per_minute),
            counts_from: |_, _, started| started,
            bytes: |sent, received| sent.saturating_add(received),
            worked_off_from: |_, ended| ended,
            worked_off: |before, from, cost| later(before.map_or(from, |before| before.max(from)), cost),
            fits: |limits, body| body <= limits.bytes_per_minute,
            has_room: |limits, waiting| (waiting as u64) < limits.queue,
            next: VecDeque::front,
        }
    }
}

/// The time that some of what a minute holds takes up.
pub(crate) fn share(some: u64, per_minute: u64) -> Duration {
    let nanoseconds = u128::from(some) * MINUTE.as_nanos();
    Duration::from_nanos(u64::try_from(nanoseconds.div_ceil(u128::from(per_minute))).unwrap_or(u64::MAX))
}

/// An instant so much later, if there is one.
pub(crate) fn later(instant: Instant, by: Duration) -> Instant {
    instant.checked_add(by).unwrap_or(instant)
}

/// The turns of one handler.
pub(crate) struct Turns {
    rules: RateRules,
    /// From when on the distance to the next start counts.
    last_start: Option<Instant>,
    /// When the bytes that were moved are worked off.
    free_at: Option<Instant>,
    waiting: VecDeque<u64>,
    next_ticket: u64,
}

/// The answer to who wants to start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It has started.
    Started,
    /// It waits under this ticket.
    Waits(u64),
    /// The queue is full.
    Full,
    /// No minute has so many bytes.
    TooLarge,
}

/// How it stands with one who waits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has started, and waits no more.
    Started,
    /// It is its turn, at this instant.
    At(Instant),
    /// Others come first.
    Behind,
}

impl Turns {
    pub fn new(rules: RateRules) -> Self {
        Self { rules, last_start: None, free_at: None, waiting: VecDeque::new(), next_ticket: 0 }
    }

    /// Asks for a start with a body of so many bytes.
    pub fn ask(&mut self, now: Instant, limits: &Limits, body: u64) -> Asked {
        if !(self.rules.fits)(limits, body) {
            return Asked::TooLarge;
        }
        if self.waiting.is_empty() && self.earliest(limits).is_none_or(|earliest| earliest <= now) {
            self.start(now, limits);
            return Asked::Started;
        }
        if !(self.rules.has_room)(limits, self.waiting.len()) {
            return Asked::Full;
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push_back(ticket);
        Asked::Waits(ticket)
    }

    /// Starts one who waits, if its turn has come.
    pub fn standing(&mut self, now: Instant, limits: &Limits, ticket: u64) -> Standing {
        if (self.rules.next)(&self.waiting) != Some(&ticket) {
            return Standing::Behind;
        }
        match self.earliest(limits) {
            Some(earliest) if earliest > now => Standing::At(earliest),
            _ => {
                self.leave(ticket);
                self.start(now, limits);
                Standing::Started
            }
        }
    }

    /// Gives up a place in the queue (5.5).
    pub fn leave(&mut self, ticket: u64) {
        self.waiting.retain(|waiting| *waiting != ticket);
    }

    /// An exchange is over that has moved so many bytes (5.3).
    pub fn ended(&mut self, started: Instant, now: Instant, limits: &Limits, (sent, received): (u64, u64)) {
        let cost = share((self.rules.bytes)(sent, received), limits.bytes_per_minute);
        let from = (self.rules.worked_off_from)(started, now);
        self.free_at = Some((self.rules.worked_off)(self.free_at, from, cost));
    }

    /// Whether nobody waits, and nothing that was does matter any more.
    pub fn is_idle(&self, now: Instant) -> bool {
        let is_past = |instant: Option<Instant>| instant.is_none_or(|instant| instant + MINUTE < now);
        self.waiting.is_empty() && is_past(self.last_start) && is_past(self.free_at)
    }

    fn start(&mut self, now: Instant, limits: &Limits) {
        self.last_start = Some((self.rules.counts_from)(limits, self.last_start, now));
    }

    fn earliest(&self, limits: &Limits) -> Option<Instant> {
        let interval = (self.rules.interval)(limits);
        let paced = self.last_start.map(|start| later(start, interval));
        paced.max(self.free_at)
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Asked, Limits, RateRules, Standing, Turns};

    const LIMITS: Limits = Limits { requests_per_minute: 60, bytes_per_minute: 6000, queue: 2 };
    const SECOND: Duration = Duration::from_secs(1);

    fn turns() -> (Turns, Instant) {
        (Turns::new(RateRules::honest()), Instant::now())
    }

    #[test]
    fn starts_lie_a_share_of_a_minute_apart() {
        let (mut turns, start) = turns();
        assert_eq!(turns.ask(start, &LIMITS, 0), Asked::Started);
        assert_eq!(turns.ask(start, &LIMITS, 0), Asked::Waits(0));
        assert_eq!(turns.standing(start, &LIMITS, 0), Standing::At(start + SECOND));
        assert_eq!(turns.standing(start + SECOND, &LIMITS, 0), Standing::Started);
        assert_eq!(turns.ask(start + SECOND * 2, &LIMITS, 0), Asked::Started);
    }

    #[test]
    fn bytes_hold_up_the_next_start_from_the_end_of_the_exchange_on() {
        let (mut turns, start) = turns();
        turns.ask(start, &LIMITS, 0);
        turns.ended(start, start + SECOND, &LIMITS, (200, 300));
        assert_eq!(turns.ask(start + SECOND, &LIMITS, 0), Asked::Waits(0));
        assert_eq!(turns.standing(start + SECOND, &LIMITS, 0), Standing::At(start + SECOND * 6));
        turns.ended(start, start + SECOND, &LIMITS, (0, 100));
        assert_eq!(turns.standing(start + SECOND, &LIMITS, 0), Standing::At(start + SECOND * 7));
    }

    #[test]
    fn a_body_of_more_than_a_minutes_bytes_is_refused() {
        let (mut turns, start) = turns();
        assert_eq!(turns.ask(start, &LIMITS, 6001), Asked::TooLarge);
        assert_eq!(turns.ask(start, &LIMITS, 6000), Asked::Started);
    }

    #[test]
    fn a_full_queue_refuses_and_a_place_given_up_is_free() {
        let (mut turns, start) = turns();
        turns.ask(start, &LIMITS, 0);
        assert_eq!(turns.ask(start, &LIMITS, 0), Asked::Waits(0));
        assert_eq!(turns.ask(start, &LIMITS, 0), Asked::Waits(1));
        assert_eq!(turns.ask(start, &LIMITS, 0), Asked::Full);
        turns.leave(0);
        assert_eq!(turns.ask(start, &LIMITS, 0), Asked::Waits(2));
        assert_eq!(turns.standing(start + SECOND, &LIMITS, 2), Standing::Behind);
        assert_eq!(turns.standing(start + SECOND, &LIMITS, 1), Standing::Started);
        assert_eq!(turns.standing(start + SECOND, &LIMITS, 2), Standing::At(start + SECOND * 2));
    }

    #[test]
    fn nobody_overtakes_who_waits_and_with_a_queue_of_none_nobody_waits() {
        let (mut turns, start) = turns();
        turns.ask(start, &LIMITS, 0);
        turns.ask(start, &LIMITS, 0);
        assert_eq!(turns.ask(start + SECOND * 9, &LIMITS, 0), Asked::Waits(1));
        let none = Limits { queue: 0, ..LIMITS };
        let mut turns = Turns::new(RateRules::honest());
        assert_eq!(turns.ask(start, &none, 0), Asked::Started);
        assert_eq!(turns.ask(start, &none, 0), Asked::Full);
    }
}

//! The turns of one handler against a model of egress.md, section 5, that keeps everything that happened and works each answer
//! out anew. Time is what the test says.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};

use super::{Asked, Limits, RateRules, Standing, Turns};

/// What happens to the turns. A place is one of those that wait, counted from the front and around.
#[derive(Debug, Clone)]
enum Event {
    Pass(u64),
    Ask(u64),
    Look(usize),
    Leave(usize),
    End(u64, u64),
}

/// Everything that happened, in nanoseconds since the beginning.
#[derive(Default)]
struct History {
    now: u128,
    starts: Vec<u128>,
    ends: Vec<(u128, u128)>,
    waiting: Vec<u64>,
    tickets: u64,
}

impl History {
    /// 5.2 and 5.3: when the next exchange may start at the earliest. What exchanges that overlap have moved adds up.
    fn earliest(&self, limits: &Limits) -> u128 {
        let minute = Duration::from_secs(60).as_nanos();
        let share = |some: u128, of: u64| (some * minute).div_ceil(u128::from(of));
        let paced = self.starts.last().map_or(0, |start| start + share(1, limits.requests_per_minute));
        let bytes =
            self.ends.iter().fold(0, |free, (end, moved)| free.max(*end) + share(*moved, limits.bytes_per_minute));
        paced.max(bytes)
    }

    /// 5.3 to 5.5: one who comes starts at once if nobody waits and it may, and waits if there is room.
    fn ask(&mut self, limits: &Limits, body: u64) -> Asked {
        if body > limits.bytes_per_minute {
            return Asked::TooLarge;
        }
        if self.waiting.is_empty() && self.earliest(limits) <= self.now {
            self.starts.push(self.now);
            return Asked::Started;
        }
        if self.waiting.len() as u64 >= limits.queue {
            return Asked::Full;
        }
        self.tickets += 1;
        self.waiting.push(self.tickets - 1);
        Asked::Waits(self.tickets - 1)
    }

    /// 5.5: those that wait start in the order in which they came.
    fn look(&mut self, limits: &Limits, ticket: u64, begin: Instant) -> Standing {
        if self.waiting.first() != Some(&ticket) {
            return Standing::Behind;
        }
        let earliest = self.earliest(limits);
        if earliest > self.now {
            return Standing::At(begin + Duration::from_nanos(u64::try_from(earliest).expect("a test is short")));
        }
        self.waiting.remove(0);
        self.starts.push(self.now);
        Standing::Started
    }
}

fn limits() -> impl Strategy<Value = Limits> {
    let requests = prop::sample::select(vec![1_u64, 7, 60, 6000, 60_000]);
    let bytes = prop::sample::select(vec![1_u64, 100, 6000, 1 << 30]);
    (requests, bytes, 0_u64..4).prop_map(|(requests_per_minute, bytes_per_minute, queue)| Limits {
        requests_per_minute,
        bytes_per_minute,
        queue,
    })
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let bytes = || prop::sample::select(vec![0_u64, 1, 50, 101, 7000]);
    let event = prop_oneof![
        2 => prop::sample::select(vec![0_u64, 1, 9, 10, 500, 1000, 10_000, 60_000]).prop_map(Event::Pass),
        4 => bytes().prop_map(Event::Ask),
        4 => (0_usize..4).prop_map(Event::Look),
        1 => (0_usize..4).prop_map(Event::Leave),
        2 => (bytes(), bytes()).prop_map(|(sent, received)| Event::End(sent, received)),
    ];
    prop::collection::vec(event, 1..40)
}

/// Lets the same happen to both; they answer the same, and what the clauses say of any two starts holds.
fn same(rules: RateRules, limits: &Limits, events: &[Event]) -> Result<(), TestCaseError> {
    let begin = Instant::now();
    let (mut turns, mut history) = (Turns::new(rules), History::default());
    let mut gone = VecDeque::new();
    for event in events {
        let now = begin + Duration::from_nanos(u64::try_from(history.now).expect("a test is short"));
        let place = |index: usize| history.waiting.get(index % history.waiting.len().max(1)).copied();
        match *event {
            Event::Pass(milliseconds) => history.now += u128::from(milliseconds) * 1_000_000,
            Event::Ask(body) => prop_assert_eq!(turns.ask(now, limits, body), history.ask(limits, body)),
            Event::Look(index) => {
                if let Some(ticket) = place(index) {
                    prop_assert_eq!(turns.standing(now, limits, ticket), history.look(limits, ticket, begin));
                }
            }
            Event::Leave(index) => {
                if let Some(ticket) = place(index) {
                    turns.leave(ticket);
                    history.waiting.retain(|waiting| *waiting != ticket);
                    gone.push_back(ticket);
                }
            }
            Event::End(sent, received) => {
                turns.ended(begin, now, limits, (sent, received));
                history.ends.push((history.now, u128::from(sent) + u128::from(received)));
            }
        }
        // Who gave its place up is never sent.
        for ticket in &gone {
            prop_assert_eq!(turns.standing(now, limits, *ticket), Standing::Behind);
        }
        prop_assert!(history.waiting.len() as u64 <= limits.queue);
    }
    let interval = Duration::from_secs(60).as_nanos() / u128::from(limits.requests_per_minute);
    prop_assert!(history.starts.windows(2).all(|pair| pair[1] - pair[0] >= interval));
    Ok(())
}

fn agree(rules: RateRules) -> Result<(), TestError<(Limits, Vec<Event>)>> {
    let config = ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner.run(&(limits(), events()), |(limits, events)| same(rules, &limits, &events))
}

#[test]
fn turns_are_those_of_the_model() {
    agree(RateRules::honest()).expect("the turns and the model agree");
}

#[cfg(feature = "sabotage")]
fn with(defect: &str) -> RateRules {
    crate::policy::Policy::sabotaged(defect).expect("the defect exists").rate
}

#[cfg(feature = "sabotage")]
#[test]
fn every_defect_of_pace_and_queue_is_noticed() {
    for defect in [
        "egress-requests-unpaced",
        "egress-rate-saves-turns",
        "egress-response-bytes-uncounted",
        "egress-request-bytes-uncounted",
        "egress-larger-direction-counted",
        "egress-bytes-paid-from-the-start",
        "egress-large-bodies-wait",
        "egress-queue-unbounded",
        "egress-queue-last-first",
    ] {
        assert!(matches!(agree(with(defect)), Err(TestError::Fail(..))), "{defect} is not noticed");
    }
}

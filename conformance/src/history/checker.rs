//! The set of possible states, and what contradicts it.

use std::fmt;

use super::model::{Act, Handler, Kind, Release, Written, version};

/// The history of one handler so far, and the states in which it can be.
#[derive(Clone, Debug)]
pub struct Checker {
    id: String,
    possible: Vec<Handler>,
    operations: Vec<Operation>,
    /// What the states were taken to by the operation that is under way, or was cut off and is not asked for again yet.
    after: Vec<Handler>,
}

/// One operation: asked for, and asked for again if it was cut off.
#[derive(Clone, Debug)]
struct Operation {
    act: Act,
    /// How each attempt ended; the last one may be under way.
    ends: Vec<String>,
}

/// What reads showed of the handler at one moment.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Seen {
    /// As far as it makes sense.
    pub handler: Handler,
    /// What makes none: of what such an operation does, only a part is there.
    pub torn: Vec<(Kind, String)>,
}

/// What was read cannot be, after what was answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contradiction {
    reason: String,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Checker {
    /// A handler of which nothing is there.
    pub fn new(id: impl Into<String>) -> Checker {
        Checker { id: id.into(), possible: vec![Handler::default()], operations: Vec::new(), after: Vec::new() }
    }

    /// An operation is asked for.
    pub fn asked(&mut self, act: Act) {
        self.after = distinct(self.possible.iter().map(|state| state.after(act)));
        self.operations.push(Operation { act, ends: vec![UNDER_WAY.to_owned()] });
    }

    /// The last operation, which was cut off, is asked for again, so that it has its effect once.
    pub fn asked_again(&mut self) {
        if let Some(operation) = self.operations.last_mut() {
            operation.ends.push(UNDER_WAY.to_owned());
        }
    }

    /// The last operation was acknowledged; `how` says with what.
    pub fn acknowledged(&mut self, how: &str) {
        self.possible = std::mem::take(&mut self.after);
        self.end(format!("acknowledged ({how})"));
    }

    /// The last operation got no answer; `how` says why.
    pub fn cut_off(&mut self, how: &str) {
        self.possible = distinct(self.possible.iter().chain(&self.after).cloned());
        self.end(format!("cut off ({how})"));
    }

    /// Whether the operation that was cut off was carried out, if what was seen since then tells.
    pub fn is_done(&self) -> Option<bool> {
        self.certain().map(|only| self.after.contains(only))
    }

    /// The handler was read as a whole.
    ///
    /// # Errors
    /// It can be in no such state.
    pub fn saw(&mut self, seen: &Seen) -> Result<(), Contradiction> {
        if let Some((kind, torn)) = seen.torn.first() {
            return Err(self.contradiction(torn, self.last(|act| act.kind() == *kind)));
        }
        let fitting: Vec<Handler> =
            self.possible.iter().filter(|state| state.visible() == seen.handler.visible()).cloned().collect();
        if fitting.is_empty() {
            return Err(self.explained(&seen.handler));
        }
        self.possible = fitting;
        Ok(())
    }

    /// The state of what is installed was read, or what of it is torn.
    ///
    /// # Errors
    /// It can be in no such state.
    pub fn saw_state(&mut self, state: Result<Option<Written>, (Kind, String)>) -> Result<(), Contradiction> {
        let mut seen = Seen { handler: self.possible[0].clone(), torn: Vec::new() };
        match (state, &mut seen.handler.installed) {
            (Ok(state), Some(installed)) => installed.state = state,
            (Ok(_), None) => {}
            (Err(torn), _) => seen.torn.push(torn),
        }
        self.saw(&seen)
    }

    /// The state in which it is, if there is one possibility only.
    pub fn certain(&self) -> Option<&Handler> {
        match self.possible.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The last operation was refused, with words that say how.
    pub fn refusal(&self, answer: &str) -> String {
        let Some((number, Operation { act, ends })) = (1..).zip(&self.operations).last() else {
            return format!("{}: {answer}", self.id);
        };
        let before = match &ends[..ends.len() - 1] {
            [] => String::new(),
            before => format!(", was {} and asked for again", before.join(", then ")),
        };
        format!("{}: operation {number}, {act}{before}: {answer}", self.id)
    }

    /// The history in lines, for the evidence.
    pub fn history(&self) -> String {
        let line = |(number, operation): (usize, &Operation)| {
            format!("{} {:>3} {}: {}\n", self.id, number + 1, operation.act, operation.ends.join(", then "))
        };
        self.operations.iter().enumerate().map(line).collect()
    }

    fn end(&mut self, end: String) {
        if let Some(last) = self.operations.last_mut().and_then(|operation| operation.ends.last_mut()) {
            *last = end;
        }
    }

    /// The difference to the possible state that is nearest, and the last operation that it is about.
    fn explained(&self, seen: &Handler) -> Contradiction {
        let nearest = self.possible.iter().map(|state| differences(&state.visible(), seen)).min_by_key(Vec::len);
        let Some(Difference { about, text }) = nearest.and_then(|all| all.into_iter().next()) else {
            return self.contradiction("what is seen can be no state at all", None);
        };
        self.contradiction(&text, self.last(about))
    }

    /// The last operation of which this holds.
    fn last(&self, is_it: impl Fn(Act) -> bool) -> Option<usize> {
        self.operations.iter().rposition(|operation| is_it(operation.act))
    }

    fn contradiction(&self, what: &str, operation: Option<usize>) -> Contradiction {
        let id = &self.id;
        let reason = match operation.map(|at| (at, &self.operations[at])) {
            None => format!("{id}: {what}, and nobody asked for that"),
            Some((at, Operation { act, ends })) => {
                format!("{id}: {what}; operation {}, {act}, was {}", at + 1, ends.join(", then "))
            }
        };
        Contradiction { reason }
    }
}

/// How an operation stands that has no answer yet.
const UNDER_WAY: &str = "under way";

/// One way in which what was seen is not what can be.
struct Difference {
    /// Which operations change that.
    about: Box<dyn Fn(Act) -> bool>,
    text: String,
}

fn differences(possible: &Handler, seen: &Handler) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differs = |about: Box<dyn Fn(Act) -> bool>, text: String| found.push(Difference { about, text });
    for number in 1..=possible.releases.keys().chain(seen.releases.keys()).copied().max().unwrap_or_default() {
        let name = version(number);
        match (possible.releases.get(&number), seen.releases.get(&number)) {
            (Some(_), None) => {
                differs(Box::new(move |act| is_upload_of(act, number)), format!("{name} is not there"));
            }
            (None, Some(_)) => {
                differs(Box::new(move |act| is_upload_of(act, number)), format!("{name} is there"));
            }
            (Some(Release { signatures, revoked }), Some(release)) => {
                if release.signatures != *signatures {
                    differs(
                        Box::new(move |act| act == Act::Sign { release: number }),
                        format!("{name} has {} signatures, expected {signatures}", release.signatures),
                    );
                }
                if release.revoked != *revoked {
                    let is = if release.revoked { "is" } else { "is not" };
                    differs(
                        Box::new(move |act| act == Act::Revoke { release: number }),
                        format!("{name} {is} revoked"),
                    );
                }
            }
            (None, None) => {}
        }
    }
    if possible.trusted != seen.trusted {
        let is = if seen.trusted { "is" } else { "is not" };
        differs(Box::new(|act| matches!(act, Act::Trust | Act::Distrust)), format!("its key {is} trusted"));
    }
    let possible_release = possible.installed.map(|installed| installed.release);
    let seen_release = seen.installed.map(|installed| installed.release);
    if possible_release != seen_release {
        let is = |release: Option<u32>| release.map_or("nothing".to_owned(), version);
        differs(
            Box::new(|act| matches!(act, Act::Install { .. } | Act::Upgrade { .. } | Act::Uninstall)),
            format!("{} is installed, expected {}", is(seen_release), is(possible_release)),
        );
    }
    let state = |handler: &Handler| handler.installed.and_then(|installed| installed.state);
    if state(possible) != state(seen) {
        let is = |handler| match state(handler) {
            Some(written) => format!("{} in the form of {}", written.value, version(written.by)),
            None => "nothing".to_owned(),
        };
        differs(
            Box::new(|act| {
                matches!(act, Act::Write { .. } | Act::Install { .. } | Act::Upgrade { .. } | Act::Uninstall)
            }),
            format!("the state is {}, expected {}", is(seen), is(possible)),
        );
    }
    found
}

fn is_upload_of(act: Act, number: u32) -> bool {
    matches!(act, Act::Upload { release, .. } if release == number)
}

fn distinct(states: impl Iterator<Item = Handler>) -> Vec<Handler> {
    let mut kept: Vec<Handler> = Vec::new();
    for state in states {
        if !kept.contains(&state) {
            kept.push(state);
        }
    }
    kept
}

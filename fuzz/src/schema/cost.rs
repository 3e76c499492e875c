//! What judging a value costs, as core.md 3.8 writes it: w(S, n) by recursion, each number once.

use serde_json::Value;

use super::rules::{How, Subschema};

/// The most that one place may cost, and the deepest level at which it is asked.
const MOST: u64 = 1000;
const DEEPEST: u16 = 128;
const LEVELS: usize = DEEPEST as usize + 1;

/// Whether a subschema costs too much at any depth, or leads back to itself without looking at another value.
pub(super) fn too_high(schemas: &[Subschema<'_>]) -> bool {
    let mut state = vec![State::Unseen; schemas.len()];
    if (0..schemas.len()).any(|number| circular(schemas, number, &mut state)) {
        return true;
    }
    let unknown = vec![None; schemas.len() * LEVELS];
    let mut costs = Costs { schemas, known: unknown.clone(), known_again: unknown };
    // From the shallow to the deep, so that the recursion never goes further down than one level.
    (0..=DEEPEST).any(|level| (0..schemas.len()).any(|number| costs.weight(number, level) > MOST))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unseen,
    Open,
    Done,
}

fn circular(schemas: &[Subschema<'_>], number: usize, state: &mut [State]) -> bool {
    match state[number] {
        State::Open => return true,
        State::Done => return false,
        State::Unseen => state[number] = State::Open,
    }
    let same = |schema: &Subschema<'_>| {
        let applied = schema.applies.iter().filter(|(how, _)| *how == How::SameValue);
        applied.map(|(_, to)| *to).collect::<Vec<_>>()
    };
    let found = same(&schemas[number]).into_iter().any(|to| circular(schemas, to, state));
    state[number] = State::Done;
    found
}

struct Costs<'a> {
    schemas: &'a [Subschema<'a>],
    known: Vec<Option<u64>>,
    known_again: Vec<Option<u64>>,
}

/// Where the cost of a subschema at a level is kept.
fn place(number: usize, level: u16) -> usize {
    number * LEVELS + usize::from(level)
}

impl Costs<'_> {
    /// w(S, n)
    fn weight(&mut self, number: usize, level: u16) -> u64 {
        let place = place(number, level);
        if let Some(known) = self.known[place] {
            return known;
        }
        let own = match level.checked_sub(1) {
            Some(above) => self.below(number, above),
            None => 1 + self.schemas[number].schema.get("enum").and_then(Value::as_array).map_or(0, Vec::len) as u64,
        };
        let applied = self.sum(number, How::SameValue, level);
        let weight = own.saturating_add(applied).saturating_add(self.again(number, level));
        self.known[place] = Some(weight);
        weight
    }

    /// below(S, m)
    fn below(&mut self, number: usize, level: u16) -> u64 {
        let members = self.largest(number, How::OneOfMembers, level);
        let members = members.saturating_add(self.sum(number, How::EachMember, level));
        let items = self.largest(number, How::OneOfItems, level);
        members.max(items.saturating_add(self.sum(number, How::EachItem, level)))
    }

    /// again(S, n)
    fn again(&mut self, number: usize, level: u16) -> u64 {
        let schema = self.schemas[number].schema;
        let asks = schema.get("unevaluatedProperties").is_some() || schema.get("unevaluatedItems").is_some();
        if asks { self.judged_again(number, level) } else { 0 }
    }

    /// u(S, n)
    fn judged_again(&mut self, number: usize, level: u16) -> u64 {
        let place = place(number, level);
        if let Some(known) = self.known_again[place] {
            return known;
        }
        let mut sum = 0_u64;
        for to in self.applied(number, How::SameValue) {
            sum = sum.saturating_add(self.weight(to, level)).saturating_add(self.judged_again(to, level));
        }
        self.known_again[place] = Some(sum);
        sum
    }

    fn sum(&mut self, number: usize, how: How, level: u16) -> u64 {
        let applied = self.applied(number, how);
        applied.into_iter().fold(0, |sum, to| sum.saturating_add(self.weight(to, level)))
    }

    fn largest(&mut self, number: usize, how: How, level: u16) -> u64 {
        self.applied(number, how).into_iter().map(|to| self.weight(to, level)).max().unwrap_or_default()
    }

    fn applied(&self, number: usize, how: How) -> Vec<usize> {
        self.schemas[number].applies.iter().filter(|(kind, _)| *kind == how).map(|(_, to)| *to).collect()
    }
}

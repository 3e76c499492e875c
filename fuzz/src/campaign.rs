//! The fuzzing loop that needs no libFuzzer: seeded, so that a run can be repeated to the last input.
//!
//! It knows nothing of coverage. What an oracle has seen stands in for it: an input with an outcome that is new is kept,
//! and changed further.

use std::collections::HashSet;

use crate::{finding::Finding, random::Random, target::Subject};

/// Inputs grow no longer than this by themselves.
const LONGEST: usize = 4096;
/// A run of random bytes has at most so many.
const FRESH: usize = 512;

/// A run of one target.
pub struct Campaign<'a> {
    subject: &'a Subject,
    random: Random,
    corpus: Vec<Vec<u8>>,
    seen: HashSet<String>,
    /// How many inputs were judged.
    pub executions: u64,
}

/// An input, and what it shows.
pub struct Found {
    /// The input.
    pub input: Vec<u8>,
    /// What it shows.
    pub finding: Finding,
}

impl<'a> Campaign<'a> {
    /// A run from an empty corpus.
    pub fn new(subject: &'a Subject, seed: u64) -> Self {
        Self { subject, random: Random::from_seed(seed), corpus: Vec::new(), seen: HashSet::new(), executions: 0 }
    }

    /// Judges an input that is given, and keeps it.
    pub fn start_from(&mut self, input: Vec<u8>) -> Option<Found> {
        self.corpus.push(input.clone());
        self.judge(input)
    }

    /// Judges one more input.
    pub fn step(&mut self) -> Option<Found> {
        let input = self.next_input();
        self.judge(input)
    }

    /// How many outcomes were seen.
    pub fn outcomes(&self) -> usize {
        self.seen.len()
    }

    /// What was given, and what showed something new.
    pub fn corpus(&self) -> &[Vec<u8>] {
        &self.corpus
    }

    fn judge(&mut self, input: Vec<u8>) -> Option<Found> {
        self.executions += 1;
        match self.subject.judge(&input) {
            Ok(seen) => {
                if self.seen.insert(seen) {
                    self.corpus.push(input);
                }
                None
            }
            Err(finding) => Some(Found { input, finding }),
        }
    }

    fn next_input(&mut self) -> Vec<u8> {
        let random = &mut self.random;
        if self.corpus.is_empty() || random.below(2) == 0 {
            let length = random.below(FRESH);
            return random.bytes(length);
        }
        let mut input = self.corpus[random.below(self.corpus.len())].clone();
        for _ in 0..=random.below(4) {
            let place = random.below(input.len() + 1);
            match random.below(6) {
                0 if place < input.len() => input[place] ^= 1 << random.below(8),
                1 if place < input.len() => input[place] = random.number().to_le_bytes()[0],
                2 => input.truncate(place),
                3 => {
                    let length = random.below(16);
                    input.extend(random.bytes(length));
                }
                4 => {
                    let end = (place + random.below(8)).min(input.len());
                    input.drain(place..end);
                }
                _ => {
                    let other = &self.corpus[random.below(self.corpus.len())];
                    let from = random.below(other.len() + 1);
                    input.truncate(place);
                    input.extend(&other[from..]);
                }
            }
        }
        input.truncate(LONGEST.max(self.corpus.iter().map(Vec::len).max().unwrap_or_default()));
        input
    }
}

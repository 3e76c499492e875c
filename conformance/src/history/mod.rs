//! Histories: what one client asked of one handler and what it was answered, held against what is read later.
//!
//! Nobody writes down what has to be there after a crash. A [`Checker`] keeps the set of the states in which the handler can
//! be: an acknowledged operation moves each of them on, one that was cut off leaves both the state before it and the state
//! after it. What is read has to be one of them, and narrows the set to itself; if it is none, operation and read contradict
//! each other. It knows nothing of HTTP, nor of when and how something was killed.

mod checker;
mod model;
#[cfg(test)]
mod tests;

pub use checker::{Checker, Contradiction, Seen};
pub use model::{Act, Handler, Installation, Kind, Release, Written, version};

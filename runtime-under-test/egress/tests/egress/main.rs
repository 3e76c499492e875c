//! The guarded client against a resolver and TLS servers on loopback: what it sends, refuses, hands on and records.

mod answers;
mod connections;
mod refusals;
#[cfg(feature = "sabotage")]
mod sabotage;
mod time;
mod world;

//! The sandbox against real modules, each in both packagings.

mod abi;
mod bench;
mod concurrency;
mod egress;
mod handmade;
mod hostile;
mod limits;
mod log_and_state;
mod migration;
mod outcomes;
#[cfg(feature = "sabotage")]
mod sabotage;

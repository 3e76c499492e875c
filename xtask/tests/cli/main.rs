//! The commands as processes: what README.md shows, what can be typed wrong, and the proof of the proof.

mod alone;
mod commands;
mod fuzz;
mod package;
mod proof;
mod soak;
mod support;
mod walkthrough;

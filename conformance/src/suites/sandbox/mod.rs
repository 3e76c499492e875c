//! Profile `sandbox`: what a handler uses is limited, and what it does harms nobody else.

pub mod accounting;
pub mod border;
pub mod crowd;
pub mod floods;
pub mod memory;
pub mod remains;
pub mod state;
pub mod time;
pub mod traps;
pub mod worlds;

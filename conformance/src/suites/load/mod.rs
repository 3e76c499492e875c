//! Profile `load`: right answers under load. Judged on request, one check after the other: each fills its target.

pub mod admission;
mod ground;
pub mod memory;
pub mod mixed;

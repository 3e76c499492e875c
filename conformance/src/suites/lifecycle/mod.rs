//! Profile `lifecycle`: what was acknowledged survives.

pub mod crashes;
pub mod durability;
pub mod egress;
pub mod redaction;

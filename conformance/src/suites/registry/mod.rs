//! Profile `registry`: stored once, found again, changed only by an admin.

pub mod keys;
pub mod list;
pub mod ranges;
pub mod release;
pub mod retries;
pub mod roles;
pub mod upload;

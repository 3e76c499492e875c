//! All targets.

use crate::target::Target;

pub use crate::envelope::ENVELOPE;
pub use crate::manifest::MANIFEST;
pub use crate::module::MODULE;
pub use crate::schema::SCHEMA;
pub use crate::upload::UPLOAD;

/// Every target, in the order of the gates.
pub const TARGETS: [&Target; 5] = [&UPLOAD, &MANIFEST, &SCHEMA, &MODULE, &ENVELOPE];

/// The target of a name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

//! All targets.

use crate::target::Target;

pub use crate::egress_rule::EGRESS_RULE;
pub use crate::envelope::ENVELOPE;
pub use crate::execute::EXECUTE;
pub use crate::http::HTTP;
pub use crate::manifest::MANIFEST;
pub use crate::module::MODULE;
pub use crate::schema::SCHEMA;
pub use crate::upload::UPLOAD;

/// Every target: the gates in their order, then what comes after them.
pub const TARGETS: [&Target; 8] = [&UPLOAD, &MANIFEST, &SCHEMA, &MODULE, &ENVELOPE, &EGRESS_RULE, &EXECUTE, &HTTP];

/// The target of a name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

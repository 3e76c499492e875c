//! The suites: one folder per profile, one file per group of requirements, each with its table first.

mod core;
mod lifecycle;
mod registry;

use assay_harness::Group;

/// Every group of checks, in the order of the report.
pub const GROUPS: &[Group] = &[
    core::discovery::GROUP,
    core::http::GROUP,
    core::structure::GROUP,
    core::digest::GROUP,
    core::manifest::GROUP,
    core::schema::GROUP,
    core::module::GROUP,
    core::signature::GROUP,
    core::trust::GROUP,
    core::envelope::GROUP,
    core::expiry::GROUP,
    core::revocation::GROUP,
    core::chain::GROUP,
    core::install::GROUP,
    core::execution::GROUP,
    core::output::GROUP,
    core::context::GROUP,
    core::log::GROUP,
    core::memory::GROUP,
    core::state::GROUP,
    registry::keys::GROUP,
    registry::upload::GROUP,
    registry::roles::GROUP,
    registry::list::GROUP,
    registry::release::GROUP,
    lifecycle::durability::GROUP,
];

//! The suites: one folder per profile, one file per group of requirements, each with its table first.

mod core;
mod lifecycle;
mod load;
mod registry;
mod sandbox;

use assay_harness::Group;

/// Every group of checks, in the order of the report.
pub const GROUPS: &[Group] = &[
    core::discovery::GROUP,
    core::http::GROUP,
    core::structure::GROUP,
    core::digest::GROUP,
    core::manifest::GROUP,
    core::schema::GROUP,
    core::validation::GROUP,
    core::module::GROUP,
    core::cost::GROUP,
    core::signature::GROUP,
    core::trust::GROUP,
    core::envelope::GROUP,
    core::expiry::GROUP,
    core::revocation::GROUP,
    core::chain::GROUP,
    core::install::GROUP,
    core::list::GROUP,
    core::execution::GROUP,
    core::output::GROUP,
    core::context::GROUP,
    core::log::GROUP,
    core::redaction::GROUP,
    core::memory::GROUP,
    core::state::GROUP,
    core::records::GROUP,
    sandbox::time::GROUP,
    sandbox::memory::GROUP,
    sandbox::traps::GROUP,
    sandbox::border::GROUP,
    sandbox::floods::GROUP,
    sandbox::remains::GROUP,
    sandbox::worlds::GROUP,
    sandbox::accounting::GROUP,
    sandbox::state::GROUP,
    sandbox::crowd::GROUP,
    registry::keys::GROUP,
    registry::upload::GROUP,
    registry::roles::GROUP,
    registry::list::GROUP,
    registry::release::GROUP,
    lifecycle::durability::GROUP,
    lifecycle::redaction::GROUP,
    load::mixed::GROUP,
    load::admission::GROUP,
    load::memory::GROUP,
];

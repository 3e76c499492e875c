//! What an execution used, against known work (sandbox.md, section 8; core.md 9.20).

mod cpu;
mod totals;

use assay_harness::{Group, checks};

/// The table.
pub const GROUP: Group = Group {
    profile: "sandbox",
    name: "accounting",
    checks: checks![
        each(
            "sandbox.accounting.work",
            "eight times the work is charged about eight times as much, and none next to nothing",
            &["SBX-ACC-001"],
            cpu::work
        )
        .costly(),
        each(
            "sandbox.accounting.clock",
            "a charge is in microseconds of a clock that runs as ours",
            &["SBX-ACC-002"],
            cpu::clock
        )
        .costly(),
        each(
            "sandbox.accounting.at-once",
            "among many at once each is charged what it is charged alone",
            &["SBX-ACC-003"],
            cpu::at_once
        )
        .costly(),
        each(
            "sandbox.accounting.every-outcome",
            "work is charged however it ends",
            &["SBX-ACC-004"],
            cpu::every_outcome
        )
        .costly(),
        each(
            "sandbox.accounting.timeout",
            "a handler that is ended is charged until then",
            &["SBX-ACC-004"],
            cpu::timeout
        )
        .costly(),
        each(
            "sandbox.accounting.totals",
            "the totals of a handler are those of its executions",
            &["SBX-ACC-005"],
            totals::sums
        ),
        each("sandbox.accounting.totals-apart", "the totals of a handler are its own", &["SBX-ACC-005"], totals::apart),
        each(
            "sandbox.accounting.totals-upgraded",
            "an upgrade goes on with the totals",
            &["SBX-ACC-006"],
            totals::upgraded
        ),
        each(
            "sandbox.accounting.totals-uninstalled",
            "an installation begins with empty totals",
            &["SBX-ACC-006"],
            totals::uninstalled
        ),
    ],
};

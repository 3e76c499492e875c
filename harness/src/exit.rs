//! The exit codes of the command `assay`, stated once: scripts and CI read nothing else.

use std::process::{ExitCode, Termination};

use assay_reports::Conclusion;

/// How the command ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Every MUST was judged and nothing failed.
    Conformant = 0,
    /// At least one check failed.
    NotConformant = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// Nothing failed, but something that counts was not judged: a control failed, a MUST was skipped, the run was cut short.
    Inconclusive = 3,
    /// The harness itself failed.
    HarnessError = 4,
    /// The target cannot be reached.
    Unreachable = 10,
    /// The target refuses a token.
    TokenRefused = 11,
    /// What answers is no handler runtime, or speaks another version of the contract.
    ContractMismatch = 12,
    /// The command was launched and did not become healthy.
    DidNotStart = 13,
    /// The folder for the reports cannot be written.
    ReportsNotWritable = 14,
    /// The filter matches no check.
    FilterMatchesNothing = 15,
}

impl Exit {
    /// Every way to end, in the order of the codes.
    pub const ALL: [Exit; 11] = [
        Exit::Conformant,
        Exit::NotConformant,
        Exit::Usage,
        Exit::Inconclusive,
        Exit::HarnessError,
        Exit::Unreachable,
        Exit::TokenRefused,
        Exit::ContractMismatch,
        Exit::DidNotStart,
        Exit::ReportsNotWritable,
        Exit::FilterMatchesNothing,
    ];

    /// The code.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What the code means, for `--help`.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Conformant => "conformant",
            Exit::NotConformant => "not conformant",
            Exit::Usage => "wrong usage",
            Exit::Inconclusive => "inconclusive or partial",
            Exit::HarnessError => "harness error",
            Exit::Unreachable => "target cannot be reached",
            Exit::TokenRefused => "target refuses a token",
            Exit::ContractMismatch => "other contract version, or not a handler runtime",
            Exit::DidNotStart => "launched target did not start",
            Exit::ReportsNotWritable => "report folder cannot be written",
            Exit::FilterMatchesNothing => "filter matches nothing",
        }
    }
}

impl Exit {
    /// Every code with its meaning, as `--help` shows them.
    #[must_use]
    pub fn listing() -> String {
        let lines = Exit::ALL.map(|exit| format!("  {:>2}  {}", exit.code(), exit.meaning()));
        format!("Exit codes:\n{}", lines.join("\n"))
    }
}

impl From<Conclusion> for Exit {
    fn from(conclusion: Conclusion) -> Exit {
        match conclusion {
            Conclusion::Conformant => Exit::Conformant,
            Conclusion::NotConformant => Exit::NotConformant,
            Conclusion::Inconclusive => Exit::Inconclusive,
            Conclusion::HarnessError => Exit::HarnessError,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conclusion_ends_with_the_code_that_the_report_states() {
        for conclusion in
            [Conclusion::Conformant, Conclusion::NotConformant, Conclusion::Inconclusive, Conclusion::HarnessError]
        {
            assert_eq!(Exit::from(conclusion).code(), conclusion.exit_code());
        }
    }
}

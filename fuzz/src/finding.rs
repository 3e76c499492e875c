//! What an oracle has to say against a gate.

use std::fmt;

/// A disagreement between a gate and the contract, or a broken promise about the answer itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, as a class.
    pub kind: Kind,
    /// What was seen and what was expected.
    pub detail: String,
}

/// The classes of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The gate accepts what the contract refuses.
    Accepted,
    /// The gate refuses what the contract accepts.
    Refused,
    /// The gate refuses rightly, with a code or a place that is not that of any fault.
    WrongReason,
    /// What was accepted, written down again, is not the same.
    RoundTrip,
    /// An answer is longer than it may be.
    Unbounded,
    /// Two ways to the same answer give different ones.
    Differs,
    /// The gate panics.
    Panic,
}

impl Kind {
    /// The word in tables and in the names of regression files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Accepted => "accepted",
            Kind::Refused => "refused",
            Kind::WrongReason => "wrong-reason",
            Kind::RoundTrip => "round-trip",
            Kind::Unbounded => "unbounded",
            Kind::Differs => "differs",
            Kind::Panic => "panic",
        }
    }
}

impl Finding {
    /// A finding of a kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.kind.as_str(), self.detail)
    }
}

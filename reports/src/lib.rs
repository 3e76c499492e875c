//! The conformance report: one versioned type, and one file per output format.
//!
//! A run is recorded once, as a [`Report`], and everything that people and CI read is rendered from that
//! value: no format knows more than another. [`KillMatrix`] is its sister for the proof of the suite.

pub mod evidence;
pub mod matrix;
pub mod model;
pub mod verdict;

pub use evidence::{AttachedFile, Body, Content, Exchange, Message, Role};
pub use matrix::{DegenerateRow, Kill, KillMatrix, MATRIX_SCHEMA, Row, RowVerdict};
pub use model::{
    Attachment, CaseResult, CheckResult, Report, RequirementResult, SCHEMA, Suite, Target, Totals,
};
pub use verdict::{Conclusion, Level, Verdict};

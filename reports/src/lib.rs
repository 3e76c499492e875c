//! The conformance report: one versioned type, and one file per output format.
//!
//! A run is recorded once, as a [`Report`], and everything that people and CI read is rendered from that
//! value: no format knows more than another. [`KillMatrix`] is its sister for the proof of the suite.

pub mod evidence;
mod figures;
pub mod format;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod matrix_html;
pub mod matrix_text;
pub mod model;
pub mod verdict;

pub use evidence::{AttachedFile, Body, Content, Exchange, Message, Role};
pub use format::{Format, WriteError, check_writable, write_all, write_file};
pub use json::ReadError;
pub use matrix::{DegenerateRow, Kill, KillMatrix, MATRIX_SCHEMA, Row, RowVerdict};
pub use model::{Attachment, CaseResult, CheckResult, Report, RequirementResult, SCHEMA, Suite, Target, Totals};
pub use verdict::{Conclusion, Level, Verdict};

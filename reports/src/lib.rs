//! The conformance report: one versioned type, and one file per output format

//! The contract, its requirements and the suites that judge them

//! The reference runtime: HTTP, storage, configuration

//! The sizes of a sandbox, fixed when it starts: they decide how much address space the pool reserves.

use std::path::PathBuf;
use std::time::Duration;

/// What a [`Sandbox`](crate::Sandbox) is built from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest `/limits/memory_bytes` that a handler may have, in bytes: the bound `memory_bytes` of discovery.
    pub max_memory_bytes: u64,
    /// Executions under way at once, at least 1: the bound `concurrent_executions`. More of them wait for a place.
    pub max_concurrent: u32,
    /// Folder in which Wasmtime keeps compiled code between starts, or none. Entries are found by their content;
    /// whoever can write to the folder can run code in the runtime, so it belongs to the runtime alone.
    pub cache_dir: Option<PathBuf>,
    /// How often a running handler is interrupted to let others run and to look at its deadline. A handler is ended
    /// at most about one tick late.
    pub tick: Duration,
}

impl Default for Settings {
    /// 64 MiB for a handler, 64 executions at once, no folder for compiled code, a tick of 2 ms.
    fn default() -> Self {
        Settings { max_memory_bytes: 64 << 20, max_concurrent: 64, cache_dir: None, tick: Duration::from_millis(2) }
    }
}

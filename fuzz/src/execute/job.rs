//! What an execution is given.

use std::collections::BTreeMap;
use std::time::Duration;

use assay_sandbox::{Context, Job, Limits};

/// More time than any handler needs that ends by itself.
pub const AMPLE: Duration = Duration::from_secs(60);
/// The time of one that does not. It is enough to come to what never ends, also where others run.
pub const SHORT: Duration = Duration::from_millis(150);

/// One page of linear memory, in bytes.
pub const PAGE: u64 = 65_536;

/// A job with ample limits.
pub fn ample(input: &str) -> Job {
    Job {
        context: Context {
            execution: "x-1".to_owned(),
            handler: "com.example.fuzz".to_owned(),
            version: "1.0.0".to_owned(),
            caller: "user".to_owned(),
            admitted_at_ms: 1_767_225_600_123,
            attributes: BTreeMap::new(),
        },
        input: input.as_bytes().to_vec(),
        limits: Limits { memory_bytes: 1 << 20, timeout: AMPLE, log_bytes: 4096, output_bytes: 65_536 },
        state: None,
        egress: None,
    }
}

/// The job of the handler that runs beside others.
pub fn echo(input: &str) -> Job {
    ample(input)
}

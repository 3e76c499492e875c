//! What holds of every answer, whatever the handler does (core.md 9.6 to 9.11, sandbox.md 3.6 and 5).

use assay_sandbox::{Execution, Job, Outcome};

use crate::finding::{Finding, Kind};

/// How many lines a log may have beyond one for each byte of its limit (core.md 9.10).
const SPARE_LINES: u64 = 1024;
/// The longest `detail`, in bytes (sandbox.md 3.6).
const DETAIL: usize = 200;

/// Judges an answer by its job.
pub fn judge(job: &Job, execution: &Execution) -> Result<(), Finding> {
    let unbounded = |what: String| Err(Finding::new(Kind::Unbounded, what));
    let limits = &job.limits;
    let logged: u64 = execution.logs.iter().map(|line| line.message.len() as u64).sum();
    if logged > limits.log_bytes || execution.logs.len() as u64 > limits.log_bytes + SPARE_LINES {
        return unbounded(format!("{} lines with {logged} bytes of {}", execution.logs.len(), limits.log_bytes));
    }
    if execution.usage.memory_bytes > limits.memory_bytes {
        return unbounded(format!("{} bytes of memory of {}", execution.usage.memory_bytes, limits.memory_bytes));
    }
    match &execution.outcome {
        Outcome::Output(output) if output.len() as u64 > limits.output_bytes => {
            return unbounded(format!("an output of {} bytes of {}", output.len(), limits.output_bytes));
        }
        Outcome::Failure { message, .. } if message.len() as u64 > limits.output_bytes => {
            return unbounded(format!("a message of {} bytes of {}", message.len(), limits.output_bytes));
        }
        Outcome::Trap(words) => detail(words)?,
        _ => {}
    }
    state(job, execution)
}

/// One line, and nothing of the host in it.
fn detail(words: &str) -> Result<(), Finding> {
    let of_the_host =
        words.contains("0x") || words.contains(".rs") || words.contains("/home") || words.contains(".wasm");
    if words.is_empty() || words.len() > DETAIL || words.contains(char::is_control) || of_the_host {
        return Err(Finding::new(Kind::Unbounded, format!("a trap is told as {words:?}")));
    }
    Ok(())
}

/// Changes only where an output was returned, and none past the quota.
fn state(job: &Job, execution: &Execution) -> Result<(), Finding> {
    let Some(changes) = &execution.state_changes else { return Ok(()) };
    let Some(snapshot) = job.state.as_ref().filter(|_| matches!(execution.outcome, Outcome::Output(_))) else {
        return Err(Finding::new(Kind::Accepted, format!("changes of the state after {:?}", execution.outcome)));
    };
    let grown = changes.iter().any(|(key, value)| value.is_some() && !snapshot.values.contains_key(key));
    let mut values = snapshot.values.clone();
    for (key, value) in changes {
        match value {
            Some(value) => values.insert(key.clone(), value.clone()),
            None => values.remove(key),
        };
    }
    let bytes: u64 = values.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum();
    let too_long = changes.keys().any(|key| key.is_empty() || key.len() as u64 > snapshot.max_key_bytes);
    if grown && (bytes > snapshot.max_bytes || values.len() as u64 > snapshot.max_keys || too_long) {
        return Err(Finding::new(Kind::Unbounded, format!("{} keys with {bytes} bytes: {changes:?}", values.len())));
    }
    Ok(())
}

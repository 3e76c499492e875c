//! Part d: the wall time of the suite per check, the start of the runtime included.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::table::{Goal, Row};

/// Judges the runtime so often and reads the time out of each report.
///
/// # Errors
/// If the suite does not run, or the runtime is not conformant.
pub fn measure(suite: &Path, runtime: &Path, repetitions: usize) -> Result<Vec<Row>> {
    let mut samples = Vec::new();
    for _ in 0..repetitions {
        let out = tempfile::tempdir()?;
        let status = Command::new(suite)
            .args(["conformance", "--launch", &runtime.display().to_string(), "--out"])
            .arg(out.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| format!("{} cannot be started", suite.display()))?;
        if !status.success() {
            bail!("the runtime is not conformant: {status}");
        }
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(out.path().join("report.json"))?)?;
        let checks = report["checks"].as_array().map_or(0, Vec::len);
        let duration = report["duration_ms"].as_f64().context("the report has no duration")?;
        samples.push(duration / checks as f64);
    }
    Ok(vec![Row::figure("d", "the suite on the runtime, per check", "ms", &samples).with_goal(Goal::AtMost(15.0))])
}

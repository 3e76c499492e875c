//! Targets that are no runtimes at all: no check that concerns them may pass.

use std::path::Path;

use assay_harness::{Attach, AttachOptions, Degenerate, Options, Session, Verdict};
use assay_reports::{DegenerateRow, Report, RowVerdict};

use super::judges::Judges;
use super::{launch, report_of, scratch};

/// Checks that only look at what even a degenerate target shows: its discovery document and its health.
const SHOWN: [&str; 2] = ["core.discovery.document", "core.discovery.health"];

/// Judges every degenerate target.
///
/// # Errors
/// One cannot be started.
pub async fn rows(honest: &Path, options: &Options) -> Result<Vec<DegenerateRow>, String> {
    let options_of_upstream = AttachOptions { scratch: scratch::in_memory(), ..AttachOptions::default() };
    let upstream =
        Session::attach(launch(honest, &[]), options_of_upstream).await.map_err(|fault| fault.to_string())?;
    let (admin, user) = upstream.tokens();
    let mut rows = Vec::new();
    for &kind in Degenerate::all() {
        let url = upstream.url().parse().map_err(|fault| format!("the upstream's URL: {fault}"))?;
        let running = kind
            .start(upstream.discovery().raw.clone(), Some(url))
            .await
            .map_err(|fault| format!("{} does not start: {fault}", kind.name()))?;
        let attach = Attach::Url {
            url: running.url.clone(),
            admin_token: Some(admin.to_owned()),
            user_token: Some(user.to_owned()),
        };
        // What hangs is known to hang after a second.
        let options = Options { request_timeout: std::time::Duration::from_secs(1), jobs: 64, ..options.clone() };
        let report = report_of(attach, &options, &Judges::all(Vec::new())).await?;
        let concerned: fn(&str) -> bool = match kind {
            Degenerate::FeatureLiar => |id| id == "core.discovery.undeclared-features",
            _ => |id| !SHOWN.contains(&id) && !id.starts_with("lifecycle."),
        };
        let row = row(kind.name(), text(kind), &report, concerned);
        eprintln!("degenerate {:<18} {}", row.target, row.verdict.words());
        rows.push(row);
    }
    upstream.stop().await;
    let amnesia = report_of(forgetful(honest), options, &Judges::prefixed("lifecycle.durability.")).await?;
    rows.push(row("amnesia", "Forgets everything at each restart.", &amnesia, |_| true));
    Ok(rows)
}

/// The honest runtime behind a shell that empties its data folder at each start.
fn forgetful(honest: &Path) -> Attach {
    let script = format!("rm -rf \"$ASSAY_DATA\"/* && exec '{}'", honest.display());
    Attach::Launch { command: vec!["sh".to_owned(), "-c".to_owned(), script], env: Vec::new() }
}

fn row(name: &str, text: &str, report: &Report, concerned: impl Fn(&str) -> bool) -> DegenerateRow {
    let results: Vec<_> = report.checks.iter().filter(|check| concerned(&check.id)).collect();
    let rejects = |verdict| matches!(verdict, Verdict::Fail | Verdict::Inconclusive);
    let accepted: Vec<String> =
        results.iter().filter(|check| !rejects(check.verdict)).map(|check| check.label()).collect();
    DegenerateRow {
        target: name.to_owned(),
        text: text.to_owned(),
        concerned: u32::try_from(results.len()).unwrap_or(u32::MAX),
        rejected: u32::try_from(results.len() - accepted.len()).unwrap_or(u32::MAX),
        verdict: match accepted.is_empty() && !results.is_empty() {
            true => RowVerdict::Killed,
            false => RowVerdict::Survived,
        },
        accepted,
    }
}

fn text(kind: Degenerate) -> &'static str {
    match kind {
        Degenerate::Always200 => "Answers everything with 200 and {}.",
        Degenerate::Always201 => "Answers everything with 201 and {}.",
        Degenerate::AlwaysForbidden => "Refuses everything as forbidden.",
        Degenerate::AlwaysNotFound => "Refuses everything with a bare 404.",
        Degenerate::Echo => "Answers everything with the request's own body.",
        Degenerate::Hang => "Never answers.",
        Degenerate::Reset => "Resets every connection.",
        Degenerate::FeatureLiar => "An honest runtime that declares features which it does not have.",
    }
}

//! Markdown: the summary that a CI system shows on the page of the run.
//!
//! Reasons quote what the target sent, so every foreign text is escaped: it can neither break a table, nor link,
//! nor call somebody by `@name`.

use std::fmt::Write as _;

use crate::figures::{counted, duration, one_line};
use crate::format::Format;
use crate::model::{CheckResult, Report, Verdict};

/// More rows than these hide the summary; the HTML report has them all.
const ROWS: usize = 100;
/// How many of the slowest checks are named.
const SLOWEST: usize = 10;
/// Longest foreign text in a cell, in characters.
const CELL: usize = 300;

/// `summary.md`.
#[derive(Clone, Copy, Debug)]
pub struct Markdown;

impl Format for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn file_name(&self) -> &'static str {
        "summary.md"
    }

    fn render(&self, report: &Report) -> String {
        let mut page = String::new();
        headline(&mut page, report);
        totals(&mut page, report);
        failures(&mut page, report);
        profiles(&mut page, report);
        slowest(&mut page, report);
        page
    }
}

fn headline(page: &mut String, report: &Report) {
    let sign = if report.exit_code == 0 { "✅" } else { "❌" };
    line(page, &format!("## {sign} Assay: {}", report.conclusion));
    let target = report.target.command.as_deref().unwrap_or(&report.target.url);
    let pace = match report.ms_per_check() {
        Some(ms) => format!("{} per check", duration(ms)),
        None => "no check ran".into(),
    };
    line(
        page,
        &format!(
            "Target {}, contract {}, suite {} {}, seed {}. {} in {}: {pace}. Exit code {}.",
            escape(target),
            escape(&report.contract),
            escape(&report.suite.name),
            escape(&report.suite.version),
            report.seed,
            counted(report.checks.len(), "check"),
            duration(report.duration_ms as f64),
            report.exit_code,
        ),
    );
    if !report.overrides.is_empty() {
        let flags: Vec<String> = report.overrides.iter().map(|flag| escape(flag)).collect();
        line(page, &format!("**Overrides:** {}", flags.join(", ")));
    }
}

fn totals(page: &mut String, report: &Report) {
    let mut heads = String::from("| planned |");
    let mut rule = String::from("|--:|");
    let mut counts = format!("| {} |", report.totals.planned);
    for verdict in Verdict::ALL {
        let _ = write!(heads, " {verdict} |");
        rule.push_str("--:|");
        let _ = write!(counts, " {} |", report.totals.count(verdict));
    }
    line(page, &format!("{heads}\n{rule}\n{counts}"));
}

/// Everything that keeps the run from being green, worst first.
fn failures(page: &mut String, report: &Report) {
    let mut open: Vec<&CheckResult> = report
        .checks
        .iter()
        .filter(|check| !matches!(check.verdict, Verdict::Pass | Verdict::Unsupported | Verdict::Skipped))
        .collect();
    if open.is_empty() {
        return;
    }
    open.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    let mut table = String::from("| verdict | check | reason | requirement |\n|---|---|---|---|");
    for check in open.iter().take(ROWS) {
        let reason = check.reason.as_deref().unwrap_or("no reason given");
        let (verdict, label) = (check.verdict, escape(&check.label()));
        let judged = requirements(report, check);
        let _ = write!(table, "\n| {verdict} | {label} | {} | {judged} |", escape(reason));
    }
    line(page, "### What failed");
    line(page, &table);
    if open.len() > ROWS {
        line(page, &format!("And {} more: see the HTML report.", open.len() - ROWS));
    }
}

fn requirements(report: &Report, check: &CheckResult) -> String {
    let cite = |id: &String| match report.requirements.iter().find(|known| known.id == *id) {
        Some(known) => {
            format!("**{}** {}: {} ({})", escape(id), known.level.word(), escape(&known.text), escape(&known.clause))
        }
        None => format!("**{}**", escape(id)),
    };
    check.requirements.iter().map(cite).collect::<Vec<_>>().join("<br>")
}

fn profiles(page: &mut String, report: &Report) {
    if report.profiles.is_empty() {
        return;
    }
    let mut table = String::from("| profile | requirements | held | checks | time |\n|---|--:|--:|--:|--:|");
    for profile in &report.profiles {
        let requirements = report.requirements.iter().filter(|known| known.profile == *profile);
        let held = requirements.clone().filter(|known| known.verdict == Verdict::Pass).count();
        let checks = report.checks.iter().filter(|check| check.profile == *profile);
        let time: f64 = checks.clone().map(|check| check.duration_ms).sum();
        let _ = write!(
            table,
            "\n| {} | {} | {held} | {} | {} |",
            escape(profile),
            requirements.count(),
            checks.count(),
            duration(time)
        );
    }
    line(page, "### Profiles");
    line(page, &table);
}

fn slowest(page: &mut String, report: &Report) {
    let mut checks: Vec<&CheckResult> =
        report.checks.iter().filter(|check| check.verdict != Verdict::Skipped).collect();
    if checks.is_empty() {
        return;
    }
    checks.sort_by(|a, b| b.duration_ms.total_cmp(&a.duration_ms));
    let mut table = String::from("| slowest checks | time |\n|---|--:|");
    for check in checks.iter().take(SLOWEST) {
        let _ = write!(table, "\n| {} | {} |", escape(&check.label()), duration(check.duration_ms));
    }
    line(page, &table);
}

/// One block, with the empty line that ends it.
fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push_str("\n\n");
}

/// Foreign text as text: what Markdown or HTML would read as a sign becomes a character reference, which both
/// show as the character and neither interprets.
fn escape(text: &str) -> String {
    let mut safe = String::new();
    for char in one_line(text, CELL).chars() {
        match char {
            '&' | '<' | '>' | '"' | '\'' | '|' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '!' | '\\' | '~'
            | '$' => {
                let _ = write!(safe, "&#{};", u32::from(char));
            }
            // Bare addresses and names become links on their own, unless they are broken up.
            ':' => safe.push_str("&#58;"),
            '@' => safe.push_str("&#64;&#8203;"),
            plain => safe.push(plain),
        }
    }
    safe.replace("www.", "www&#46;")
}

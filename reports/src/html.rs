//! HTML: one self-contained file that shows the whole run, for people.
//!
//! Foreign text is everywhere in a report, so three things keep it inert: maud escapes whatever is markup; evidence
//! is data in JSON islands, shown by script as text only; and a policy with the hashes of the one script and the one
//! style forbids every other script, style, image and connection.

mod page;
mod timeline;
mod tree;

use maud::{Markup, PreEscaped, html};

use crate::figures::duration;
use crate::format::Format;
use crate::model::{Attachment, CheckResult, Report, Verdict};

pub(crate) use page::{Page, bar, chip};

/// More than these are not listed at the top; the filter finds them all.
const ATTENTION: usize = 20;

/// `report.html`.
#[derive(Clone, Copy, Debug)]
pub struct Html;

impl Format for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn file_name(&self) -> &'static str {
        "report.html"
    }

    fn render(&self, report: &Report) -> String {
        let body = html! {
            (header(report))
            main data-url=(report.target.url) {
                (attention(report))
                (timeline::timeline(report))
                (toolbar(report))
                (tree::tree(report))
            }
            (islands(report))
        };
        let page = Page {
            title: &format!("Assay: {} · {}", report.conclusion, report.target.url),
            style: concat!(include_str!("html/base.css"), include_str!("html/report.css")),
            script: include_str!("html/report.js"),
        };
        page.render(&body)
    }
}

fn header(report: &Report) -> Markup {
    let totals = report.totals;
    let target = match report.target.attachment {
        Attachment::Command => report.target.command.as_deref().unwrap_or(&report.target.url),
        Attachment::Url => &report.target.url,
    };
    let pace = report.ms_per_check().map_or("–".into(), duration);
    html! {
        header.top {
            div.line {
                span.brand { "Assay" }
                span.sub { "conformance report" }
            }
            h1 class={ "conclusion " (tone(report)) } { (report.conclusion) }
            p.target { (target) }
            (page::bar(&Verdict::ALL.map(|verdict| (verdict.word(), totals.count(verdict)))))
            dl.facts {
                (fact("Checks", &totals.planned.to_string()))
                (fact("Duration", &duration(report.duration_ms as f64)))
                (fact("Per check", &pace))
                @if let Some(ms) = report.target.startup_ms {
                    (fact("Start of target", &duration(ms as f64)))
                }
                (fact("Contract", &report.contract))
                (fact("Suite", &format!("{} {}", report.suite.name, report.suite.version)))
                (fact("Seed", &report.seed.to_string()))
                (fact("Started", &report.started_at))
                (fact("Exit code", &report.exit_code.to_string()))
            }
            @if !report.overrides.is_empty() {
                p.overrides {
                    "Departs from the defaults: "
                    @for flag in &report.overrides { code { (flag) } " " }
                }
            }
            details.small {
                summary { "What the target says about itself, and the suite’s digest" }
                p { "Address " code { (report.target.url) } " · suite " code { (report.suite.digest) }
                    " · finished " (report.finished_at) }
                pre { (format!("{:#}", report.target.discovery)) }
            }
        }
    }
}

fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn tone(report: &Report) -> &'static str {
    match report.exit_code {
        0 => "good",
        3 => "open",
        _ => "bad",
    }
}

/// What keeps the run from being green, first thing on the page.
fn attention(report: &Report) -> Markup {
    let bad = |check: &CheckResult| matches!(check.verdict, Verdict::Fail | Verdict::Error | Verdict::Inconclusive);
    let mut open: Vec<(usize, &CheckResult)> =
        report.checks.iter().enumerate().filter(|(_, check)| bad(check)).collect();
    open.sort_by_key(|(_, check)| std::cmp::Reverse(check.verdict));
    html! {
        @if !open.is_empty() {
            section.attention aria-labelledby="attention" {
                h2 #attention { "What needs attention" }
                ul {
                    @for (n, check) in open.iter().take(ATTENTION) {
                        li {
                            (page::chip(check.verdict.word()))
                            a href={ "#check-" (n) } { (check.label()) }
                            span.why { (check.reason.as_deref().unwrap_or(&check.title)) }
                        }
                    }
                }
                @if open.len() > ATTENTION {
                    p.muted { "And " (open.len() - ATTENTION) " more below." }
                }
            }
        }
    }
}

fn toolbar(report: &Report) -> Markup {
    html! {
        div.toolbar role="search" {
            div.filters role="group" aria-label="Show only these verdicts" {
                @for verdict in Verdict::ALL {
                    @let count = report.totals.count(verdict);
                    button type="button" aria-pressed="false" data-verdict=(verdict.word()) disabled[count == 0] {
                        span class={ "dot " (verdict.word()) } {}
                        (verdict) " " b { (count) }
                    }
                }
            }
            label.search {
                span.hidden { "Search ids, titles, requirements and reasons" }
                input #search type="search" placeholder="Search  ( / )"
                    autocomplete="off" spellcheck="false";
            }
            button #unfold type="button" { "Open all" }
            button #fold type="button" { "Close all" }
            output #shown aria-live="polite" {}
        }
        noscript { p.muted { "Filters, search and evidence need JavaScript; everything else is here." } }
    }
}

/// The evidence of each check as data. Each island is parsed only when its check is opened.
fn islands(report: &Report) -> Markup {
    html! {
        @for (n, check) in report.checks.iter().enumerate() {
            @if !check.exchanges.is_empty() || !check.attachments.is_empty() {
                script type="application/json" id={ "evidence-" (n) } {
                    (PreEscaped(page::island(&(&check.exchanges, &check.attachments))))
                }
            }
        }
    }
}

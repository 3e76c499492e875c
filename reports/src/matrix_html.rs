//! The kill matrix as one self-contained page: rows are sabotages, columns are checks.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::figures::{counted, duration};
use crate::html::{Page, bar, chip};
use crate::matrix::{DegenerateRow, Kill, KillMatrix, Row, RowVerdict};

/// The page, for `matrix.html`. It needs no script.
#[must_use]
pub fn render(matrix: &KillMatrix) -> String {
    let body = html! {
        (header(matrix))
        main {
            @if !matrix.problems.is_empty() {
                section.problems {
                    h2 { "Problems" }
                    ul { @for problem in &matrix.problems { li { (problem) } } }
                }
            }
            (grid(matrix))
            (degenerates(&matrix.degenerates))
            section { h2 { "Sabotages" } @for row in &matrix.rows { (sabotage(row)) } }
        }
    };
    let page = Page {
        title: &format!("Assay: kill matrix, {}", conclusion(matrix)),
        style: concat!(include_str!("html/base.css"), include_str!("html/matrix.css")),
        script: "",
    };
    page.render(&body)
}

fn conclusion(matrix: &KillMatrix) -> &'static str {
    if matrix.proven { "proven" } else { "not proven" }
}

fn header(matrix: &KillMatrix) -> Markup {
    let tone = if matrix.proven { "good" } else { "bad" };
    let killed = u32::try_from(matrix.killed()).unwrap_or(u32::MAX);
    let others = u32::try_from(matrix.rows.len() - matrix.killed()).unwrap_or(u32::MAX);
    let figures = [
        ("Sabotages killed", format!("{killed} of {}", matrix.rows.len())),
        ("Degenerate targets", matrix.degenerates.len().to_string()),
        ("Checks", matrix.checks.len().to_string()),
        ("Duration", duration(matrix.duration_ms as f64)),
        ("Contract", matrix.contract.clone()),
        ("Suite", format!("{} {}", matrix.suite.name, matrix.suite.version)),
        ("Started", matrix.started_at.clone()),
    ];
    html! {
        header.top {
            div.line { span.brand { "Assay" } span.sub { "proof that the suite can fail" } }
            h1 class={ "conclusion " (tone) } { (conclusion(matrix)) }
            (bar(&[("PASS", killed), ("FAIL", others)]))
            dl.facts { @for (name, value) in &figures { div { dt { (name) } dd { (value) } } } }
            p.muted { "Suite digest " code { (matrix.suite.digest) } }
        }
    }
}

/// What a check did under a sabotage.
#[derive(Clone, Copy)]
enum Cell {
    Killed,
    Missed,
    Declared,
    Unexpected,
}

impl Cell {
    const ALL: [Cell; 4] = [Cell::Killed, Cell::Missed, Cell::Declared, Cell::Unexpected];

    /// Class, sign and meaning.
    fn look(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Cell::Killed => ("kill", "●", "failed, as it must"),
            Cell::Missed => ("miss", "✕", "did not notice"),
            Cell::Declared => ("declared", "○", "may fail too, declared"),
            Cell::Unexpected => ("unexpected", "!", "failed too, undeclared"),
        }
    }
}

/// The cells of a row by check. What is worse is entered later and stands.
fn cells(row: &Row) -> BTreeMap<&str, (Cell, &str)> {
    let mut cells: BTreeMap<&str, (Cell, &str)> = BTreeMap::new();
    let declared = row.collateral_declared.iter().map(|id| (id.as_str(), (Cell::Declared, "")));
    cells.extend(declared);
    cells.extend(row.killed_by.iter().map(|kill| (kill.check.as_str(), (Cell::Killed, kill.reason.as_str()))));
    cells.extend(row.missed.iter().map(|missed| (missed.check.as_str(), (Cell::Missed, missed.reason.as_str()))));
    let unexpected = row.collateral_unexpected.iter();
    cells.extend(unexpected.map(|kill| (kill.check.as_str(), (Cell::Unexpected, kill.reason.as_str()))));
    cells
}

fn grid(matrix: &KillMatrix) -> Markup {
    let rows: Vec<_> = matrix.rows.iter().map(|row| (row, cells(row))).collect();
    let kills =
        |check: &str| rows.iter().filter(|(_, cells)| matches!(cells.get(check), Some((Cell::Killed, _)))).count();
    html! {
        p.legend {
            @for cell in Cell::ALL {
                @let (class, sign, meaning) = cell.look();
                span { b class=(class) { (sign) } " " (meaning) }
            }
        }
        div.scroll tabindex="0" role="region" aria-label="Kill matrix" {
            table.grid {
                thead { tr {
                    th.corner scope="col" { "sabotage" }
                    @for check in &matrix.checks { th.check scope="col" { span { (check) } } }
                } }
                tbody {
                    @for (row, cells) in &rows {
                        tr {
                            th scope="row" { (verdict(row.verdict)) a href={ "#" (anchor(&row.sabotage)) } { (row.sabotage) } }
                            @for check in &matrix.checks {
                                @if let Some((cell, reason)) = cells.get(check.as_str()) {
                                    @let (class, sign, meaning) = cell.look();
                                    td class=(class) title={ (check) ": " (meaning) ". " (reason) } { (sign) }
                                } @else { td {} }
                            }
                        }
                    }
                }
                tfoot { tr {
                    th scope="row" { "sabotages that it kills" }
                    @for check in &matrix.checks {
                        @let count = kills(check);
                        td.idle[count == 0] { (count) }
                    }
                } }
            }
        }
    }
}

fn sabotage(row: &Row) -> Markup {
    html! {
        details.row id=(anchor(&row.sabotage)) open[row.verdict != RowVerdict::Killed] {
            summary {
                (verdict(row.verdict)) code { (row.sabotage) }
                span.text { (row.defect) }
                span.muted { (duration(row.duration_ms as f64)) }
            }
            p.muted { "Breaks " (row.requirements.join(", ")) "; must be noticed by " (row.expected.join(", ")) "." }
            (kills("Failed, as it must", &row.killed_by))
            (kills("Did not notice", &row.missed))
            (kills("Failed too, undeclared", &row.collateral_unexpected))
            @if !row.collateral_declared.is_empty() {
                p.muted { "May fail too: " (row.collateral_declared.join(", ")) }
            }
        }
    }
}

fn kills(title: &str, kills: &[Kill]) -> Markup {
    html! {
        @for kill in kills {
            p { (title) ": " code { (kill.check) } @if let Some(packaging) = &kill.packaging { " [" (packaging) "]" }
                span.reason { (kill.reason) } }
        }
    }
}

fn degenerates(rows: &[DegenerateRow]) -> Markup {
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "Degenerate targets" }
                table.plain {
                    thead { tr { th { "verdict" } th { "target" } th { "what it does" } th { "rejected by" } th { "accepted by" } } }
                    tbody { @for row in rows {
                        tr {
                            td { (verdict(row.verdict)) } td { code { (row.target) } } td { (row.text) }
                            td { (row.rejected) " of " (counted(row.concerned as usize, "check")) }
                            td.bad { (row.accepted.join(", ")) }
                        }
                    } }
                }
            }
        }
    }
}

fn verdict(verdict: RowVerdict) -> Markup {
    chip(verdict.words())
}

fn anchor(sabotage: &str) -> String {
    format!("sabotage-{sabotage}")
}

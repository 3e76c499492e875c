//! The kill matrix for a terminal: one line per sabotage, and at the end, where it cannot be overlooked, whatever is wrong.

use std::fmt::Write as _;

use crate::figures::{counted, duration, one_line};
use crate::matrix::{DegenerateRow, Kill, KillMatrix, Row, RowVerdict};

/// Longest foreign text in a line, in characters.
const WIDTH: usize = 200;

/// The matrix as text; with `colour`, ANSI colours mark the verdicts.
#[must_use]
pub fn render(matrix: &KillMatrix, colour: bool) -> String {
    let mut text = String::new();
    let paint = Paint { colour };
    table(&mut text, matrix, &paint);
    degenerates(&mut text, matrix, &paint);
    faulty(&mut text, matrix, &paint);
    for problem in &matrix.problems {
        let _ = writeln!(text, "{}  {}", paint.bad("PROBLEM"), one_line(problem, WIDTH));
    }
    conclusion(&mut text, matrix, &paint);
    text
}

fn table(text: &mut String, matrix: &KillMatrix, paint: &Paint) {
    let verdicts = matrix.rows.iter().map(|row| row.verdict.words().len());
    let verdict_width = verdicts.max().unwrap_or(0);
    let names: Vec<String> = matrix.rows.iter().map(|row| one_line(&row.sabotage, WIDTH)).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (row, name) in matrix.rows.iter().zip(&names) {
        // The colour codes have no width, so the padding is made before them.
        let verdict = paint.verdict(row.verdict, verdict_width);
        let checks = one_line(&row.expected.join(", "), WIDTH);
        let took = duration(row.duration_ms as f64);
        let share = format!("{}/{}", row.expected.len() - missed(row), row.expected.len());
        let again = if row.attempts > 1 { format!("  (attempt {})", row.attempts) } else { String::new() };
        let _ = writeln!(text, "{verdict}  {name:<name_width$}  {took:>8}  {share:>5}  {checks}{again}");
    }
}

/// The rows that did not end as declared, once more and with their faults: the end of a long log is what is read first.
fn faulty(text: &mut String, matrix: &KillMatrix, paint: &Paint) {
    for row in matrix.rows.iter().filter(|row| row.verdict != RowVerdict::Killed) {
        let (verdict, name) = (paint.verdict(row.verdict, 0), one_line(&row.sabotage, WIDTH));
        let _ = write!(text, "{verdict}  {name}\n{}", faults(row));
    }
}

/// How many expected checks did not fail, in one packaging or both.
fn missed(row: &Row) -> usize {
    row.expected.iter().filter(|check| row.missed.iter().any(|missed| missed.check == **check)).count()
}

/// What is wrong with a row, a line for each fault.
#[must_use]
pub fn faults(row: &Row) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "    defect: {}", one_line(&row.defect, WIDTH));
    for missed in &row.missed {
        let _ = writeln!(text, "    did not notice: {}", failure(missed));
    }
    if row.verdict == RowVerdict::WrongReason || row.verdict == RowVerdict::Error {
        for kill in &row.killed_by {
            let _ = writeln!(text, "    failed: {}", failure(kill));
        }
    }
    for kill in &row.collateral_unexpected {
        let _ = writeln!(text, "    failed too, undeclared: {}", failure(kill));
    }
    text
}

fn failure(kill: &Kill) -> String {
    let packaging = kill.packaging.as_ref().map(|packaging| format!(" [{packaging}]"));
    let label = format!("{}{}", kill.check, packaging.unwrap_or_default());
    format!("{}: {}", one_line(&label, WIDTH), one_line(&kill.reason, WIDTH))
}

fn degenerates(text: &mut String, matrix: &KillMatrix, paint: &Paint) {
    if matrix.degenerates.is_empty() {
        return;
    }
    let width = matrix.degenerates.iter().map(|row| row.target.chars().count()).max().unwrap_or(0);
    text.push_str("\nDegenerate targets, which every check that concerns one must reject:\n");
    for DegenerateRow { target, text: what, concerned, rejected, accepted, verdict } in &matrix.degenerates {
        let verdict = paint.verdict(*verdict, "wrong reason".len());
        let (target, what) = (one_line(target, WIDTH), one_line(what, WIDTH));
        let _ = writeln!(text, "{verdict}  {target:<width$}  {rejected:>4} of {concerned:<4}  {what}");
        for check in accepted {
            let _ = writeln!(text, "    was fooled: {}", one_line(check, WIDTH));
        }
    }
    text.push('\n');
}

fn conclusion(text: &mut String, matrix: &KillMatrix, paint: &Paint) {
    let word = if matrix.proven { paint.good("PROVEN") } else { paint.bad("NOT PROVEN") };
    let _ = writeln!(
        text,
        "{word}: {} of {} killed, {}, {}, in {}",
        matrix.killed(),
        counted(matrix.rows.len(), "sabotage"),
        counted(matrix.degenerates.len(), "degenerate target"),
        counted(matrix.problems.len(), "problem"),
        duration(matrix.duration_ms as f64),
    );
}

/// Colours, if they are wanted.
struct Paint {
    colour: bool,
}

impl Paint {
    fn good(&self, text: &str) -> String {
        self.sgr("32", text)
    }

    fn bad(&self, text: &str) -> String {
        self.sgr("1;31", text)
    }

    fn verdict(&self, verdict: RowVerdict, width: usize) -> String {
        let padded = format!("{:<width$}", verdict.words());
        if verdict == RowVerdict::Killed { self.good(&padded) } else { self.bad(&padded) }
    }

    fn sgr(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

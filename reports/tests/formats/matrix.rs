//! The kill matrix, in every format.

use assay_reports::{DegenerateRow, Kill, KillMatrix, MATRIX_SCHEMA, Row, RowVerdict};
use assay_reports::{json, matrix_html, matrix_text};

use crate::hostile::ATTACK;
use crate::sample;

fn matrix() -> KillMatrix {
    let mut matrix = KillMatrix {
        schema: MATRIX_SCHEMA.into(),
        contract: "0.1".into(),
        suite: sample::suite(),
        started_at: "2026-11-21T06:00:00Z".into(),
        duration_ms: 41_000,
        checks: ["core.signature.strict", "core.memory.growth", "registry.list.order"].map(Into::into).into(),
        rows: vec![
            row("accepts-s-above-the-order", &["core.signature.strict"]),
            row("counts-each-memory-alone", &["core.memory.growth"]),
        ],
        degenerates: vec![DegenerateRow {
            target: "always-200".into(),
            text: "Answers 200 to everything.".into(),
            concerned: 3,
            rejected: 3,
            accepted: Vec::new(),
            verdict: RowVerdict::Killed,
        }],
        problems: Vec::new(),
        proven: false,
    };
    matrix.conclude();
    matrix
}

fn row(sabotage: &str, kills: &[&str]) -> Row {
    Row {
        sabotage: sabotage.into(),
        defect: "Does what it must not.".into(),
        requirements: vec!["CORE-SIG-002".into()],
        expected: kills.iter().map(|id| (*id).into()).collect(),
        killed_by: kills.iter().map(|id| kill(id)).collect(),
        missed: Vec::new(),
        collateral_declared: vec!["registry.list.order".into()],
        collateral_unexpected: Vec::new(),
        verdict: RowVerdict::Killed,
        attempts: 1,
        duration_ms: 380,
    }
}

fn kill(check: &str) -> Kill {
    Kill { check: check.into(), packaging: Some("core".into()), reason: "expected 403, got 201".into() }
}

/// One sabotage that the suite does not notice, and one that hits too much.
fn with_a_survivor() -> KillMatrix {
    let mut matrix = matrix();
    let survivor = &mut matrix.rows[0];
    survivor.verdict = RowVerdict::Survived;
    survivor.missed =
        survivor.expected.iter().map(|id| Kill { reason: "it ended with PASS".into(), ..kill(id) }).collect();
    survivor.killed_by.clear();
    let wide = &mut matrix.rows[1];
    wide.verdict = RowVerdict::Collateral;
    wide.collateral_unexpected = vec![kill("core.signature.strict")];
    matrix.conclude();
    matrix
}

#[test]
fn a_matrix_without_survivors_is_proven() {
    assert!(matrix().proven);
}

#[test]
fn a_survivor_ends_the_proof() {
    assert!(!with_a_survivor().proven);
}

#[test]
fn a_problem_ends_the_proof() {
    let mut matrix = matrix();
    matrix.problems.push("CORE-MEM-001 is a MUST without a sabotage".into());
    matrix.conclude();
    assert!(!matrix.proven);
}

#[test]
fn a_check_that_a_degenerate_target_fools_ends_the_proof() {
    let mut matrix = matrix();
    matrix.degenerates[0].accepted.push("core.memory.growth".into());
    matrix.conclude();
    assert!(!matrix.proven);
}

#[test]
fn no_sabotage_at_all_proves_nothing() {
    let mut matrix = matrix();
    matrix.rows.clear();
    matrix.conclude();
    assert!(!matrix.proven);
}

#[test]
fn the_text_is_aligned_and_concludes() {
    let text = matrix_text::render(&matrix(), false);
    let columns: Vec<_> = text.lines().take(2).map(|line| line.find("380 ms")).collect();
    assert!(columns[0].is_some() && columns[0] == columns[1], "{text}");
    assert!(text.ends_with("PROVEN: 2 of 2 sabotages killed, 1 degenerate target, 0 problems, in 41.0 s\n"), "{text}");
}

#[test]
fn the_text_says_what_survived_and_what_was_hit_too() {
    let text = matrix_text::render(&with_a_survivor(), false);
    assert!(text.contains("    did not notice: core.signature.strict [core]: it ended with PASS\n"), "{text}");
    assert!(
        text.contains("    failed too, undeclared: core.signature.strict [core]: expected 403, got 201\n"),
        "{text}"
    );
}

#[test]
fn the_text_is_coloured_only_if_asked() {
    assert!(!matrix_text::render(&with_a_survivor(), false).contains('\u{1b}'));
    assert!(matrix_text::render(&with_a_survivor(), true).contains("\u{1b}[1;31msurvived"));
}

#[test]
fn hostile_reasons_cannot_steer_the_terminal() {
    let mut matrix = with_a_survivor();
    matrix.rows[1].collateral_unexpected[0].reason = "\u{1b}[2J".into();
    assert!(!matrix_text::render(&matrix, false).contains('\u{1b}'));
}

#[test]
fn the_page_has_a_cell_for_each_kill() {
    let page = matrix_html::render(&matrix());
    assert_eq!(page.matches("<td class=\"kill\"").count(), 2);
    assert_eq!(page.matches("<td class=\"declared\"").count(), 2);
}

#[test]
fn the_page_shows_survivors_and_undeclared_failures() {
    let page = matrix_html::render(&with_a_survivor());
    assert_eq!(page.matches("<td class=\"miss\"").count(), 1);
    assert_eq!(page.matches("<td class=\"unexpected\"").count(), 1);
}

#[test]
fn the_page_keeps_hostile_reasons_inert() {
    let mut matrix = with_a_survivor();
    matrix.rows[1].collateral_unexpected[0].reason = ATTACK.into();
    matrix.rows[0].sabotage = ATTACK.into();
    assert!(!matrix_html::render(&matrix).contains("<img"));
}

#[test]
fn json_is_read_back_the_same() {
    let matrix = with_a_survivor();
    assert_eq!(serde_json::from_str::<KillMatrix>(&json::matrix(&matrix)).expect("a matrix"), matrix);
}

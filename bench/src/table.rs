//! What was measured, as ratios with their spread, and how it is written down.

use std::fmt::Write as _;

use serde::Serialize;

/// The least, the middle and the largest of some samples.
#[derive(Serialize, Clone, Copy, PartialEq, Debug)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The middle; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of samples; all zero if there are none.
    pub fn of(samples: &[f64]) -> Spread {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else {
            return Spread { min: 0.0, median: 0.0, max: 0.0 };
        };
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Spread { min, median, max }
    }

    /// The spread of ratios of samples that were taken side by side: what slows the machine down slows both.
    pub fn of_ratios(samples: &[f64], beside: &[f64]) -> Spread {
        let ratios: Vec<f64> = samples.iter().zip(beside).map(|(sample, other)| sample / other).collect();
        Spread::of(&ratios)
    }

    fn text(self) -> String {
        format!("{} / {} / {}", figure(self.min), figure(self.median), figure(self.max))
    }
}

/// What a median should come to.
#[derive(Serialize, Clone, Copy, PartialEq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Goal {
    /// Whether the median reaches it.
    pub fn is_met(self, spread: Spread) -> bool {
        match self {
            Goal::AtLeast(least) => spread.median >= least,
            Goal::AtMost(most) => spread.median <= most,
        }
    }
}

/// What came out of one line.
#[derive(Serialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// It was measured.
    Spread(Spread),
    /// It was not, and this is why.
    Skipped(String),
}

/// One line: a figure or a ratio.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct Row {
    /// The part of the run: `a`, `b`, `c` or `d`.
    pub part: &'static str,
    /// What was measured.
    pub what: String,
    /// In which unit; `×` for a ratio.
    pub unit: &'static str,
    /// What came out.
    #[serde(flatten)]
    pub found: Found,
    /// What should have.
    pub goal: Option<Goal>,
    /// Whether it did.
    pub met: Option<bool>,
}

impl Row {
    /// A figure without a goal.
    pub fn figure(part: &'static str, what: impl Into<String>, unit: &'static str, samples: &[f64]) -> Row {
        Row { part, what: what.into(), unit, found: Found::Spread(Spread::of(samples)), goal: None, met: None }
    }

    /// A ratio of samples that were taken side by side.
    pub fn ratio(part: &'static str, what: impl Into<String>, samples: &[f64], beside: &[f64]) -> Row {
        let found = Found::Spread(Spread::of_ratios(samples, beside));
        Row { part, what: what.into(), unit: "×", found, goal: None, met: None }
    }

    /// What could not be measured, and why.
    pub fn skipped(part: &'static str, what: impl Into<String>, unit: &'static str, why: impl Into<String>) -> Row {
        Row { part, what: what.into(), unit, found: Found::Skipped(why.into()), goal: None, met: None }
    }

    /// The same with a goal. What was not measured neither meets nor misses it.
    pub fn with_goal(self, goal: Goal) -> Row {
        let met = match self.found {
            Found::Spread(spread) => Some(goal.is_met(spread)),
            Found::Skipped(_) => None,
        };
        Row { met, goal: Some(goal), ..self }
    }
}

/// One run.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct Run {
    /// When it began.
    pub started_at: String,
    /// The machine and the tools, by name.
    pub facts: Vec<(String, String)>,
    /// What was measured.
    pub rows: Vec<Row>,
}

impl Run {
    /// The run as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# What the runtime costs\n\nBegun at {}.\n\n", self.started_at);
        for (name, value) in &self.facts {
            let _ = writeln!(text, "- {name}: {value}");
        }
        text.push_str("\n| part | what | unit | min / median / max | goal | met |\n|---|---|---|---|---|---|\n");
        for row in &self.rows {
            let goal = match row.goal {
                None => String::new(),
                Some(Goal::AtLeast(least)) => format!("≥ {}", figure(least)),
                Some(Goal::AtMost(most)) => format!("≤ {}", figure(most)),
            };
            let met = row.met.map_or("", |met| if met { "yes" } else { "no" });
            let found = match &row.found {
                Found::Spread(spread) => spread.text(),
                Found::Skipped(why) => format!("skipped: {why}"),
            };
            let _ = writeln!(text, "| {} | {} | {} | {found} | {goal} | {met} |", row.part, row.what, row.unit);
        }
        text
    }
}

/// Three digits that matter.
fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_of_two_middles_their_mean() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { min: 1.0, median: 2.0, max: 3.0 });
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert_eq!(Spread::of(&[]).max, 0.0);
    }

    #[test]
    fn ratios_are_taken_pair_by_pair() {
        let ratios = Spread::of_ratios(&[10.0, 40.0, 9.0], &[20.0, 20.0, 9.0]);
        assert_eq!(ratios, Spread { min: 0.5, median: 1.0, max: 2.0 });
    }

    #[test]
    fn a_goal_is_met_by_the_median() {
        let row = Row::ratio("a", "gate", &[0.5, 0.9, 0.9], &[1.0, 1.0, 1.0]);
        assert_eq!(row.clone().with_goal(Goal::AtLeast(0.8)).met, Some(true));
        assert_eq!(row.with_goal(Goal::AtMost(0.8)).met, Some(false));
    }

    #[test]
    fn what_was_not_measured_says_why_and_meets_no_goal() {
        let row = Row::skipped("c", "a peer", "×", "it is not installed").with_goal(Goal::AtLeast(2.0));
        assert_eq!(row.met, None);
        assert_eq!(serde_json::to_value(&row).unwrap()["skipped"], "it is not installed");
        let run = Run { started_at: "now".into(), facts: Vec::new(), rows: vec![row] };
        assert!(run.markdown().contains("| c | a peer | × | skipped: it is not installed | ≥ 2.00 |  |\n"));
    }

    #[test]
    fn a_run_is_a_table_with_its_facts_above() {
        let rows = vec![
            Row::figure("b", "warm", "µs", &[120.4, 9.876]),
            Row::ratio("a", "gate", &[9.0], &[10.0]).with_goal(Goal::AtLeast(0.8)),
        ];
        let run = Run { started_at: "now".into(), facts: vec![("cores".into(), "2".into())], rows };
        let text = run.markdown();
        assert!(text.contains("- cores: 2\n"));
        assert!(text.contains("| b | warm | µs | 9.88 / 65.1 / 120 |  |  |\n"), "{text}");
        assert!(text.contains("| a | gate | × | 0.90 / 0.90 / 0.90 | ≥ 0.80 | yes |\n"), "{text}");
    }
}

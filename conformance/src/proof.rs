//! The table of sabotages: which defect of the reference runtime must turn which checks red.

use std::sync::LazyLock;

use serde::Deserialize;

/// The text of `proof/sabotages.toml`.
const TABLE: &str = include_str!("../proof/sabotages.toml");

/// One deliberate defect of the reference runtime.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sabotage {
    /// What `assay-runtime-sabotaged --sabotage` takes.
    pub id: String,
    /// The crate under runtime-under-test/ that holds the defect.
    #[serde(rename = "crate")]
    pub home: String,
    /// The requirements that it breaks.
    pub requirements: Vec<String>,
    /// The defect in one sentence.
    pub defect: String,
    /// The checks that must fail.
    pub kills: Vec<String>,
    /// Words that their reasons must hold.
    pub reason: Words,
    /// Checks that may fail as well; `*` stands for any text.
    #[serde(default)]
    pub collateral: Vec<String>,
    /// Why there is collateral.
    pub why: Option<String>,
    /// Whether the runtime reaches other hosts through the observatory's proxy (egress.md 7.2).
    #[serde(default)]
    pub proxy: bool,
}

/// Words of a reason.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Words {
    /// The same for all checks.
    All(String),
    /// For each of them its own, in their order.
    Each(Vec<String>),
}

impl Sabotage {
    /// The words that the reason of the check with this number in `kills` must hold; nothing if the table has none for it.
    pub fn words(&self, check: usize) -> &str {
        match &self.reason {
            Words::All(words) => words,
            Words::Each(words) => words.get(check).map_or("", String::as_str),
        }
    }

    /// Whether a failure of `check` is declared as collateral.
    pub fn excuses(&self, check: &str) -> bool {
        self.collateral.iter().any(|pattern| matches(pattern, check))
    }
}

#[derive(Deserialize)]
struct Table {
    sabotage: Vec<Sabotage>,
}

/// All sabotages, in the order of the table.
///
/// # Errors
/// The table is not of its form; the text says where.
pub fn sabotages() -> Result<&'static [Sabotage], String> {
    // Every run asks, and the proof makes hundreds of runs.
    static READ: LazyLock<Result<Vec<Sabotage>, String>> = LazyLock::new(|| {
        let table: Table = toml::from_str(TABLE).map_err(|fault| format!("proof/sabotages.toml: {fault}"))?;
        Ok(table.sabotage)
    });
    READ.as_deref().map_err(Clone::clone)
}

/// The sabotages that a check is named to kill.
pub fn proving(check: &str, sabotages: &[Sabotage]) -> Vec<String> {
    sabotages
        .iter()
        .filter(|sabotage| sabotage.kills.iter().any(|killed| killed == check))
        .map(|sabotage| sabotage.id.clone())
        .collect()
}

/// Whether `text` fits `pattern`, in which `*` stands for any text.
pub fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).filter(|&at| rest.is_char_boundary(at)).any(|at| matches(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("core.*.echo", "core.execution.echo"));
        assert!(matches("*", "anything"));
        assert!(!matches("core.*", "registry.list.items"));
        assert!(!matches("core.signature", "core.signature.valid"));
    }

    #[test]
    fn the_table_reads() {
        assert!(sabotages().expect("the table").len() > 100);
    }
}

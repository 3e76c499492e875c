//! What problems.toml says about a code: the words that a runtime would use.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A refusal that the contract defines.
#[derive(Debug, Deserialize)]
struct Problem {
    remedy: String,
}

static PROBLEMS: LazyLock<BTreeMap<String, Problem>> = LazyLock::new(|| {
    let text = include_str!("../../conformance/spec/problems.toml");
    toml::from_str(text).expect("problems.toml is part of the build")
});

/// What can be done about a code; nothing for one that the contract does not have.
pub(crate) fn remedy(code: &str) -> &'static str {
    PROBLEMS.get(code).map_or("", |problem| &problem.remedy)
}

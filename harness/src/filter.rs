//! Chooses checks by globs over their ids and over the requirements that they judge.

use crate::Check;

/// A comma-separated list of globs: `core.signature.*,CORE-MOD-*`. `*` stands for any characters, also none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    globs: Vec<String>,
}

/// A glob of the filter matches no check.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
#[error(
    "the filter `{glob}` matches no check and no requirement{}\nList them all: --list",
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) }
)]
pub struct NoMatch {
    /// The glob.
    pub glob: String,
    /// Identifiers that look like it, nearest first; at most five.
    pub near: Vec<String>,
}

impl Filter {
    /// Reads the list. Empty entries are left out.
    #[must_use]
    pub fn parse(text: &str) -> Filter {
        let globs = text.split(',').map(str::trim).filter(|glob| !glob.is_empty());
        Filter { globs: globs.map(str::to_owned).collect() }
    }

    /// Whether a glob matches the check's id or one of its requirements.
    #[must_use]
    pub fn matches(&self, check: &Check) -> bool {
        self.globs.iter().any(|glob| names(check).any(|name| matches(glob, name)))
    }

    /// Makes sure that every glob matches something, so that a typing error does not make a run smaller unseen.
    ///
    /// # Errors
    /// The first glob that matches nothing.
    pub fn require<'a>(&self, checks: impl Iterator<Item = &'a Check> + Clone) -> Result<(), NoMatch> {
        for glob in &self.globs {
            if !checks.clone().any(|check| names(check).any(|name| matches(glob, name))) {
                return Err(NoMatch { glob: glob.clone(), near: near(glob, checks) });
            }
        }
        if self.globs.is_empty() {
            return Err(NoMatch { glob: String::new(), near: Vec::new() });
        }
        Ok(())
    }
}

fn names(check: &Check) -> impl Iterator<Item = &'static str> {
    std::iter::once(check.id).chain(check.requirements.iter().copied())
}

fn matches(glob: &str, name: &str) -> bool {
    let Some((head, mut rest)) = glob.split_once('*') else {
        return glob == name;
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    // Between two stars the first place is as good as any; after the last star only the end counts.
    while let Some((middle, tail)) = rest.split_once('*') {
        let Some(at) = name.find(middle) else {
            return false;
        };
        (name, rest) = (&name[at + middle.len()..], tail);
    }
    name.ends_with(rest)
}

fn near<'a>(glob: &str, checks: impl Iterator<Item = &'a Check>) -> Vec<String> {
    const ALIKE: f64 = 0.75;
    let wanted = glob.replace('*', "").to_lowercase();
    let mut scored: Vec<(f64, &str)> = checks
        .flat_map(names)
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by_key(|(_, name)| *name);
    scored.into_iter().take(5).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKS: &[Check] = crate::checks![
        once("core.signature.wrong-key", "", &["CORE-SIG-002"], never),
        once("core.module.wasi", "", &["CORE-MOD-007", "CORE-MOD-008"], never),
    ];

    async fn never(_: crate::Cx) -> Result<(), crate::Stop> {
        Ok(())
    }

    fn chosen(filter: &str) -> Vec<&'static str> {
        let filter = Filter::parse(filter);
        CHECKS.iter().filter(|check| filter.matches(check)).map(|check| check.id).collect()
    }

    #[test]
    fn a_glob_matches_check_ids() {
        assert_eq!(chosen("core.signature.*"), ["core.signature.wrong-key"]);
    }

    #[test]
    fn a_glob_matches_requirement_ids() {
        assert_eq!(chosen("CORE-MOD-*8"), ["core.module.wasi"]);
    }

    #[test]
    fn several_globs_add_up() {
        assert_eq!(chosen("*wasi, CORE-*-002").len(), 2);
    }

    #[test]
    fn without_a_star_only_the_whole_id_matches() {
        assert_eq!(chosen("core.module"), [""; 0]);
    }

    #[test]
    fn stars_match_in_order() {
        assert!(matches("a*b*c", "aXbYc") && matches("*", "") && matches("**", "a"));
        assert!(!matches("a*b*c", "aXcYb") && !matches("ab*ba", "aba"));
    }

    #[test]
    fn a_typing_error_is_refused_with_what_was_meant() {
        let refused = Filter::parse("core.module.*,core.signatur.wrong-key").require(CHECKS.iter()).unwrap_err();
        assert_eq!(refused.glob, "core.signatur.wrong-key");
        assert_eq!(refused.near[0], "core.signature.wrong-key");
    }
}

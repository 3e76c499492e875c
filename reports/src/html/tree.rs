//! The body of the page: profile, requirement, check, each folded into the one before.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::page::chip;
use crate::figures::{counted, duration};
use crate::model::{CheckResult, Report, RequirementResult, Verdict};

/// Everything that was judged. A check stands under each requirement that it judges; its anchor is the first place.
pub(super) fn tree(report: &Report) -> Markup {
    let mut tree = Tree { report, judging: BTreeMap::new(), anchored: BTreeSet::new() };
    for (n, check) in report.checks.iter().enumerate() {
        for id in &check.requirements {
            let judging = tree.judging.entry(id).or_default();
            if judging.last() != Some(&n) {
                judging.push(n);
            }
        }
    }
    let mut profiles: Vec<&str> = report.profiles.iter().map(String::as_str).collect();
    for requirement in &report.requirements {
        if !profiles.contains(&requirement.profile.as_str()) {
            profiles.push(&requirement.profile);
        }
    }
    let listed: BTreeSet<&str> = report.requirements.iter().map(|requirement| requirement.id.as_str()).collect();
    let homeless: Vec<usize> = (0..report.checks.len())
        .filter(|n| !report.checks[*n].requirements.iter().any(|id| listed.contains(id.as_str())))
        .collect();
    html! {
        @for profile in profiles { (tree.profile(profile)) }
        @if !homeless.is_empty() {
            details.profile open {
                summary { h2 { "Checks without a listed requirement" } }
                div.requirement data-verdict="" {
                    @for n in homeless { (tree.check(n)) }
                }
            }
        }
        p #nothing .muted hidden { "Nothing matches the filter." }
    }
}

struct Tree<'a> {
    report: &'a Report,
    /// The checks that judge a requirement.
    judging: BTreeMap<&'a str, Vec<usize>>,
    /// The checks whose anchor is set.
    anchored: BTreeSet<usize>,
}

impl<'a> Tree<'a> {
    fn profile(&mut self, profile: &str) -> Markup {
        let report = self.report;
        let requirements: Vec<&RequirementResult> =
            report.requirements.iter().filter(|known| known.profile == profile).collect();
        let tally = Verdict::ALL.map(|verdict| {
            let count = requirements.iter().filter(|known| known.verdict == verdict).count();
            (verdict, count)
        });
        html! {
            details.profile open {
                summary {
                    h2 { (profile) }
                    span.muted { (counted(requirements.len(), "requirement")) }
                    @for (verdict, count) in tally {
                        @if count > 0 {
                            span.count { span class={ "dot " (verdict.word()) } {} (count) " " (verdict) }
                        }
                    }
                }
                @for requirement in requirements { (self.requirement(requirement)) }
            }
        }
    }

    fn requirement(&mut self, requirement: &'a RequirementResult) -> Markup {
        let checks = self.judging.get(requirement.id.as_str()).cloned().unwrap_or_default();
        let level = requirement.level.word();
        html! {
            details.requirement id={ "requirement-" (requirement.id) } data-verdict=(requirement.verdict)
                open[calls_for_a_look(requirement.verdict)] {
                summary {
                    (chip(requirement.verdict.word()))
                    code.id { (requirement.id) }
                    span class={ "level " (level) } { (level) }
                    @if let Some(feature) = &requirement.feature {
                        span.feature { "feature " (feature) }
                    }
                    span.text { (requirement.text) }
                }
                p.rule {
                    @if !requirement.why.is_empty() { (requirement.why) " " }
                    span.muted {
                        (requirement.clause)
                        @if !requirement.source.is_empty() { " · " (requirement.source) }
                    }
                }
                @if checks.is_empty() { p.muted { "No check of this run judges it." } }
                @for n in checks { (self.check(n)) }
            }
        }
    }

    fn check(&mut self, n: usize) -> Markup {
        let check = &self.report.checks[n];
        let anchor = self.anchored.insert(n).then(|| format!("check-{n}"));
        html! {
            details.check id=[anchor] data-check=(n) data-verdict=(check.verdict) {
                summary {
                    (chip(check.verdict.word()))
                    code.id { (check.id) }
                    @if let Some(packaging) = &check.packaging { span.packaging { (packaging) } }
                    span.title { (check.title) }
                    span.ms { (duration(check.duration_ms)) }
                    @if let Some(reason) = &check.reason { span.reason { (reason) } }
                }
                div.body {
                    (links(check))
                    (cases(check))
                    div.evidence {}
                }
            }
        }
    }
}

fn links(check: &CheckResult) -> Markup {
    html! {
        p.links {
            span.muted {
                (check.profile) " / " (check.group) " · started at " (duration(check.started_ms)) " in lane " (check.lane)
            }
            @if !check.requirements.is_empty() {
                span { "judges " @for id in &check.requirements { a href={ "#requirement-" (id) } { (id) } " " } }
            }
            @if !check.proved_by.is_empty() {
                span { "proved by the sabotage " @for id in &check.proved_by { code.sabotage { (id) } " " } }
            }
        }
    }
}

fn cases(check: &CheckResult) -> Markup {
    html! {
        @if !check.cases.is_empty() {
            ul.cases {
                @for case in &check.cases {
                    li {
                        (chip(case.verdict.word()))
                        span { (case.name) }
                        @if let Some(reason) = &case.reason { span.reason { (reason) } }
                    }
                }
            }
        }
    }
}

fn calls_for_a_look(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Error | Verdict::Inconclusive)
}

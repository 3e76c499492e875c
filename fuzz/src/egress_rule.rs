//! The target `egress_rule`: rules for hosts through the manifest gate, and a URL through what egress judges at once, against
//! egress.md 1 and 2.
//!
//! The oracle is the suite's own, with which generated cases are judged over HTTP. What it is not asked for stands here: public
//! suffixes, and what must hold of any answer, whatever the rules.

use std::sync::Arc;
use std::time::Duration;

use assay_conformance::egress::{Decision, Rule, decide};
use assay_egress::{
    Audit, AuditError, Credential, Credentials, Destination, Egress, EgressError, Entry, Grant, Request, Settings,
};
use assay_package::{Code, Gates, HostRule, Offer};
use futures_util::future::BoxFuture;
use serde_json::json;

use crate::{
    finding::{Finding, Kind},
    source::Source,
    target::{Seed, Subject, Target, gates},
    verdict::{Expected, Place},
};

mod generate;
pub mod rules;

/// The target.
pub const EGRESS_RULE: Target = Target {
    name: "egress_rule",
    purpose: "rules for hosts and the URLs that they allow, against the suite's oracle of egress.md 1 and 2",
    subject,
    seeds,
    words: &[
        "https://",
        "*.",
        "example.test",
        "xn--bcher-kva",
        "b\u{fc}cher",
        ":8443",
        "@",
        "%2e",
        "[::1]",
        "127.1",
        "\u{3002}",
    ],
    planted: &[
        "egress-rule-any-scheme",
        "egress-rule-paths-ignored",
        "egress-rule-white-space-trimmed",
        "egress-rule-addresses-accepted",
        "egress-rule-trailing-dots-trimmed",
        "egress-rule-hosts-lenient",
        "egress-rule-single-labels-accepted",
        "egress-rule-localhost-accepted",
        "egress-rule-ports-lenient",
        "egress-rule-stars-anywhere",
        "egress-rule-public-suffixes-accepted",
        "egress-rule-hosts-as-written",
        "egress-empty-list-allows",
        "egress-suffix-without-dot",
        "egress-apex-matched",
        "egress-wildcard-one-label",
        "egress-exact-matches-below",
        "egress-ports-ignored",
        "egress-url-length-unbounded",
        "egress-url-controls-removed",
        "egress-backslashes-accepted",
        "egress-relative-urls-completed",
        "egress-checks-before-canonicalising",
        "egress-schemes-ignored",
        "egress-userinfo-ignored",
        "egress-trailing-dot-trimmed",
        "egress-addresses-unmatched",
        "egress-target-as-written",
        "egress-host-as-written",
    ],
    budget: 10_000,
    bare: None,
};

/// An input that starts with this byte is lines of text: a URL, then rules.
const AS_IT_IS: u8 = 0;

/// Rules, and a URL that is asked for under them.
struct Case {
    rules: Vec<String>,
    url: String,
}

fn subject(defect: Option<&str>) -> Option<Subject> {
    let (gates, egress) = match gates(defect) {
        Some(gates) => (gates, client(None)?),
        None => (Gates::honest(), client(defect)?),
    };
    Some(Subject::new(move |bytes| judge(bytes, &gates, &egress)))
}

/// A client of egress that never sends anything, honest or with one defect.
pub(crate) fn client(defect: Option<&str>) -> Option<Egress> {
    let (settings, nothing) = (Settings::default(), Arc::new(Nothing));
    match defect {
        None => Egress::new(settings, nothing.clone(), nothing).ok(),
        #[cfg(feature = "sabotage")]
        Some(id) => Egress::sabotaged(settings, nothing.clone(), nothing, id)?.ok(),
        #[cfg(not(feature = "sabotage"))]
        Some(_) => None,
    }
}

/// No credentials, and no audit: what is judged at once asks for neither.
struct Nothing;

impl Credentials for Nothing {
    fn fitting(&self, _: &str, _: &str, _: u16) -> Vec<Credential> {
        Vec::new()
    }

    fn known_to(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

impl Audit for Nothing {
    fn record(&self, _: Entry) -> BoxFuture<'_, Result<(), AuditError>> {
        Box::pin(async { Ok(()) })
    }
}

fn judge(bytes: &[u8], gates: &Gates, egress: &Egress) -> Result<String, Finding> {
    let Case { rules, url } = match bytes.split_first() {
        Some((&AS_IT_IS, text)) => {
            let text = String::from_utf8_lossy(text);
            let mut lines = text.split('\n').map(str::to_owned);
            Case { url: lines.next().unwrap_or_default(), rules: lines.collect() }
        }
        _ => generate::case(&mut Source::new(bytes)),
    };
    let outcome = read(gates, &rules);
    let seen = expected(&rules).compare(outcome.as_ref().map(|_| ()))?;
    let Ok(read_rules) = outcome else { return Ok(seen) };
    same_rules(gates, &rules, &read_rules)?;
    let rules: Vec<Rule> = rules.iter().filter_map(|text| rules::read(text)).collect();
    judge_url(egress, &rules, &read_rules, &url).map(|decision| format!("{seen}, {decision} under {}", rules.len()))
}

/// The rules as the manifest gate reads them.
pub(crate) fn read(gates: &Gates, rules: &[String]) -> Result<Vec<HostRule>, assay_package::Refusal> {
    let manifest = json!({
        "id": "com.example.fuzz", "version": "1.0.0", "name": "Fuzz", "category": "test", "abi": "core",
        "module": {"digest": format!("sha256:{}", "0".repeat(64)), "size": 8},
        "input": true, "output": true, "permissions": {"egress": rules},
        "limits": {"memory_bytes": 65_536, "timeout_ms": 1},
    });
    let manifest = gates.manifest(manifest.to_string().as_bytes(), &Offer::default())?;
    Ok(manifest.permissions.egress.unwrap_or_default())
}

/// egress.md 1.1 and 1.2: whether there are too many, and which of the texts are no rules.
fn expected(rules: &[String]) -> Expected {
    let mut expected = Expected::default();
    if rules.len() as u64 > Offer::default().bounds.egress_rules {
        expected.fault(Code::EgressRuleInvalid, Place::At("/permissions/egress".to_owned()));
    }
    for (index, _) in rules.iter().enumerate().filter(|(_, text)| rules::read(text).is_none()) {
        expected.fault(Code::EgressRuleInvalid, Place::At(format!("/permissions/egress/{index}")));
    }
    expected
}

/// egress.md 1.3: each rule is what its text says, and its canonical form means the same; the URL standard finds the host in it.
fn same_rules(gates: &Gates, texts: &[String], read_rules: &[HostRule]) -> Result<(), Finding> {
    let canonical: Vec<String> = read_rules.iter().map(ToString::to_string).collect();
    for ((text, rule), written) in texts.iter().zip(read_rules).zip(&canonical) {
        let says = rules::read(text).map(|rule| rule.to_string());
        let by_letters = rules::canonical_by_letters(text).is_none_or(|letters| letters == *written);
        if says.as_deref() != Some(written) || !by_letters {
            return Err(Finding::new(
                Kind::Differs,
                format!("{text} is read as {written}; the contract says {says:?}"),
            ));
        }
        let url = url::Url::parse(&format!("https://{}/", rule.host()));
        if url.as_ref().ok().and_then(url::Url::domain) != Some(rule.host()) {
            return Err(Finding::new(
                Kind::Differs,
                format!("{text}: to the URL standard, {} is another host", rule.host()),
            ));
        }
    }
    let again = read(gates, &canonical);
    if again.as_deref() != Ok(read_rules) || texts.len() != read_rules.len() {
        return Err(Finding::new(Kind::RoundTrip, format!("{canonical:?}: {again:?}")));
    }
    Ok(())
}

/// egress.md 2: what becomes of the URL, and what must hold of that whatever it is.
fn judge_url(egress: &Egress, rules: &[Rule], read_rules: &[HostRule], url: &str) -> Result<&'static str, Finding> {
    let differs = |says: String| Err(Finding::new(Kind::Differs, format!("{url} under {rules:?}: {says}")));
    let found = decided(egress, read_rules, url);
    let expected = decide(rules, url);
    let (word, right) = match (&found, &expected) {
        (Ok(found), Decision::Allowed { host, port, target }) => {
            ("allowed", *found == destination(host, *port, target))
        }
        (Err(EgressError::Denied(_)), Decision::Denied) => ("denied", true),
        (Err(EgressError::InvalidRequest(_)), Decision::Invalid) => ("invalid", true),
        // Of schemes that the standard does not call special the suite's oracle reads nothing else.
        (Err(EgressError::InvalidRequest(_)), Decision::Denied) => ("invalid", !rules::is_of_a_special_scheme(url)),
        _ => ("another", false),
    };
    if !right {
        return differs(format!("{found:?}; the contract says {expected:?}"));
    }
    for without in 0..read_rules.len() {
        let mut fewer = read_rules.to_vec();
        fewer.remove(without);
        if found.is_err() && decided(egress, &fewer, url).is_ok() {
            return differs(format!("allowed without the rule {}", read_rules[without]));
        }
    }
    if let Ok(found) = found {
        let parsed = url::Url::parse(url);
        if parsed.as_ref().ok().and_then(url::Url::domain) != Some(&found.host) {
            return differs(format!("it goes to {}, which is not its host", found.host));
        }
        let canonical = format!("https://{}{}", found.authority, found.target);
        let again = decided(egress, read_rules, &canonical);
        // Percent-encoding makes a target longer, and so perhaps the URL too long.
        if canonical.len() <= url.len().max(1024) && again.as_ref() != Ok(&found) {
            return Err(Finding::new(Kind::RoundTrip, format!("{canonical}: {again:?}")));
        }
    }
    Ok(word)
}

/// What egress says to a plain request for the URL.
pub(crate) fn decided(egress: &Egress, rules: &[HostRule], url: &str) -> Result<Destination, EgressError> {
    let grant = Grant {
        handler: "com.example.fuzz".to_owned(),
        version: "1.0.0".to_owned(),
        execution: "1".to_owned(),
        rules: rules.to_vec(),
        requests_per_minute: 1,
        bytes_per_minute: 1,
        queue: 0,
        timeout: Duration::from_secs(1),
    };
    egress
        .judge(&grant, Request { method: "GET".to_owned(), url: url.to_owned(), headers: Vec::new(), body: Vec::new() })
}

/// egress.md 2.3: where a request goes, and what `Host` says.
fn destination(host: &str, port: u16, target: &str) -> Destination {
    let authority = if port == 443 { host.to_owned() } else { format!("{host}:{port}") };
    Destination { host: host.to_owned(), port, authority, target: target.to_owned() }
}

fn seeds() -> Vec<Seed> {
    let seed =
        |(name, text): (&str, &str)| Seed { name: name.to_owned(), bytes: [&[AS_IT_IS][..], text.as_bytes()].concat() };
    [
        ("plain", "https://api.example.test/a?b\nhttps://api.example.test"),
        ("wildcard", "https://a.b.example.test:8443/\nhttps://*.example.test:8443"),
        ("labels", "https://b\u{fc}cher.example.test/\nhttps://xn--bcher-kva.example.test"),
        ("denied", "https://evil.test/\nhttps://api.example.test\nhttps://*.example.test"),
        ("refused", "https://api.example.test/\nhttps://*.co.uk"),
    ]
    .into_iter()
    .map(seed)
    .collect()
}

//! Rules for hosts (egress.md, section 1).

use std::fmt;

use super::url::is_address;

/// A rule, its host canonicalised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    host: String,
    below: bool,
    port: u16,
}

impl Rule {
    /// Reads a rule. Whether a wildcard stands above a public suffix is not asked: that is a list, no grammar.
    #[must_use]
    pub fn read(text: &str) -> Option<Rule> {
        let rest = text.strip_prefix("https://")?;
        let written = |byte: u8| byte > 0x20 && byte != 0x7f && !b"/?#@\\%[]".contains(&byte);
        if !rest.bytes().all(written) {
            return None;
        }
        let (host, port) = match rest.split_once(':') {
            Some((host, port)) => (host, read_port(port)?),
            None => (rest, 443),
        };
        let (host, below) = match host.strip_prefix("*.") {
            Some(host) => (host, true),
            None => (host, false),
        };
        if host.contains('*') {
            return None;
        }
        let host = idna::domain_to_ascii_strict(host).ok()?;
        let labels: Vec<&str> = host.split('.').collect();
        let local = labels.last() == Some(&"localhost");
        if labels.len() < 2 || labels.iter().any(|label| label.is_empty()) || local || is_address(&host) {
            return None;
        }
        Some(Rule { host, below, port })
    }

    /// The canonical host, without `*.`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is for the names below its host.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.below
    }

    /// Whether it matches a canonical host and a port (1.4).
    #[must_use]
    pub fn matches(&self, host: &str, port: u16) -> bool {
        let named = match (host.strip_suffix(&self.host), self.below) {
            (Some(front), true) => front.strip_suffix('.').is_some_and(|labels| !labels.split('.').any(str::is_empty)),
            (Some(front), false) => front.is_empty(),
            (None, _) => false,
        };
        named && port == self.port
    }
}

impl fmt::Display for Rule {
    /// As the owner of the host would write it, without the port that is meant where none is written.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "https://{}{}", if self.below { "*." } else { "" }, self.host)?;
        if self.port == 443 { Ok(()) } else { write!(out, ":{}", self.port) }
    }
}

/// Decimal, from 1 to 65535, without leading zeros.
fn read_port(text: &str) -> Option<u16> {
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| decimal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writes_the_canonical_form() {
        for (text, canonical) in [
            ("https://A.b:443", "https://a.b"),
            ("https://*.example.com:8443", "https://*.example.com:8443"),
            ("https://b\u{fc}cher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(Rule::read(text).expect("a rule").to_string(), canonical);
        }
    }

    #[test]
    fn refuses_what_cannot_be_right() {
        for text in [
            "",
            "https://",
            "http://a.example.test",
            "HTTPS://a.example.test",
            "https://a.example.test/",
            "https://a.example.test?x",
            "https://a.example.test#x",
            "https://u@a.example.test",
            "https:// a.example.test",
            "https://a.example.test\t",
            "https://a..example.test",
            "https://a.example.test.",
            "https://.example.test",
            "https://example",
            "https://localhost",
            "https://a.localhost",
            "https://a.LOCALHOST",
            "https://a.example.test:",
            "https://a.example.test:0",
            "https://a.example.test:0443",
            "https://a.example.test:65536",
            "https://a.example.test:+443",
            "https://a.example.test:443:443",
            "https://*",
            "https://*foo.example.test",
            "https://a.*.example.test",
            "https://*.*.example.test",
            "https://*.example",
            "https://a_b.example.test",
            "https://-a.example.test",
            "https://127.0.0.1",
            "https://127.1",
            "https://0x7f.1",
            "https://1.2.3.4.5.6",
            "https://[::1]",
        ] {
            assert_eq!(Rule::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_wildcard_matches_what_has_labels_in_front_and_nothing_else(
            name in "[a-z][a-z0-9]{0,8}\\.[a-z]{2,8}",
            front in "[a-z][a-z0-9]{0,5}(\\.[a-z][a-z0-9]{0,5}){0,3}",
        ) {
            let rule = Rule::read(&format!("https://*.{name}")).expect("a rule");
            let (below, alike) = (format!("{front}.{name}"), format!("{front}{name}"));
            prop_assert!(rule.matches(&below, 443));
            prop_assert!(!rule.matches(&name, 443));
            prop_assert!(!rule.matches(&alike, 443));
            prop_assert!(!rule.matches(&below, 8443));
        }

        #[test]
        fn the_case_of_a_rule_means_nothing(name in "[a-zA-Z]{1,8}\\.[a-zA-Z]{1,8}", port in 1..=u16::MAX) {
            prop_assume!(!name.to_lowercase().ends_with("localhost"));
            let rule = Rule::read(&format!("https://{name}:{port}")).expect("a rule");
            let below = format!("a.{}", name.to_lowercase());
            prop_assert!(rule.matches(&name.to_lowercase(), port));
            prop_assert!(!rule.matches(&below, port));
        }

        #[test]
        fn what_is_read_matches_itself(text in "https://[a-z*.:0-9-]{1,20}") {
            if let Some(rule) = Rule::read(&text) {
                let front = if rule.below { "a." } else { "" };
                let host = format!("{front}{}", rule.host);
                prop_assert!(rule.matches(&host, rule.port));
            }
        }
    }
}

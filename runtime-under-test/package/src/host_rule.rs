//! A rule for hosts: which host and port a handler may reach (egress.md, section 1).
//!
//! A [`HostRule`] that exists is right: its host is canonical, is a name of several labels, and never an address.

use std::{fmt, str::FromStr};

use crate::Malformed;

pub(crate) mod steps;

/// A rule for hosts, canonicalised once (egress.md 1.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostRule {
    wildcard: bool,
    host: Box<str>,
    port: u16,
}

impl HostRule {
    /// The port where none is written.
    pub const DEFAULT_PORT: u16 = 443;

    /// Whether the rule is for the names below its host, instead of for the host itself.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// The canonical host: lower case, A-labels, without `*.`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the rule is for this canonical host and this port (egress.md 1.4).
    pub fn matches(&self, host: &str, port: u16) -> bool {
        let host_matches = if self.wildcard {
            host.strip_suffix(&*self.host)
                .and_then(|front| front.strip_suffix('.'))
                .is_some_and(|labels| labels.split('.').all(|label| !label.is_empty()))
        } else {
            host == &*self.host
        };
        port == self.port && host_matches
    }

    /// What a text means by an ordered list of steps.
    pub(crate) fn parse_by(steps: &[steps::Step], text: &str) -> Result<Self, Malformed> {
        let mut draft = steps::RuleDraft::new(text);
        for (_, step) in steps {
            step(&mut draft).map_err(Malformed)?;
        }
        let steps::RuleDraft { wildcard, host, port, .. } = draft;
        Ok(Self { wildcard, host: host.into(), port })
    }
}

impl FromStr for HostRule {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::parse_by(&steps::HONEST, text)
    }
}

impl fmt::Display for HostRule {
    /// The canonical form, the port left out where it is the default one.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "https://{}{}", if self.wildcard { "*." } else { "" }, self.host)?;
        if self.port == Self::DEFAULT_PORT { Ok(()) } else { write!(out, ":{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::HostRule;

    fn rule(text: &str) -> HostRule {
        text.parse().expect(text)
    }

    fn refuses(texts: &[&str]) {
        for text in texts {
            assert!(text.parse::<HostRule>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn canonicalises_case_labels_and_port() {
        for (text, canonical) in [
            ("https://API.Example.com", "https://api.example.com"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://*.BÜCHER.example:8443", "https://*.xn--bcher-kva.example:8443"),
            ("https://api.example.com:443", "https://api.example.com"),
            ("https://api。example。com:65535", "https://api.example.com:65535"),
        ] {
            assert_eq!(rule(text).to_string(), canonical);
        }
    }

    #[test]
    fn a_plain_rule_matches_its_host_and_port_only() {
        let rule = rule("https://example.com");
        assert!(rule.matches("example.com", 443));
        for (host, port) in
            [("example.com", 80), ("a.example.com", 443), ("evilexample.com", 443), ("example.com.", 443)]
        {
            assert!(!rule.matches(host, port), "{host}:{port}");
        }
    }

    #[test]
    fn a_wildcard_matches_names_below_its_host_at_any_depth_and_never_the_host() {
        let rule = rule("https://*.example.com:8443");
        assert!(rule.matches("a.example.com", 8443) && rule.matches("a.b.example.com", 8443));
        for host in ["example.com", ".example.com", "evilexample.com", "a.example.com.", "example.com.evil.org"] {
            assert!(!rule.matches(host, 8443), "{host}");
        }
        assert!(!rule.matches("a.example.com", 443));
    }

    #[test]
    fn refuses_other_schemes_and_what_is_no_host_and_port() {
        refuses(&[
            "",
            "https",
            "https://",
            "http://example.com",
            "HTTPS://example.com",
            "example.com",
            "//example.com",
        ]);
        refuses(&["https://example.com/", "https://example.com/a", "https://example.com?a", "https://example.com#a"]);
        refuses(&["https://u@example.com", "https://u:p@example.com", "https://@example.com", "https:\\\\example.com"]);
        refuses(&[
            " https://example.com",
            "https://exam\tple.com",
            "https://example.com\n",
            "https://a\u{3000}.example.com",
        ]);
        refuses(&[
            "https://example.com:",
            "https://example.com:0",
            "https://example.com:0443",
            "https://example.com:65536",
        ]);
        refuses(&[
            "https://example.com:+443",
            "https://example.com:44a",
            "https://example.com:443:443",
            "https://example.com:٤٤٣",
        ]);
    }

    #[test]
    fn refuses_addresses_in_every_notation() {
        refuses(&["https://127.0.0.1", "https://2130706433", "https://0x7f.1", "https://0177.0.0.1", "https://127.1"]);
        refuses(&[
            "https://[::1]",
            "https://[::ffff:127.0.0.1]:443",
            "https://[fe80::1%25eth0]",
            "https://１２７.0.0.1",
        ]);
        refuses(&["https://a.1", "https://*.0.0.1", "https://1.2.3.4.5", "https://example.0x10"]);
    }

    #[test]
    fn refuses_labels_that_no_name_has() {
        refuses(&[
            "https://example.com.",
            "https://.example.com",
            "https://a..example.com",
            "https://a。。example.com",
        ]);
        refuses(&[
            "https://a_b.example.com",
            "https://-a.example.com",
            "https://a-.example.com",
            "https://ab--c.example.com",
        ]);
        refuses(&[
            "https://xn--a.example.com",
            "https://%61.example.com",
            "https://a!b.example.com",
            "https://a\u{ad}\u{0}.example.com",
        ]);
        refuses(&["https://example", "https://localhost", "https://a.localhost", "https://A.LocalHost:8443"]);
        let label = "a".repeat(64);
        refuses(&[&format!("https://{label}.example.com"), &format!("https://{}com", "abcdefg.".repeat(32))]);
    }

    #[test]
    fn refuses_stars_but_as_the_whole_first_label() {
        refuses(&[
            "https://*",
            "https://*.",
            "https://*foo.example.com",
            "https://a.*.example.com",
            "https://*.*.example.com",
        ]);
        refuses(&[
            "https://foo*.example.com",
            "https://**.example.com",
            "https://＊.example.com",
            "https://*。example.com",
        ]);
    }

    #[test]
    fn refuses_wildcards_above_public_suffixes_of_the_icann_section() {
        refuses(&[
            "https://*.com",
            "https://*.co.uk",
            "https://*.CO.UK:8443",
            "https://*.test",
            "https://*.foo.ck",
            "https://*.公司.cn",
        ]);
        // The private section is for its owners to say; `www.ck` is an exception of the list.
        for text in
            ["https://*.github.io", "https://*.example.co.uk", "https://*.www.ck", "https://co.uk", "https://*.a.test"]
        {
            rule(text);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_accepted_is_a_fixed_point_and_a_host_of_the_url_standard(text in r"https://(\*\.)?[a-zA-Z0-9.*ü_@/:％-]{1,24}(:[0-9]{1,6})?") {
            if let Ok(rule) = text.parse::<HostRule>() {
                proptest::prop_assert_eq!(&rule.to_string().parse::<HostRule>().expect("canonical"), &rule);
                let url = url::Url::parse(&format!("https://{}/", rule.host())).expect("a host");
                proptest::prop_assert_eq!(url.host_str(), Some(rule.host()));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in proptest::prelude::any::<String>()) {
            let _ = format!("https://{text}").parse::<HostRule>();
        }

        #[test]
        fn a_wildcard_matches_what_its_labels_say(front in "[a-c.]{0,6}", rest in "[a-c]{1,2}\\.[a-c]{1,3}") {
            let Ok(rule) = format!("https://*.{rest}").parse::<HostRule>() else { return Ok(()) };
            let host = format!("{front}{rest}");
            let below = host.split('.').rev().zip(rest.split('.').rev()).all(|(a, b)| a == b)
                && host.split('.').count() > rest.split('.').count();
            let is_name = host.split('.').all(|label| !label.is_empty());
            proptest::prop_assert_eq!(rule.matches(&host, 443), below && is_name);
        }
    }
}

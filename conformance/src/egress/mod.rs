//! The rule language of egress, read from egress.md: which URL a handler with these rules may ask for, and which addresses
//! are special. It is the oracle of generated cases, so it shares no code with the runtime but the crate `idna` (UTS #46), on
//! which the reference runtime's parser of URLs stands, too: a fault of `idna` is one that generated cases cannot see. The rest
//! of the URL standard is written here a second time, from the standard.

mod address;
mod rule;
mod spelling;
mod url;
mod writing;

pub use address::{Range, SPECIAL, special};
pub use rule::Rule;
pub use spelling::Spelling;
pub use url::{Host, Url};
pub use writing::Writing;

/// The longest URL in bytes (egress.md 2.1).
pub const URL_BYTES: usize = 8192;

/// What becomes of a URL before its turn has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It is `invalid-request` (2.1).
    Invalid,
    /// It is `denied` (2.2).
    Denied,
    /// It is sent to this host and port with this target (2.3).
    Allowed {
        /// The canonical host.
        host: String,
        /// The port.
        port: u16,
        /// Path and query.
        target: String,
    },
}

/// What becomes of `url` under `rules`.
#[must_use]
pub fn decide(rules: &[Rule], url: &str) -> Decision {
    let unreadable = |byte: u8| byte < 0x21 || byte == 0x7f || byte == b'\\';
    if url.len() > URL_BYTES || url.bytes().any(unreadable) {
        return Decision::Invalid;
    }
    let Some(url) = Url::parse(url) else {
        return Decision::Invalid;
    };
    let Host::Name(host) = url.host else {
        return Decision::Denied;
    };
    let matched = rules.iter().any(|rule| rule.matches(&host, url.port));
    if url.scheme != "https" || url.has_user_information || !matched {
        return Decision::Denied;
    }
    Decision::Allowed { host, port: url.port, target: url.target }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(texts: &[&str]) -> Vec<Rule> {
        texts.iter().map(|text| Rule::read(text).expect("a rule")).collect()
    }

    fn allowed(host: &str, target: &str) -> Decision {
        Decision::Allowed { host: host.to_owned(), port: 443, target: target.to_owned() }
    }

    #[test]
    fn judges_the_canonical_host() {
        let rules = rules(&["https://b\u{fc}cher.example.test"]);
        for url in [
            "https://b\u{fc}cher.example.test/a",
            "https://xn--bcher-kva.EXAMPLE.test/a",
            "https://B%C3%BCcher.example.test:443/b/../a#x",
            "https:xn--bcher-kva.example.test/a",
        ] {
            assert_eq!(decide(&rules, url), allowed("xn--bcher-kva.example.test", "/a"), "{url}");
        }
    }

    #[test]
    fn denies_what_only_resembles_a_rule() {
        let rules = rules(&["https://*.example.test", "https://example.org"]);
        for url in [
            "https://example.test/",
            "https://evilexample.test/",
            "https://a.example.test./",
            "https://a.example.test:8443/",
            "https://www.example.org/",
            "http://example.org/",
            "https://example.org@evil.test/",
            "https://@example.org/",
            "https://127.1/",
            "https://0x7f.1/",
            "https://[::1]/",
        ] {
            assert_eq!(decide(&rules, url), Decision::Denied, "{url}");
        }
    }

    #[test]
    fn finds_urls_that_cannot_be_read() {
        for url in [
            "",
            "/a",
            "//a.example.test/",
            "https://",
            "https://a b/",
            "https://a\\b/",
            "https://a:65536/",
            "https://[::1/",
        ] {
            assert_eq!(decide(&[], url), Decision::Invalid, "{url}");
        }
        assert_eq!(decide(&[], &format!("https://a.b/{}", "x".repeat(URL_BYTES))), Decision::Invalid);
    }

    proptest! {
        #[test]
        fn what_is_allowed_is_named_by_a_rule(seed: u64) {
            let spelling = Spelling::of(seed);
            let rules = rules(&["https://api.example.test", "https://*.deep.example.test:8443"]);
            let url = spelling.url(&["api.example.test", "a.deep.example.test", "deep.example.test"], &[443, 8443]);
            if let Decision::Allowed { host, port, target } = decide(&rules, &url) {
                let below = host.ends_with(".deep.example.test") && port == 8443;
                prop_assert!(below || (host.as_str(), port) == ("api.example.test", 443), "{host}:{port}");
                prop_assert!(target.starts_with('/') && !target.contains('#'));
            }
        }

        #[test]
        fn an_empty_list_allows_nothing(url in "\\PC{0,40}") {
            let allowed = matches!(decide(&[], &url), Decision::Allowed { .. });
            prop_assert!(!allowed);
        }
    }
}

//! A rule for hosts by egress.md 1, as far as the suite's oracle does not say it: what is a list, and no grammar.

use assay_conformance::egress::Rule;

/// Reads a rule (1.2 and 1.3).
pub fn read(text: &str) -> Option<Rule> {
    Rule::read(text).filter(|rule| !rule.is_wildcard() || !is_public_suffix(rule.host()))
}

/// Whether the list, of which the section is ICANN's, has the name itself.
fn is_public_suffix(host: &str) -> bool {
    let suffix = psl::suffix(host.as_bytes());
    suffix.is_some_and(|suffix| suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == host.as_bytes())
}

/// The canonical form of a rule in ASCII, which needs no tables of Unicode: its letters in lower case, without the port that is
/// meant where none is written.
pub fn canonical_by_letters(text: &str) -> Option<String> {
    let lower = text.is_ascii().then(|| text.to_ascii_lowercase())?;
    Some(lower.strip_suffix(":443").unwrap_or(&lower).to_owned())
}

/// Whether the URL standard parses authorities of this URL's scheme as it does those of `https`.
pub fn is_of_a_special_scheme(url: &str) -> bool {
    let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    ["https", "http", "wss", "ws", "ftp"].contains(&scheme.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_not_for_everything_below_a_public_suffix() {
        for text in ["https://*.com", "https://*.co.uk", "https://*.CO.UK:8443"] {
            assert_eq!(read(text), None, "{text}");
        }
        for text in ["https://co.uk", "https://*.example.co.uk", "https://*.github.io"] {
            assert!(read(text).is_some(), "{text}");
        }
    }

    #[test]
    fn the_two_ways_to_a_canonical_form_meet() {
        for text in ["https://A.b:443", "https://*.Example.com:8443", "https://xn--bcher-kva.example"] {
            assert_eq!(read(text).map(|rule| rule.to_string()), canonical_by_letters(text), "{text}");
        }
    }
}

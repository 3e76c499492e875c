//! A rule for hosts, read by the letters of egress.md 1. What is not ASCII, and labels that stand for such, are left open: there
//! one would need the tables of Unicode, which the gate has from the same library.

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A rule, of this canonical form.
    Right(String),
    /// None.
    Wrong,
    /// That is left open.
    Open,
}

/// What the contract says of a text.
pub fn judge(text: &str) -> Verdict {
    if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Verdict::Wrong;
    }
    let Some(rest) = text.strip_prefix("https://") else { return Verdict::Wrong };
    if !rest.is_ascii() {
        return Verdict::Open;
    }
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    if port.is_some_and(|port| !is_port(port)) {
        return Verdict::Wrong;
    }
    let (star, host) = host.strip_prefix("*.").map_or(("", host), |host| ("*.", host));
    let host = host.to_ascii_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    if host.len() > 253 || labels.len() < 2 || !labels.iter().all(|label| is_label(label)) {
        return Verdict::Wrong;
    }
    if labels.iter().any(|label| label.starts_with("xn--")) {
        return Verdict::Open;
    }
    let last = labels[labels.len() - 1];
    let above_a_public_suffix = !star.is_empty() && is_public_suffix(&host);
    if labels.iter().any(|label| hyphens_like_an_a_label(label))
        || is_number(last)
        || last == "localhost"
        || above_a_public_suffix
    {
        return Verdict::Wrong;
    }
    let port = port.filter(|port| *port != "443").map(|port| format!(":{port}")).unwrap_or_default();
    Verdict::Right(format!("https://{star}{host}{port}"))
}

/// From 1 to 65535, without leading zeros.
fn is_port(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits && !text.starts_with('0') && text.parse::<u16>().is_ok()
}

/// A label of STD 3.
fn is_label(label: &str) -> bool {
    let letters = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    letters && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

/// Hyphens in the third and fourth place are for A-labels.
fn hyphens_like_an_a_label(label: &str) -> bool {
    label.get(2..4) == Some("--")
}

/// A host whose last label is one is an IPv4 address to the URL standard, or nothing.
fn is_number(label: &str) -> bool {
    let decimal = label.bytes().all(|byte| byte.is_ascii_digit());
    decimal || label.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether the list, of which the section is ICANN's, has the name itself.
fn is_public_suffix(host: &str) -> bool {
    let suffix = psl::suffix(host.as_bytes());
    suffix.is_some_and(|suffix| suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == host.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rules_and_leaves_open_what_needs_unicode() {
        for (text, canonical) in [
            ("https://a.b", "https://a.b"),
            ("https://A.b:443", "https://a.b"),
            ("https://*.example.com:8443", "https://*.example.com:8443"),
        ] {
            assert_eq!(judge(text), Verdict::Right(canonical.to_owned()), "{text}");
        }
        for text in ["https://bücher.example", "https://xn--bcher-kva.example"] {
            assert_eq!(judge(text), Verdict::Open, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_rule() {
        for text in [
            "http://a.b",
            "https://a.b/",
            "https://u@a.b",
            "https://a.b:0443",
            "https://a.b:65536",
            "https://a",
            "https://a.localhost",
            "https://127.0.0.1",
            "https://a.0x1f",
            "https://a.b.",
            "https://a_b.c",
            "https://*.com",
            "https://*.co.uk",
            "https://a.*.b",
            "https://[::1]:443",
        ] {
            assert_eq!(judge(text), Verdict::Wrong, "{text}");
        }
    }
}

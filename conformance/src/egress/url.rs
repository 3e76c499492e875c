//! The part of the URL standard that decides where a request goes, written from the standard. A test compares it with the
//! crate `url`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A URL with an authority, of the schemes that the standard calls special, but for `file`; of all others only the scheme counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    /// In lower case.
    pub scheme: String,
    /// Whether there is an `@` in the authority.
    pub has_user_information: bool,
    /// The host.
    pub host: Host,
    /// The port that is written, or that of the scheme.
    pub port: u16,
    /// Path and query, serialised.
    pub target: String,
}

/// A host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host {
    /// A domain in its canonical form.
    Name(String),
    /// An address, in whatever notation.
    Address,
    /// None, or one that does not concern anybody here.
    Other,
}

impl Url {
    /// Parses a text without white space, control characters and backslashes. None is no absolute URL.
    #[must_use]
    pub fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.split_once(':')?;
        let scheme = scheme.to_ascii_lowercase();
        let of_a_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(of_a_scheme) {
            return None;
        }
        let Some(default_port) = default_port(&scheme) else {
            let (host, target) = (Host::Other, String::new());
            return Some(Url { scheme, has_user_information: false, host, port: 0, target });
        };
        // However many slashes there are, none included.
        let rest = rest.trim_start_matches('/');
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (user, address) = match authority.rsplit_once('@') {
            Some((_, address)) => (true, address),
            None => (false, authority),
        };
        let after_brackets = address.rfind(']').unwrap_or(0);
        let (host, port) = match address[after_brackets..].find(':') {
            Some(at) => (&address[..after_brackets + at], &address[after_brackets + at + 1..]),
            None => (address, ""),
        };
        let port = if port.is_empty() { default_port } else { read_port(port)? };
        Some(Url { scheme, has_user_information: user, host: read_host(host)?, port, target: target(rest) })
    }
}

/// Of the special schemes but `file`.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" | "wss" => Some(443),
        "http" | "ws" => Some(80),
        "ftp" => Some(21),
        _ => None,
    }
}

/// Digits, leading zeros included, up to 65535.
fn read_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let significant = text.trim_start_matches('0');
    if significant.is_empty() && digits { Some(0) } else { significant.parse().ok().filter(|_| digits) }
}

fn read_host(text: &str) -> Option<Host> {
    if let Some(inner) = text.strip_prefix('[') {
        let address = inner.strip_suffix(']')?;
        // A zone is part of no URL.
        return address.parse::<Ipv6Addr>().ok().map(|_| Host::Address);
    }
    let bytes = percent_decoded(text.as_bytes());
    let name = idna::domain_to_ascii_cow(&bytes, idna::AsciiDenyList::URL).ok()?;
    if name.is_empty() {
        return None;
    }
    match ends_in_a_number(&name) {
        true => read_ipv4(&name).map(|_| Host::Address),
        false => Some(Host::Name(name.into_owned())),
    }
}

/// Whether a canonical host is, or could only be, an IPv4 address.
pub(super) fn is_address(host: &str) -> bool {
    ends_in_a_number(host)
}

fn ends_in_a_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())) || read_number(last).is_some()
}

/// Decimal, octal with a leading 0, hexadecimal with a leading 0x; nothing after the prefix is 0.
fn read_number(text: &str) -> Option<u64> {
    let (digits, base) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None if text.is_empty() => return None,
        None => (text, 10),
    };
    if digits.is_empty() {
        return Some(0);
    }
    if !digits.bytes().all(|byte| char::from(byte).is_digit(base)) {
        return None;
    }
    // More than any address holds is as good as the largest number.
    Some(u64::from_str_radix(digits, base).unwrap_or(u64::MAX))
}

fn read_ipv4(host: &str) -> Option<Ipv4Addr> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let numbers: Vec<u64> = host.split('.').map(read_number).collect::<Option<_>>()?;
    let (last, front) = numbers.split_last()?;
    let room = 4_usize.checked_sub(front.len()).filter(|room| *room > 0)?;
    if front.iter().any(|number| *number > 255) || *last >= 256_u64.pow(u32::try_from(room).ok()?) {
        return None;
    }
    let shifted = front.iter().zip([24, 16, 8]).map(|(number, shift)| number << shift).sum::<u64>();
    u32::try_from(shifted + last).ok().map(Ipv4Addr::from)
}

/// Path and query, dot segments resolved and percent-encoded as the standard serialises them.
fn target(rest: &str) -> String {
    let rest = rest.split_once('#').map_or(rest, |(front, _)| front);
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let mut segments: Vec<&str> = Vec::new();
    let given: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    for (number, segment) in given.iter().enumerate() {
        let last = number + 1 == given.len();
        match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." => {}
            ".." => drop(segments.pop()),
            _ => {
                segments.push(segment);
                continue;
            }
        }
        if last {
            segments.push("");
        }
    }
    let mut target = String::new();
    for segment in segments {
        target.push('/');
        encode(&mut target, segment, b" \"<>`#?{}");
    }
    if let Some(query) = query {
        target.push('?');
        encode(&mut target, query, b" \"<>#'");
    }
    target
}

fn encode(text: &mut String, raw: &str, reserved: &[u8]) {
    for byte in raw.bytes() {
        if !(0x20..=0x7e).contains(&byte) || reserved.contains(&byte) {
            text.push_str(&format!("%{byte:02X}"));
        } else {
            text.push(char::from(byte));
        }
    }
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
            }
            _ => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use url::SyntaxViolation::EmbeddedCredentials;

    use super::*;
    use crate::egress::Spelling;

    /// What the crate says, in the words of this module.
    fn by_the_crate(text: &str) -> Option<Url> {
        // The crate drops user information that is empty, but says that it was there.
        let has_user_information = Cell::new(false);
        let notes =
            |violation| has_user_information.set(has_user_information.get() || violation == EmbeddedCredentials);
        let url = url::Url::options().syntax_violation_callback(Some(&notes)).parse(text).ok()?;
        let host = match url.host()? {
            url::Host::Domain(name) => Host::Name(name.to_owned()),
            url::Host::Ipv4(_) | url::Host::Ipv6(_) => Host::Address,
        };
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        Some(Url {
            scheme: url.scheme().to_owned(),
            has_user_information: has_user_information.get(),
            host,
            port: url.port_or_known_default()?,
            target: target.to_owned(),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn agrees_with_the_crate_on_spellings(seed: u64) {
            let hosts = ["api.example.test", "xn--bcher-kva.example.test", "10.0.0.1"];
            let text = Spelling::of(seed).url(&hosts, &[443, 8443]);
            let readable = text.bytes().all(|byte| byte > 0x20 && byte != 0x7f && byte != b'\\');
            prop_assume!(readable);
            prop_assert_eq!(Url::parse(&text), by_the_crate(&text), "{}", text);
        }

        #[test]
        fn agrees_with_the_crate_on_hosts(host in "[a-zA-Z0-9.%:@x\\[\\]_\u{e4}\u{df}\u{3002}-]{1,16}") {
            let text = format!("https://{host}/a");
            prop_assert_eq!(Url::parse(&text), by_the_crate(&text), "{}", text);
        }

        #[test]
        fn agrees_with_the_crate_on_numbers(host in "(0x?[0-9a-f]{0,5}|[0-9]{1,10})(\\.(0x?[0-9a-f]{0,3}|[0-9]{1,4})){0,4}\\.?") {
            let text = format!("https://{host}/");
            prop_assert_eq!(Url::parse(&text), by_the_crate(&text), "{}", text);
        }

        #[test]
        fn agrees_with_the_crate_on_targets(rest in "/[a-zA-Z0-9./%2eE?#&='\"<>{}`|~!$\u{e4}-]{0,24}") {
            let text = format!("https://a.example.test{rest}");
            prop_assert_eq!(Url::parse(&text), by_the_crate(&text), "{}", text);
        }
    }
}

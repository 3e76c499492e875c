//! Headers: which text is one, and which of a handler's never leave the runtime (egress.md 3.2 and 3.4).

use crate::{
    outgoing::{Outgoing, Terms},
    stop::Stop,
};

type Verdict = Result<(), Stop>;

/// What is for one connection only, and no handler's to say.
const HOP_BY_HOP: [&str; 8] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"];

/// What the runtime writes itself.
const OWN: [&str; 2] = ["host", "content-length"];

/// Whether a text is a token (RFC 9110, 5.6.2), such as the name of a header.
pub fn is_token(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}

/// Whether a text is the value of a header: visible ASCII, with blanks and tabs inside (egress.md 3.2).
pub fn is_field_value(text: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii_graphic());
    let bytes = text.as_bytes();
    is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_graphic() || b" \t".contains(byte))
}

/// Whether a header is for one connection only, whatever its case.
pub fn is_hop_by_hop(name: &str) -> bool {
    is_one_of(name, &HOP_BY_HOP)
}

/// Takes away what a `connection` header names (3.4). Stands before the step that takes `connection` itself away.
pub(crate) fn strip_named_by_connection(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    let named = named_by_connection(request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    strip(request, |name| named.iter().any(|named| named.eq_ignore_ascii_case(name)))
}

/// Takes away what is for one connection only (3.4).
pub(crate) fn strip_hop_by_hop(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    strip(request, is_hop_by_hop)
}

/// Takes away what the runtime writes itself (3.4).
pub(crate) fn strip_own(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    strip(request, |name| is_one_of(name, &OWN))
}

/// Takes away credentials: they are the runtime's to send (3.4).
pub(crate) fn strip_authorization(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    strip(request, |name| is_one_of(name, &["authorization"]))
}

/// Takes away cookies (3.4).
pub(crate) fn strip_cookies(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    strip(request, |name| is_one_of(name, &["cookie"]))
}

/// Takes away what only proxies and browsers may say (3.4).
pub(crate) fn strip_forwarding(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    strip(request, |name| {
        let begins_with =
            |prefix: &str| name.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix));
        is_one_of(name, &["forwarded", "via"]) || ["x-forwarded-", "proxy-", "sec-"].into_iter().any(begins_with)
    })
}

/// The names that `connection` headers list.
pub(crate) fn named_by_connection<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<String> {
    headers
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name).trim_matches([' ', '\t']).to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Whether a name is in a list, whatever its case.
pub(crate) fn is_one_of(name: &str, list: &[&str]) -> bool {
    list.iter().any(|listed| listed.eq_ignore_ascii_case(name))
}

/// Takes headers away by their names.
fn strip(request: &mut Outgoing, goes: impl Fn(&str) -> bool) -> Verdict {
    request.headers.retain(|(name, _)| !goes(name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{is_field_value, is_token, named_by_connection};

    #[test]
    fn tokens_and_values_are_told_from_what_is_neither() {
        assert!(is_token("x-Y_1!") && is_field_value("a \t b") && is_field_value(""));
        for name in ["", "a b", "a:", "ä", "a\r", "(a)", "a\u{0}"] {
            assert!(!is_token(name), "{name:?}");
        }
        for value in [" a", "a ", "\ta", "a\rb", "a\nb", "a\u{0}b", "a\u{7f}", "ü", " "] {
            assert!(!is_field_value(value), "{value:?}");
        }
    }

    #[test]
    fn reads_every_name_of_every_connection_header() {
        let headers = [("Connection", &b"close, X-A"[..]), ("a", b"b"), ("connection", b" x-b\t,,")];
        assert_eq!(named_by_connection(headers.into_iter()), ["close", "x-a", "x-b"]);
    }
}

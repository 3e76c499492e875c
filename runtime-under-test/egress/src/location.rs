//! Where a request goes (egress.md, section 2). The URL is read once, by the URL standard's parser, and what is judged is what
//! is sent.

use ::url::{Position, Url};
use assay_package::HostRule;

use crate::{
    outgoing::{Outgoing, Terms},
    stop::Stop,
};

type Verdict = Result<(), Stop>;

/// The longest URL, in bytes.
const LONGEST: usize = 8192;

/// A URL has at most 8192 bytes (2.1).
pub(crate) fn length(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    if request.written.len() <= LONGEST { Ok(()) } else { Err(Stop::invalid("the URL has more than 8192 bytes")) }
}

/// A URL holds no blank and no control character: the parser would take them out (2.1).
pub(crate) fn characters(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    if request.written.bytes().any(|byte| byte < 0x21 || byte == 0x7f) {
        return Err(Stop::invalid("the URL holds a blank or a control character"));
    }
    Ok(())
}

/// A URL holds no backslash: the parser would take it for a slash (2.1).
pub(crate) fn no_backslash(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    if request.written.contains('\\') { Err(Stop::invalid("the URL holds a backslash")) } else { Ok(()) }
}

/// It is an absolute URL; host, port and target are what the parser says (2.1 and 2.3).
pub(crate) fn canonicalise(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    let url = Url::parse(&request.written).map_err(|_| Stop::invalid("this is no absolute URL"))?;
    url.host_str().unwrap_or_default().clone_into(&mut request.host);
    request.port = url.port_or_known_default().unwrap_or_default();
    request.authority = match request.port {
        HostRule::DEFAULT_PORT => request.host.clone(),
        port => format!("{}:{port}", request.host),
    };
    url[Position::BeforePath..Position::AfterQuery].clone_into(&mut request.target);
    request.url = Some(url);
    Ok(())
}

/// The scheme is `https` (2.2).
pub(crate) fn scheme(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    match &request.url {
        Some(url) if url.scheme() == "https" => Ok(()),
        _ => Err(Stop::denied("the scheme is not https")),
    }
}

/// There is no user information, not even an empty one (2.2). The parser forgets an empty one, so the text is asked.
pub(crate) fn no_user_information(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    if authority(&request.written).contains('@') { Err(Stop::denied("the URL has user information")) } else { Ok(()) }
}

/// A rule is for the host and the port (2.2).
pub(crate) fn matched(request: &mut Outgoing, terms: &Terms<'_>) -> Verdict {
    if (terms.matches)(&terms.grant.rules, &request.host, request.port) {
        Ok(())
    } else {
        Err(Stop::denied("no rule is for this host and port"))
    }
}

/// Whether one of the rules is for a canonical host and a port (1.4).
pub(crate) fn any_rule(rules: &[HostRule], host: &str, port: u16) -> bool {
    rules.iter().any(|rule| rule.matches(host, port))
}

/// What stands between scheme and path in the text of a URL, user information and port included.
pub(crate) fn authority(written: &str) -> &str {
    let (begin, end) = authority_span(written);
    &written[begin..end]
}

/// Where the authority begins and ends in the text of a URL, or of what resembles one.
pub(crate) fn authority_span(written: &str) -> (usize, usize) {
    let is_scheme = |text: &&str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let scheme = written.split_once(':').map(|(scheme, _)| scheme).filter(is_scheme);
    let after_scheme = scheme.map_or(0, |scheme| scheme.len() + 1);
    let slashes = written[after_scheme..].bytes().take_while(|byte| b"/\\".contains(byte)).count();
    let begin = after_scheme + slashes;
    let length = written[begin..].find(['/', '\\', '?', '#']).unwrap_or(written.len() - begin);
    (begin, begin + length)
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn the_authority_stands_between_slashes_and_path() {
        for (written, found) in [
            ("https://a.test/b@c", "a.test"),
            ("https://u:p@a.test:1?x@y", "u:p@a.test:1"),
            ("https:@a.test#z", "@a.test"),
            ("https:///@a.test", "@a.test"),
            ("no url at all", "no url at all"),
            ("https:", ""),
        ] {
            assert_eq!(authority(written), found);
        }
    }

    proptest::proptest! {
        #[test]
        fn user_information_that_the_parser_sees_is_seen_in_the_text(
            text in "https:/{0,3}[a-z:@%.\\[\\]]{0,12}[/?#]?[a-z@:]{0,6}"
        ) {
            if let Ok(url) = url::Url::parse(&text) && (!url.username().is_empty() || url.password().is_some()) {
                proptest::prop_assert!(authority(&text).contains('@'));
            }
        }
    }
}

//! How the text of a rule is read, step by step; what cannot be right is refused (egress.md 1.2).

use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};

use super::HostRule;

type Verdict = Result<(), &'static str>;

/// A step under its name: it judges what is read so far, and reads on.
pub(crate) type Step = (&'static str, fn(&mut RuleDraft) -> Verdict);

/// A rule on its way through the steps.
#[derive(Debug)]
pub(crate) struct RuleDraft {
    /// What is still to be read: in the end nothing but the host as written.
    pub rest: String,
    pub wildcard: bool,
    pub host: String,
    pub port: u16,
}

impl RuleDraft {
    pub fn new(text: &str) -> Self {
        Self { rest: text.to_owned(), wildcard: false, host: String::new(), port: HostRule::DEFAULT_PORT }
    }
}

/// The steps of the contract.
pub(crate) const HONEST: [Step; 11] = [
    ("characters", characters),
    ("scheme", scheme),
    ("authority", authority),
    ("port", port),
    ("wildcard", wildcard),
    ("labels", labels),
    ("no-address", no_address),
    ("host", host),
    ("several-labels", several_labels),
    ("no-localhost", no_localhost),
    ("no-public-suffix", no_public_suffix),
];

/// No white space and no control character, anywhere.
fn characters(draft: &mut RuleDraft) -> Verdict {
    let stray = |character: char| character.is_whitespace() || character.is_control();
    if draft.rest.contains(stray) { Err("a text without white space and control characters") } else { Ok(()) }
}

/// It begins with `https://`.
fn scheme(draft: &mut RuleDraft) -> Verdict {
    draft.rest = draft.rest.strip_prefix("https://").ok_or("`https://` and a host")?.to_owned();
    Ok(())
}

/// Nothing but host and port follows.
fn authority(draft: &mut RuleDraft) -> Verdict {
    if draft.rest.contains(['/', '?', '#', '@', '\\']) {
        return Err("a host and a port alone, without user information, path, query and fragment");
    }
    Ok(())
}

/// The port is a decimal number from 1 to 65535 without leading zeros.
fn port(draft: &mut RuleDraft) -> Verdict {
    // What ends with a bracket is an address, and has its colons inside.
    if let Some((host, port)) = draft.rest.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        if port.starts_with('0') || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("a port from 1 to 65535 without leading zeros");
        }
        draft.port = port.parse().map_err(|_| "a port from 1 to 65535")?;
        draft.rest = host.to_owned();
    }
    Ok(())
}

/// `*` is nowhere but the whole first label.
fn wildcard(draft: &mut RuleDraft) -> Verdict {
    if let Some(rest) = draft.rest.strip_prefix("*.") {
        draft.wildcard = true;
        draft.rest = rest.to_owned();
    }
    if draft.rest.contains('*') { Err("a host with `*` as its whole first label only") } else { Ok(()) }
}

/// No label is empty, behind a trailing dot neither.
fn labels(draft: &mut RuleDraft) -> Verdict {
    if draft.rest.split('.').any(str::is_empty) { Err("a host without empty labels") } else { Ok(()) }
}

/// The URL standard does not take it for an address, whatever its notation.
fn no_address(draft: &mut RuleDraft) -> Verdict {
    match url::Host::parse(&draft.rest) {
        Ok(url::Host::Domain(_)) => Ok(()),
        Ok(_) => Err("a host name; addresses are no hosts"),
        Err(_) => Err("a host that the URL standard knows"),
    }
}

/// *Domain to ASCII* with `beStrict` takes it: lower case, A-labels, lengths of the DNS.
fn host(draft: &mut RuleDraft) -> Verdict {
    let strict = Uts46::new().to_ascii(draft.rest.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify);
    draft.host = strict.map_err(|_| "a domain name")?.into_owned();
    Ok(())
}

/// A host has several labels; so has what follows `*.`.
fn several_labels(draft: &mut RuleDraft) -> Verdict {
    if draft.host.contains('.') { Ok(()) } else { Err("a host of two or more labels, `*` not counted") }
}

/// `localhost` and the names below it are the machine itself.
fn no_localhost(draft: &mut RuleDraft) -> Verdict {
    match draft.host.strip_suffix("localhost") {
        Some(front) if front.is_empty() || front.ends_with('.') => Err("a host; `localhost` is none"),
        _ => Ok(()),
    }
}

/// A wildcard is not for everything below a public suffix of the ICANN section.
fn no_public_suffix(draft: &mut RuleDraft) -> Verdict {
    let host = draft.host.as_bytes();
    let is_public = psl::suffix(host)
        .is_some_and(|suffix| suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes().len() == host.len());
    if draft.wildcard && is_public { Err("a wildcard below a public suffix") } else { Ok(()) }
}

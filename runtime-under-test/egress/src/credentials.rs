//! Credentials: put into requests when their turn has come, taken out of whatever comes back (egress.md, section 4).

use aho_corasick::AhoCorasick;

use crate::{
    outgoing::{Outgoing, Terms},
    stop::Stop,
};

/// What replaces a credential.
const REDACTED: &[u8] = b"[redacted]";

/// A header that an admin has the runtime send.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The name under which it is kept.
    pub name: String,
    /// The header.
    pub header: String,
    /// Its value.
    pub value: String,
}

/// The store of credentials, asked anew for each exchange, so that a removed one is not sent again (egress.md 4.4).
pub trait Credentials: Send + Sync {
    /// The credentials in whose scope the handler is, and one of whose rules is for the canonical host and the port.
    fn fitting(&self, handler: &str, host: &str, port: u16) -> Vec<Credential>;

    /// The values of all credentials in whose scope the handler is, whatever their hosts.
    fn known_to(&self, handler: &str) -> Vec<String>;
}

/// Writes each fitting credential's header in place of the handler's; the first by name has it (egress.md 4.2).
pub(crate) fn inject(request: &mut Outgoing, terms: &Terms<'_>) -> Result<(), Stop> {
    let mut fitting = fitting(request, terms);
    fitting.sort_by(|a, b| a.name.cmp(&b.name));
    let mut set: Vec<String> = Vec::new();
    for Credential { header, value, .. } in fitting {
        if !set.iter().any(|header_set| header_set.eq_ignore_ascii_case(&header)) {
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(&header));
            request.headers.push((header.clone(), value));
            set.push(header);
        }
    }
    Ok(())
}

/// The credentials for a request. All that the handler's requests may carry is kept as its secrets.
pub(crate) fn fitting(request: &mut Outgoing, terms: &Terms<'_>) -> Vec<Credential> {
    let handler = &terms.grant.handler;
    let fitting = terms.credentials.fitting(handler, &request.host, request.port);
    request.secrets = terms.credentials.known_to(handler);
    request.secrets.extend(fitting.iter().map(|credential| credential.value.clone()));
    fitting
}

/// Takes secrets out of bytes (egress.md 4.3).
pub(crate) struct Redactor {
    /// `None` where nothing is secret.
    finder: Option<Result<AhoCorasick, aho_corasick::BuildError>>,
}

impl Redactor {
    /// For these secrets.
    pub fn new(secrets: &[String]) -> Self {
        let secrets: Vec<&String> = secrets.iter().filter(|secret| !secret.is_empty()).collect();
        Self { finder: (!secrets.is_empty()).then(|| AhoCorasick::new(secrets)) }
    }

    /// The bytes with `[redacted]` wherever a secret stands. Secrets that overlap are replaced together.
    pub fn clean(&self, bytes: &[u8]) -> Vec<u8> {
        match &self.finder {
            None => bytes.to_vec(),
            Some(Ok(finder)) => replace(bytes, finder),
            // Secrets that cannot be looked for: then nothing is handed on.
            Some(Err(_)) => REDACTED.to_vec(),
        }
    }

    /// The same for a text.
    pub fn clean_text(&self, text: String) -> String {
        String::from_utf8_lossy(&self.clean(text.as_bytes())).into_owned()
    }
}

fn replace(bytes: &[u8], finder: &AhoCorasick) -> Vec<u8> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for found in finder.find_overlapping_iter(bytes) {
        let (mut start, end) = (found.start(), found.end());
        while let Some(last) = spans.pop_if(|(_, last_end)| *last_end > start) {
            start = start.min(last.0);
        }
        spans.push((start, end));
    }
    let mut clean = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for (start, end) in spans {
        clean.extend_from_slice(&bytes[from..start]);
        clean.extend_from_slice(REDACTED);
        from = end;
    }
    clean.extend_from_slice(&bytes[from..]);
    clean
}

#[cfg(test)]
mod tests {
    use super::Redactor;

    #[track_caller]
    fn redacts(text: &str, secrets: &[&str], clean: &str) {
        let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        assert_eq!(String::from_utf8_lossy(&Redactor::new(&secrets).clean(text.as_bytes())), clean);
    }

    #[test]
    fn replaces_every_secret_and_nothing_else() {
        redacts("a secret1 b secret1", &["secret1"], "a [redacted] b [redacted]");
        redacts("nothing", &["secret1"], "nothing");
        redacts("nothing", &[], "nothing");
    }

    #[test]
    fn replaces_secrets_that_overlap_or_contain_each_other_whole() {
        redacts("xabcdefghy", &["abcde", "defgh"], "x[redacted]y");
        redacts("xabcdefghy", &["abcdefgh", "cd", "efg"], "x[redacted]y");
        redacts("abab", &["ab"], "[redacted][redacted]");
        redacts("aaaaa", &["aaa"], "[redacted]");
    }

    proptest::proptest! {
        #[test]
        fn no_secret_is_left(text in "[ab]{0,30}", secrets in proptest::collection::vec("[ab]{2,5}", 0..4)) {
            let clean = Redactor::new(&secrets).clean(text.as_bytes());
            let clean = String::from_utf8(clean).expect("text");
            for part in clean.split("[redacted]") {
                for secret in &secrets {
                    proptest::prop_assert!(!part.contains(secret.as_str()));
                }
            }
        }
    }
}

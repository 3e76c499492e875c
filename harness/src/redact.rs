//! Keeps tokens out of the evidence: a report is read, attached to tickets and published.

/// Shorter tokens are not looked for: replacing one letter everywhere would make the evidence unreadable.
const LEAST_BYTES: usize = 6;

/// Replaces known tokens by names.
#[derive(Clone, Default, Debug)]
pub(crate) struct Redactor {
    secrets: Vec<(String, &'static str)>,
}

impl Redactor {
    /// Learns a token and the name that stands for it, such as `admin token`.
    pub(crate) fn learn(&mut self, token: &str, name: &'static str) {
        if token.len() >= LEAST_BYTES && !self.secrets.iter().any(|(known, _)| known == token) {
            self.secrets.push((token.to_owned(), name));
            // A token that holds another one goes first, or half of it would stay.
            self.secrets.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
        }
    }

    /// The longest token, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.secrets.first().map_or(0, |(token, _)| token.len())
    }

    /// The bytes with every token replaced by `<name>`, in whatever case it is written.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        'next: while let Some(&first) = rest.first() {
            for (token, name) in &self.secrets {
                let same_start = token.as_bytes()[0].eq_ignore_ascii_case(&first);
                let Some(candidate) = rest.get(..token.len()).filter(|_| same_start) else {
                    continue;
                };
                if candidate.eq_ignore_ascii_case(token.as_bytes()) {
                    let other = if candidate == token.as_bytes() { "" } else { " in another case" };
                    clean.extend_from_slice(format!("<{name}{other}>").as_bytes());
                    rest = &rest[token.len()..];
                    continue 'next;
                }
            }
            clean.push(first);
            rest = &rest[1..];
        }
        clean
    }

    /// The same for text.
    pub(crate) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        let mut redactor = Redactor::default();
        redactor.learn("s3cret-a", "admin token");
        redactor.learn("s3cret-a-longer", "user token");
        redactor
    }

    #[test]
    fn a_token_is_replaced_wherever_it_stands() {
        assert_eq!(redactor().text("Bearer s3cret-a, again: s3cret-a"), "Bearer <admin token>, again: <admin token>");
    }

    #[test]
    fn a_token_that_holds_another_one_is_replaced_whole() {
        assert_eq!(redactor().text("s3cret-a-longer"), "<user token>");
    }

    #[test]
    fn a_token_in_another_case_is_replaced_and_told_apart() {
        assert_eq!(redactor().text("S3CRET-A"), "<admin token in another case>");
    }

    #[test]
    fn bytes_that_are_no_text_stay_as_they_are() {
        assert_eq!(redactor().bytes(&[0xff, 0x00, 0xc3]), [0xff, 0x00, 0xc3]);
    }
}

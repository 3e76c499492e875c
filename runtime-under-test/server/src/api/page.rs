//! One page of a list: how much is asked for, and where it begins (registry.md, 4.1 and 4.2).

use std::str::FromStr;

use assay_package::Refusal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::app::{App, Call};
use crate::request::{query, query_fault};

const DEFAULT_LIMIT: usize = 50;
/// What a cursor of this form begins with: another form gets another prefix.
const CURSOR: &str = "1.";

/// The page that a caller wants to see, of items that are listed in the order of `K`.
pub struct Page<K> {
    most: usize,
    /// How many items at most.
    pub limit: usize,
    /// The last item of the page before.
    pub after: Option<K>,
}

impl<K: FromStr> Page<K> {
    /// The first page.
    pub fn first(app: &App) -> Self {
        let most = usize::try_from(app.offer.bounds.page_items).unwrap_or(usize::MAX);
        Self { most, limit: DEFAULT_LIMIT.min(most), after: None }
    }

    /// The page that a request of a list without filters asks for.
    ///
    /// # Errors
    /// The parameter that cannot be understood, or that the list does not have.
    pub fn asked(call: &Call) -> Result<Self, Refusal> {
        let policy = &*call.app.policy;
        let mut page = Self::first(&call.app);
        for (name, value) in &query(call.head.uri.query(), &["limit", "cursor"], policy)? {
            if page.read(name, value).is_none() {
                policy.query_fault(query_fault(name, format!("`{name}` cannot be `{}`", policy.quote(value))))?;
            }
        }
        Ok(page)
    }

    /// Reads the parameter `limit` or `cursor`; none if it cannot be understood.
    pub fn read(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "limit" => self.limit = limit(value, self.most)?,
            _ => self.after = Some(read_cursor(value)?),
        }
        Some(())
    }
}

fn limit(text: &str, most: usize) -> Option<usize> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|limit| digits && (1..=most).contains(limit))
}

/// The cursor after an item. The page goes on after an item and not at an offset, so it stays right while items
/// come and go.
pub fn cursor(last: &str) -> String {
    format!("{CURSOR}{}", URL_SAFE_NO_PAD.encode(last))
}

fn read_cursor<K: FromStr>(text: &str) -> Option<K> {
    let last = URL_SAFE_NO_PAD.decode(text.strip_prefix(CURSOR)?).ok()?;
    std::str::from_utf8(&last).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use assay_package::HandlerId;

    use super::*;

    #[test]
    fn a_cursor_reads_what_it_wrote_and_nothing_else() {
        let id: HandlerId = "com.example.a".parse().unwrap();
        assert_eq!(read_cursor(&cursor(id.as_str())), Some(id));
        for wrong in ["", "1.", "2.Y29t", "1.Y29t", "com.example.a", "1.Y29tLmE="] {
            assert_eq!(read_cursor::<HandlerId>(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_limit_is_a_plain_number_within_the_bound() {
        assert_eq!(limit("100", 100), Some(100));
        for wrong in ["", "0", "101", "-1", "+1", "01", "1.0", "1e1", " 1", "99999999999999999999999"] {
            assert_eq!(limit(wrong, 100), None, "{wrong}");
        }
    }
}

//! What of a part is sent: all of it, a range, or nothing (registry.md 5.3 and 5.4).

use axum::http::{HeaderMap, HeaderValue, header};
use headers::{ETag, HeaderMapExt as _, IfNoneMatch, IfRange};

/// What is sent of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// All of it.
    Whole,
    /// The bytes from the first to the last, both included.
    Bytes(u64, u64),
    /// Nothing: the caller has it.
    Unchanged,
    /// Nothing: the range lies behind the end.
    BehindTheEnd,
}

/// One range as it is asked for.
enum Range {
    /// From an offset to the end, or to another one if it comes first.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

/// Selects by the headers of a request, in the order of RFC 9110, 13.2.2.
pub fn selected(headers: &HeaderMap, etag: &ETag, size: u64) -> Selected {
    if headers.typed_get::<IfNoneMatch>().is_some_and(|known| !known.precondition_passes(etag)) {
        return Selected::Unchanged;
    }
    let condition = headers.typed_get::<IfRange>();
    let meant = match condition {
        Some(condition) => !condition.is_modified(Some(etag), None),
        None => !headers.contains_key(header::IF_RANGE),
    };
    match headers.get(header::RANGE).filter(|_| meant).and_then(single_range) {
        None => Selected::Whole,
        Some(Range::From(first, _)) if first >= size => Selected::BehindTheEnd,
        Some(Range::From(first, last)) => Selected::Bytes(first, last.unwrap_or(u64::MAX).min(size - 1)),
        Some(Range::Last(count)) if count == 0 || size == 0 => Selected::BehindTheEnd,
        Some(Range::Last(count)) => Selected::Bytes(size.saturating_sub(count), size - 1),
    }
}

/// The range, if there is one and it can be read: RFC 9110, 14.2 lets everything else be ignored.
fn single_range(value: &HeaderValue) -> Option<Range> {
    let (unit, range) = value.to_str().ok()?.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    match (first, last) {
        ("", count) => Some(Range::Last(number(count)?)),
        (first, "") => Some(Range::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Range::From(first, Some(last)))
        }
    }
}

/// Digits alone; one that is too large stands for the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(headers: &[(header::HeaderName, &str)], size: u64) -> Selected {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        let headers = headers.iter().map(|(name, text)| (name.clone(), value(text))).collect();
        selected(&headers, &"\"tag\"".parse().unwrap(), size)
    }

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        for (range, expected) in [
            ("bytes=0-0", Selected::Bytes(0, 0)),
            ("bytes=2-5", Selected::Bytes(2, 5)),
            ("bytes=2-500", Selected::Bytes(2, 9)),
            ("BYTES=9-", Selected::Bytes(9, 9)),
            ("bytes=-3", Selected::Bytes(7, 9)),
            ("bytes=-300", Selected::Bytes(0, 9)),
            ("bytes=-99999999999999999999999", Selected::Bytes(0, 9)),
            ("bytes=10-", Selected::BehindTheEnd),
            ("bytes=99999999999999999999999-", Selected::BehindTheEnd),
            ("bytes=-0", Selected::BehindTheEnd),
            ("bytes=5-2", Selected::Whole),
            ("bytes=+1-2", Selected::Whole),
            ("bytes=1-2,4-5", Selected::Whole),
            ("lines=1-2", Selected::Whole),
            ("bytes", Selected::Whole),
            ("bytes=-", Selected::Whole),
        ] {
            assert_eq!(select(&[(header::RANGE, range)], 10), expected, "{range}");
        }
        assert_eq!(select(&[(header::RANGE, "bytes=-1")], 0), Selected::BehindTheEnd);
    }

    #[test]
    fn a_range_counts_only_for_the_part_that_it_is_meant_for() {
        for (condition, expected) in [
            ("\"tag\"", Selected::Bytes(0, 0)),
            ("W/\"tag\"", Selected::Whole),
            ("\"other\"", Selected::Whole),
            ("no tag", Selected::Whole),
            ("Sun, 22 Nov 2026 00:00:00 GMT", Selected::Whole),
        ] {
            let headers = [(header::RANGE, "bytes=0-0"), (header::IF_RANGE, condition)];
            assert_eq!(select(&headers, 10), expected, "{condition}");
        }
    }

    #[test]
    fn who_has_the_part_is_not_sent_it() {
        for (known, expected) in [
            ("\"tag\"", Selected::Unchanged),
            ("\"other\", W/\"tag\"", Selected::Unchanged),
            ("*", Selected::Unchanged),
            ("\"other\"", Selected::Whole),
        ] {
            assert_eq!(select(&[(header::IF_NONE_MATCH, known)], 10), expected, "{known}");
        }
        let both = [(header::RANGE, "bytes=0-0"), (header::IF_NONE_MATCH, "\"tag\"")];
        assert_eq!(select(&both, 10), Selected::Unchanged);
    }
}

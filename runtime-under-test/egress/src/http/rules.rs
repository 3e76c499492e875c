//! Every decision about responses. The contract fixes each of them; they are values, so that a deliberate defect can take the
//! place of exactly one.

use super::Fault;
use crate::received::{Field, Received};

/// What is said of a response that breaks HTTP.
pub(crate) const MALFORMED: &str = "the response breaks HTTP";
/// What is said of a response that passes a bound.
pub(crate) const TOO_LARGE: &str = "the response is larger than the bounds";

/// What becomes of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treat {
    /// It is interim, and the next one is read.
    Skip,
    /// The exchange fails.
    Refuse,
    /// It is the response.
    Final,
}

/// The length out of the values of all `content-length` headers.
type LengthRule = fn(&[&[u8]]) -> Result<Option<u64>, Fault>;

/// The decisions.
#[derive(Clone, Copy)]
pub(crate) struct HttpRules {
    /// What a status means (7.4).
    pub treat: fn(status: u16) -> Treat,
    /// What is said of bytes that are no head (8.4).
    pub malformed: fn(&[u8]) -> Fault,
    /// The length out of all `content-length` headers (7.5).
    pub length: LengthRule,
    /// Whether a body may end before its end (7.5).
    pub cut_short: fn() -> Result<(), Fault>,
    /// Whether a body may be cut at the bound (7.5).
    pub too_large: fn() -> Result<(), Fault>,
    /// What becomes of trailers (7.4).
    pub trailers: fn(&mut Received, Vec<Field>),
    /// Whether a connection on which this follows a response may be used again (7.5).
    pub clean: fn(&[u8]) -> bool,
}

impl HttpRules {
    pub const fn honest() -> Self {
        Self {
            treat: |status| match status {
                101 => Treat::Refuse,
                100..200 => Treat::Skip,
                _ => Treat::Final,
            },
            malformed: |_| Fault::Borrowed(MALFORMED),
            length: one_length,
            cut_short: || Err(Fault::Borrowed("the response was cut short")),
            too_large: || Err(Fault::Borrowed(TOO_LARGE)),
            trailers: |_, _| {},
            clean: <[u8]>::is_empty,
        }
    }
}

/// The length that all agree on, in decimal digits.
fn one_length(values: &[&[u8]]) -> Result<Option<u64>, Fault> {
    let Some((first, others)) = values.split_first() else {
        return Ok(None);
    };
    let is_number = !first.is_empty() && first.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(first).ok().and_then(|text| text.parse().ok());
    if !is_number || others.iter().any(|other| other != first) {
        return Err(Fault::Borrowed("the response has no one length"));
    }
    // A length that no machine counts to is above every bound.
    Ok(Some(number.unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::{HttpRules, Treat};

    #[test]
    fn lengths_agree_or_are_refused() {
        let length = HttpRules::honest().length;
        assert_eq!(length(&[]), Ok(None));
        assert_eq!(length(&[b"5"]), Ok(Some(5)));
        assert_eq!(length(&[b"5", b"5"]), Ok(Some(5)));
        assert_eq!(length(&[b"99999999999999999999999999"]), Ok(Some(u64::MAX)));
        for wrong in
            [&[&b"5"[..], b"6"][..], &[b"5, 5"], &[b"+5"], &[b""], &[b"-1"], &[b"5a"], &[b"0x5"], &[b"5", b"05"]]
        {
            assert!(length(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn interim_responses_are_skipped_but_for_a_change_of_protocol() {
        let treat = HttpRules::honest().treat;
        assert_eq!([100, 103, 199].map(treat), [Treat::Skip; 3]);
        assert_eq!(treat(101), Treat::Refuse);
        assert_eq!([200, 301, 404, 599].map(treat), [Treat::Final; 4]);
    }
}

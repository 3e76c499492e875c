//! Every decision about responses. The contract fixes each of them; they are values, so that a deliberate defect can take the
//! place of exactly one.

use std::borrow::Cow;

use ::http::{HeaderMap, Request};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use h2::{SendStream, client::Builder};
use httparse::ParserConfig;

use super::{Fault, http1, http2};
use crate::{
    Bounds,
    outgoing::Outgoing,
    received::{Field, Received},
    recording::Progress,
};

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

/// Whether a body comes in chunks, out of the values of all `transfer-encoding` headers, the minor version and the length.
type ChunkedRule = fn(&[&[u8]], minor: u8, length: Option<u64>) -> Result<bool, Fault>;

/// The decisions.
#[derive(Clone, Copy)]
pub(crate) struct HttpRules {
    /// What a status means (7.4).
    pub treat: fn(status: u16) -> Treat,
    /// What is said of bytes that are no head (8.4).
    pub malformed: fn(&[u8]) -> Fault,
    /// What of a head is overlooked: nothing (7.5).
    pub parser: fn() -> ParserConfig,
    /// Whether lines end as they must (7.5).
    pub lines: fn(&[u8]) -> bool,
    /// The length out of all `content-length` headers (7.5).
    pub length: LengthRule,
    /// Whether a body comes in chunks (7.5).
    pub chunked: ChunkedRule,
    /// The size out of the line in front of a chunk (7.5).
    pub chunk_size: fn(&[u8]) -> Result<u64, Fault>,
    /// Whether a body may end before its end (7.5).
    pub cut_short: fn() -> Result<(), Fault>,
    /// Whether a body may be cut at the bound (7.5).
    pub too_large: fn() -> Result<(), Fault>,
    /// The bounds of trailers, from those of headers (7.5).
    pub trailer_bounds: fn(&Bounds) -> Bounds,
    /// What becomes of trailers (7.4).
    pub trailers: fn(&mut Received, Vec<Field>),
    /// Whether a connection on which this follows a response may be used again (7.5).
    pub clean: fn(&[u8]) -> bool,
    /// What is decided for HTTP/1.1 alone.
    pub http1: Http1Rules,
    /// What is decided for HTTP/2 alone (7.9 and 7.10).
    pub http2: Http2Rules,
}

/// A request in HTTP/1.1: its head, and its body as the head frames it.
pub(crate) type Written<'a> = (String, Cow<'a, [u8]>);

/// The decisions about HTTP/1.1.
#[derive(Clone, Copy)]
pub(crate) struct Http1Rules {
    /// What is written of a request (2.3 and 3.5).
    pub written: for<'a> fn(&'a Outgoing) -> Written<'a>,
}

impl Http1Rules {
    pub const fn honest() -> Self {
        Self { written: |request| (http1::of_request(request), Cow::Borrowed(&request.body)) }
    }
}

/// How the body of a request is sent on a stream.
pub(crate) type Http2Body =
    for<'a> fn(SendStream<Bytes>, &'a Outgoing, &'a Progress) -> BoxFuture<'a, Result<(), Fault>>;

/// The decisions about HTTP/2.
#[derive(Clone, Copy)]
pub(crate) struct Http2Rules {
    /// What the remote host is told that it may send.
    pub settings: fn(&mut Builder, &Bounds),
    /// The head of a request.
    pub head: fn(&Outgoing) -> Result<Request<()>, Fault>,
    /// How a body is sent behind it.
    pub body: Http2Body,
    /// The headers or trailers out of a block.
    pub fields: fn(&HeaderMap) -> Vec<Field>,
    /// Whether a body may end in this way.
    pub broken: fn(&h2::Error) -> Result<(), Fault>,
}

impl Http2Rules {
    pub const fn honest() -> Self {
        Self {
            settings: http2::settings,
            head: http2::of_request,
            body: |stream, request, progress| Box::pin(http2::write(stream, &request.body, progress)),
            fields: http2::fields,
            broken: |error| Err(http2::fault(error)),
        }
    }
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
            parser: ParserConfig::default,
            lines: end_in_pairs,
            length: one_length,
            chunked: one_coding,
            chunk_size,
            cut_short: || Err(Fault::Borrowed("the response was cut short")),
            too_large: || Err(Fault::Borrowed(TOO_LARGE)),
            trailer_bounds: |bounds| *bounds,
            trailers: |_, _| {},
            clean: <[u8]>::is_empty,
            http1: Http1Rules::honest(),
            http2: Http2Rules::honest(),
        }
    }
}

/// Whether every CR is followed by LF, and every LF comes behind CR: what one reader takes for a line break and another one does
/// not is where responses are smuggled.
fn end_in_pairs(bytes: &[u8]) -> bool {
    let breaks = bytes.windows(2).filter(|pair| *pair == b"\r\n").count();
    bytes.iter().filter(|byte| **byte == b'\r').count() == breaks
        && bytes.iter().filter(|byte| **byte == b'\n').count() == breaks
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

/// Whether the body is chunked. Another coding, two of them, one in HTTP/1.0 and one beside a length are refused: two readers
/// would find different ends.
fn one_coding(values: &[&[u8]], minor: u8, length: Option<u64>) -> Result<bool, Fault> {
    match values {
        [] => Ok(false),
        [coding] if coding.eq_ignore_ascii_case(b"chunked") && minor == 1 && length.is_none() => Ok(true),
        _ => Err(Fault::Borrowed(MALFORMED)),
    }
}

/// The size in front of a chunk: hexadecimal digits, then nothing or an extension.
fn chunk_size(line: &[u8]) -> Result<u64, Fault> {
    let text = line.strip_suffix(b"\r\n").unwrap_or(line);
    let digits = text.split(|byte| b"; \t".contains(byte)).next().unwrap_or_default();
    let rest = &text[digits.len()..];
    let is_text = !rest.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    let is_extension = rest.is_empty() || rest.trim_ascii_start().starts_with(b";") && is_text;
    let is_number = (1..=16).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let size = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
    size.filter(|_| is_number && is_extension).ok_or(Fault::Borrowed(MALFORMED))
}

#[cfg(test)]
mod tests {
    use super::{HttpRules, Treat};

    #[test]
    fn lines_end_in_both_characters() {
        let lines = HttpRules::honest().lines;
        assert!(lines(b"a\r\nb\r\n\r\n"));
        for wrong in ["a\nb\r\n", "a\r\n\n", "a\rb\r\n", "a\r\r\n"] {
            assert!(!lines(wrong.as_bytes()), "{wrong:?}");
        }
    }

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

    #[test]
    fn sizes_of_chunks_are_hexadecimal() {
        for (line, size) in [("0\r\n", 0), ("1aF\r\n", 0x1af), ("5;a=b\r\n", 5), ("5 ; a\r\n", 5)] {
            assert_eq!((HttpRules::honest().chunk_size)(line.as_bytes()).ok(), Some(size), "{line:?}");
        }
        for line in [
            "\r\n",
            "-1\r\n",
            "+5\r\n",
            "0x5\r\n",
            "5 5\r\n",
            "5 \r\n",
            "g\r\n",
            "11111111111111111\r\n",
            ";a\r\n",
            "5;\u{1}\r\n",
        ] {
            assert!((HttpRules::honest().chunk_size)(line.as_bytes()).is_err(), "{line:?}");
        }
    }
}

//! Defects of what is handed on (egress.md 7.4 and 7.5).

use httparse::ParserConfig;

use super::Defect;
use crate::{
    Bounds,
    http::{Fault, HttpRules, MALFORMED, Treat},
    received::{Field, Received, strip_hop_by_hop},
};

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-hop-headers-handed-on", |policy| policy.hand_on("strip-hop-by-hop", |_, _| {})),
    ("egress-response-headers-merged", |policy| {
        policy.hand_on("at the end", |received, _| {
            let mut merged: Vec<Field> = Vec::new();
            for field in std::mem::take(&mut received.headers) {
                match merged.iter_mut().find(|known| known.name == field.name) {
                    Some(known) => known.value = [&known.value[..], b", ", &field.value].concat(),
                    None => merged.push(field),
                }
            }
            received.headers = merged;
        });
    }),
    ("egress-response-names-as-written", |policy| policy.hand_on("lower-names", |_, _| {})),
    ("egress-response-values-lossy", |policy| {
        policy.header_text = |value| String::from_utf8_lossy(value).into_owned();
    }),
    ("egress-trailers-handed-on", |policy| {
        policy.http.trailers = |received, trailers| received.headers.extend(trailers);
    }),
    ("egress-trailers-unbounded", |policy| {
        policy.http.trailer_bounds =
            |bounds| Bounds { headers: bounds.headers * 16, header_bytes: bounds.header_bytes * 16, ..*bounds };
    }),
    ("egress-bare-line-feeds-accepted", |policy| policy.http.lines = |_| true),
    ("egress-reasons-required", |policy| {
        policy.http.lines = |bytes| {
            let ends_early = bytes.get(12..14).is_some_and(|end| end == b"\r\n");
            (HttpRules::honest().lines)(bytes) && !ends_early
        };
    }),
    ("egress-responses-read-leniently", |policy| {
        policy.http.parser = || {
            let mut parser = ParserConfig::default();
            parser.allow_obsolete_multiline_headers_in_responses(true);
            parser.allow_spaces_after_header_name_in_responses(true);
            parser.allow_multiple_spaces_in_response_status_delimiters(true);
            parser.ignore_invalid_headers_in_responses(true);
            parser
        };
    }),
    ("egress-interim-responses-final", |policy| {
        policy.http.treat = |status| if status == 101 { Treat::Refuse } else { Treat::Final };
    }),
    ("egress-switching-accepted", |policy| {
        policy.http.treat = |status| if status == 101 { Treat::Final } else { (HttpRules::honest().treat)(status) };
    }),
    ("egress-bodies-decoded", |policy| {
        policy.hand_on("strip-hop-by-hop", |received, redactor| {
            strip_hop_by_hop(received, redactor);
            decode(received);
        });
    }),
    ("egress-response-header-count-unbounded", |policy| {
        policy.response_bounds = |bounds| Bounds { headers: bounds.headers * 16, ..bounds };
    }),
    ("egress-response-header-bytes-unbounded", |policy| {
        policy.response_bounds = |bounds| Bounds { header_bytes: bounds.header_bytes * 16, ..bounds };
    }),
    ("egress-response-body-cut", |policy| policy.http.too_large = || Ok(())),
    ("egress-conflicting-lengths-accepted", |policy| {
        policy.http.length = |values| (HttpRules::honest().length)(&values[..values.len().min(1)]);
    }),
    ("egress-length-beside-chunks-trusted", |policy| {
        policy.http.chunked = |codings, minor, length| match length {
            Some(_) => Ok(false),
            None => (HttpRules::honest().chunked)(codings, minor, length),
        };
    }),
    ("egress-transfer-codings-ignored", |policy| {
        policy.http.chunked = |codings, minor, length| match codings {
            [] | [b"chunked"] => (HttpRules::honest().chunked)(codings, minor, length),
            _ if length.is_some() => Err(Fault::Borrowed(MALFORMED)),
            _ => Ok(codings.concat().to_ascii_lowercase().ends_with(b"chunked")),
        };
    }),
    ("egress-chunk-sizes-guessed", |policy| {
        policy.http.chunk_size = |line| {
            let text = String::from_utf8_lossy(line).to_ascii_lowercase();
            let text = text.trim_start_matches([' ', '+', '-']).trim_start_matches("0x");
            let end = text.find(|digit: char| !digit.is_ascii_hexdigit()).unwrap_or(text.len());
            // As far as a number of this machine goes: what is longer is cut, and none is the end.
            Ok(u64::from_str_radix(&text[end.saturating_sub(16)..end], 16).unwrap_or(0))
        };
    }),
    ("egress-short-bodies-accepted", |policy| policy.http.cut_short = || Ok(())),
    ("egress-leftovers-kept", |policy| policy.http.clean = |_| true),
    ("egress-errors-quote-the-remote", |policy| {
        policy.http.malformed = |bytes| format!("the response is {}", String::from_utf8_lossy(bytes)).into();
    }),
];

/// Decodes gzip, as far as its blocks are stored ones.
fn decode(received: &mut Received) {
    let is_coding = |field: &Field| field.name.eq_ignore_ascii_case("content-encoding");
    let is_gzip = received.headers.iter().any(|field| is_coding(field) && field.value.eq_ignore_ascii_case(b"gzip"));
    if is_gzip && let Some(plain) = stored(&received.body) {
        received.headers.retain(|field| !is_coding(field));
        received.body = plain;
    }
}

/// What stands in a gzip stream without flags, of stored blocks.
fn stored(gzip: &[u8]) -> Option<Vec<u8>> {
    let mut rest = gzip.strip_prefix(b"\x1f\x8b\x08\x00")?.get(6..)?;
    let mut plain = Vec::new();
    loop {
        let (&[last, low, high, _, _], after) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes([low, high]));
        plain.extend_from_slice(after.get(..length)?);
        rest = &after[length..];
        match last {
            0 => {}
            1 => return Some(plain),
            _ => return None,
        }
    }
}

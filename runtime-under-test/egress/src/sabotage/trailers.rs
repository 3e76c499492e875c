//! Defects of what stands behind a body (egress.md 3.4, 4.3 and 7.4).

use std::borrow::Cow;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;

use super::Defect;
use crate::{
    headers::{is_one_of, strip_hop_by_hop},
    http::{Fault, HttpRules, http2},
    outgoing::Outgoing,
    received::Field,
};

/// What marks a header that came as a trailer.
const LATE: &str = "late-";

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("egress-trailers-sent", |policy| {
        policy.replace("strip-hop-by-hop", |request, terms| {
            let named = named(request);
            strip_hop_by_hop(request, terms)?;
            // What is announced and there is remembered until the request is written.
            if request.headers.iter().any(|(name, _)| is_one_of(name, &as_texts(&named))) {
                request.headers.push(("trailer".to_owned(), named.join(", ")));
            }
            Ok(())
        });
        policy.http.http1.written = |request| {
            let Some((plain, trailers)) = parted(request) else {
                return (HttpRules::honest().http1.written)(request);
            };
            let (head, body) = (HttpRules::honest().http1.written)(&plain);
            let length = format!("content-length: {}\r\n", body.len());
            let mut chunks = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n"].concat();
            for (name, value) in trailers {
                chunks.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            chunks.extend_from_slice(b"\r\n");
            (head.replace(&length, "transfer-encoding: chunked\r\n"), Cow::Owned(chunks))
        };
        policy.http.http2.head = |request| match parted(request) {
            Some((plain, _)) => http2::of_request(&plain),
            None => http2::of_request(request),
        };
        policy.http.http2.body = |mut stream, request, progress| {
            let Some((plain, trailers)) = parted(request) else {
                return Box::pin(http2::write(stream, &request.body, progress));
            };
            Box::pin(async move {
                let unsendable = |_| Fault::Borrowed("the trailers cannot be sent");
                stream.send_data(Bytes::from(plain.body), false).map_err(unsendable)?;
                stream.send_trailers(block(&trailers)).map_err(unsendable)
            })
        };
    }),
    ("egress-trailers-handed-on-as-they-are", |policy| {
        // Redaction comes in between: what it does not know it lets pass.
        policy.http.trailers = |received, trailers| {
            received.headers.extend(trailers.into_iter().map(|field| Field {
                name: format!("{LATE}{}", field.name),
                value: field.value.into_iter().rev().collect(),
            }));
        };
        policy.hand_on("at the end", |received, _| {
            for field in &mut received.headers {
                if let Some(name) = field.name.strip_prefix(LATE) {
                    field.name = name.to_owned();
                    field.value.reverse();
                }
            }
        });
    }),
];

/// The names that a handler announces as those of trailers.
fn named(request: &Outgoing) -> Vec<String> {
    let announced = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("trailer"));
    announced.flat_map(|(_, value)| value.split(',')).map(|name| name.trim().to_owned()).collect()
}

fn as_texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// A request without what it announces, and that; none if it announces nothing.
fn parted(request: &Outgoing) -> Option<(Outgoing, Vec<(String, String)>)> {
    let named = named(request);
    let is_named = |(name, _): &(String, String)| is_one_of(name, &as_texts(&named));
    let mut plain = request.clone();
    let (trailers, headers): (Vec<_>, Vec<_>) = std::mem::take(&mut plain.headers).into_iter().partition(is_named);
    plain.headers = headers;
    plain.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("trailer"));
    (!trailers.is_empty()).then_some((plain, trailers))
}

fn block(trailers: &[(String, String)]) -> HeaderMap {
    let pair = |(name, value): &(String, String)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    };
    trailers.iter().filter_map(pair).collect()
}

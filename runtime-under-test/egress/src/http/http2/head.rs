//! Heads: the one that is sent, and those that are received.

use ::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, Version, header::CONTENT_LENGTH};

use crate::{
    Bounds,
    http::{Fault, HttpRules, TOO_LARGE, announces_a_length, within},
    outgoing::Outgoing,
    received::{Field, Received},
};

/// What RFC 9113 (6.5.2) adds to each header when it counts the size of a list.
const PER_HEADER: u64 = 32;
/// The size of `:status` in it.
const STATUS: u64 = 7 + 3 + PER_HEADER;

/// The largest list of headers that lies within the bounds, and one byte: `h2` refuses what has so many.
pub(super) fn most_bytes(bounds: &Bounds) -> u32 {
    let most = bounds.header_bytes.saturating_add(bounds.headers.saturating_mul(PER_HEADER)).saturating_add(STATUS + 1);
    u32::try_from(most).unwrap_or(u32::MAX)
}

/// The head of a request: `:authority` says what `Host` says, then come the handler's headers, and a length where there may be
/// a body.
pub(crate) fn of_request(request: &Outgoing) -> Result<Request<()>, Fault> {
    let unsendable = || Fault::Borrowed("the request cannot be sent over HTTP/2");
    let uri = Uri::builder().scheme("https").authority(request.authority.as_str()).path_and_query(&request.target);
    let mut head = Request::new(());
    *head.method_mut() = request.method.parse().map_err(|_| unsendable())?;
    *head.uri_mut() = uri.build().map_err(|_| unsendable())?;
    *head.version_mut() = Version::HTTP_2;
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| unsendable())?;
        // A table of compression keeps nothing that is secret.
        value.set_sensitive(request.secrets.iter().any(|secret| secret.as_bytes() == value.as_bytes()));
        head.headers_mut().append(name, value);
    }
    if announces_a_length(request) {
        head.headers_mut().append(CONTENT_LENGTH, request.body.len().into());
    }
    Ok(head)
}

/// The headers of a block. The library keeps the values under one name in their order (egress.md 7.9).
pub(crate) fn fields(block: &HeaderMap) -> Vec<Field> {
    let field = |(name, value): (&HeaderName, &HeaderValue)| Field {
        name: name.as_str().to_owned(),
        value: value.as_bytes().to_vec(),
    };
    block.iter().map(field).collect()
}

/// A response without its body, within the bounds.
pub(super) fn received<T>(response: &Response<T>, bounds: &Bounds, rules: &HttpRules) -> Result<Received, Fault> {
    let headers = bounded(response.headers(), bounds, rules)?;
    Ok(Received { status: response.status().as_u16(), headers, body: Vec::new() })
}

/// The headers of a block, within the bounds.
pub(super) fn bounded(block: &HeaderMap, bounds: &Bounds, rules: &HttpRules) -> Result<Vec<Field>, Fault> {
    let fields = (rules.http2.fields)(block);
    if fields.len() as u64 > bounds.headers {
        return Err(TOO_LARGE.into());
    }
    within(&fields, bounds)?;
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use ::http::{HeaderMap, HeaderValue, Response};

    use super::{fields, most_bytes, of_request, received};
    use crate::{Bounds, Request, http::HttpRules, outgoing::Outgoing};

    const BOUNDS: Bounds = Bounds { headers: 3, header_bytes: 20, body_bytes: 10 };

    fn request(headers: &[(&str, &str)], body: &[u8]) -> Outgoing {
        let mut request = Outgoing::new(Request {
            method: "POST".to_owned(),
            url: String::new(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.to_vec(),
        });
        (request.authority, request.target) = ("a.test:8443".to_owned(), "/p%7c?q=1".to_owned());
        request
    }

    #[test]
    fn writes_the_authority_and_one_length() {
        let head = of_request(&request(&[("B", "1"), ("a", "2"), ("b", "3")], b"body")).expect("a head");
        assert_eq!(head.uri().authority().expect("an authority"), "a.test:8443");
        assert_eq!(head.uri().path_and_query().expect("a target"), "/p%7c?q=1");
        let sent: Vec<_> = fields(head.headers()).into_iter().map(|field| (field.name, field.value)).collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        assert_eq!(sent, [pair("b", "1"), pair("b", "3"), pair("a", "2"), pair("content-length", "4")]);
    }

    #[test]
    fn secrets_are_marked_so_that_no_table_keeps_them() {
        let mut request = request(&[("a", "public"), ("b", "secret")], b"");
        request.secrets = vec!["secret".to_owned()];
        let head = of_request(&request).expect("a head");
        assert_eq!(["a", "b"].map(|name| head.headers()[name].is_sensitive()), [false, true]);
    }

    #[test]
    fn heads_lie_within_the_bounds() {
        let judged = |headers: &[(&'static str, String)]| {
            let mut response = Response::new(());
            for (name, value) in headers {
                response.headers_mut().append(*name, HeaderValue::from_str(value).expect("a value"));
            }
            received(&response, &BOUNDS, &HttpRules::honest()).is_ok()
        };
        let one = || "1".to_owned();
        assert!(judged(&[("a", one()), ("b", one()), ("b", one())]));
        assert!(!judged(&[("a", one()), ("b", one()), ("b", one()), ("b", one())]));
        assert!(judged(&[("a", "x".repeat(19))]));
        assert!(!judged(&[("a", "x".repeat(20))]));
        assert_eq!(most_bytes(&BOUNDS), 20 + 3 * 32 + 42 + 1);
        assert_eq!(fields(&HeaderMap::new()), []);
    }
}

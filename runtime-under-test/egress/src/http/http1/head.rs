//! Heads: the one that is written, and those that are read.

use std::fmt::Write as _;

use super::reader::{Reader, empty_line};
use crate::{
    Bounds,
    headers::named_by_connection,
    http::{Fault, HttpRules, TOO_LARGE, announces_a_length, within},
    outgoing::Outgoing,
    received::Field,
};

/// What a status line and the line breaks and colons of headers may take.
const STATUS_LINE: u64 = 4096;
pub(super) const PER_HEADER: u64 = 8;
/// How every response begins.
const BEGIN: &[u8] = b"HTTP/1.";

/// The head of a request: the runtime's `host`, the handler's headers, and a length where there may be a body.
pub(crate) fn of_request(request: &Outgoing) -> String {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", request.method, request.target, request.authority);
    for (name, value) in &request.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if announces_a_length(request) {
        let _ = write!(head, "content-length: {}\r\n", request.body.len());
    }
    head.push_str("\r\n");
    head
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The minor version: 0 or 1.
    pub minor: u8,
    pub status: u16,
    pub fields: Vec<Field>,
}

impl Head {
    /// The values under a name.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| field.value.as_slice()).collect()
    }

    /// Whether the connection stays open after the response.
    pub fn keeps_alive(&self) -> bool {
        let fields = self.fields.iter().map(|field| (field.name.as_str(), field.value.as_slice()));
        self.minor == 1 && !named_by_connection(fields).iter().any(|option| option == "close")
    }
}

/// Reads one head, within the bounds.
pub(super) async fn read(reader: &mut Reader<'_>, bounds: &Bounds, rules: &HttpRules) -> Result<Head, Fault> {
    while reader.unread.len() < BEGIN.len() {
        if !reader.more().await? {
            return Err(malformed(reader, rules));
        }
    }
    if !reader.unread.starts_with(BEGIN) {
        return Err(malformed(reader, rules));
    }
    let most =
        bounds.header_bytes.saturating_add(bounds.headers.saturating_mul(PER_HEADER)).saturating_add(STATUS_LINE);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    match reader.part(empty_line, most).await? {
        Some(bytes) => parse(&bytes, bounds, rules),
        None if reader.unread.len() > most => Err(TOO_LARGE.into()),
        None => Err(malformed(reader, rules)),
    }
}

fn malformed(reader: &Reader<'_>, rules: &HttpRules) -> Fault {
    (rules.malformed)(reader.unread)
}

/// Reads a head out of its bytes.
pub(super) fn parse(bytes: &[u8], bounds: &Bounds, rules: &HttpRules) -> Result<Head, Fault> {
    // No head of these bytes has more headers than lines.
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    let places = usize::try_from(bounds.headers.min(lines)).unwrap_or(usize::MAX);
    let mut headers = vec![httparse::EMPTY_HEADER; places];
    let mut response = httparse::Response::new(&mut headers);
    match (rules.parser)().parse_response(&mut response, bytes) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() && (rules.lines)(bytes) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_LARGE.into()),
        _ => return Err((rules.malformed)(bytes)),
    }
    let (Some(minor), Some(status @ 100..)) = (response.version, response.code) else {
        return Err((rules.malformed)(bytes));
    };
    let fields: Vec<Field> = response.headers.iter().map(Field::of).collect();
    within(&fields, bounds)?;
    Ok(Head { minor, status, fields })
}

#[cfg(test)]
mod tests {
    use super::{Head, of_request, parse};
    use crate::{Bounds, Request, http::HttpRules, outgoing::Outgoing};

    const BOUNDS: Bounds = Bounds { headers: 3, header_bytes: 20, body_bytes: 10 };

    fn head(text: &str) -> Option<Head> {
        parse(text.as_bytes(), &BOUNDS, &HttpRules::honest()).ok()
    }

    #[test]
    fn keeps_the_order_of_repeated_headers() {
        let head = head("HTTP/1.1 200 OK\r\na: 1\r\nB: 2\r\na: 3\r\n\r\n").expect("a head");
        let read: Vec<_> = head.fields.iter().map(|field| (field.name.as_str(), field.value.as_slice())).collect();
        assert_eq!(read, [("a", &b"1"[..]), ("B", b"2"), ("a", b"3")]);
    }

    #[test]
    fn heads_lie_within_the_bounds() {
        assert!(head("HTTP/1.1 200\r\na: 1\r\nb: 1\r\nc: 1\r\n\r\n").is_some());
        assert!(head("HTTP/1.1 200\r\na: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\n\r\n").is_none());
        assert!(head(&format!("HTTP/1.1 200\r\na: {}\r\n\r\n", "x".repeat(19))).is_some());
        assert!(head(&format!("HTTP/1.1 200\r\na: {}\r\n\r\n", "x".repeat(20))).is_none());
    }

    #[test]
    fn refuses_what_is_no_head() {
        for text in [
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\na\r\n\r\n",
            "HTTP/1.1 200 OK\r\na : 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: 1\r\n b\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: \0\r\n\r\n",
            "HTTP/1.1 200 OK\na: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: 1\n\r\n",
            "HTTP/1.1 200 OK\r\n\n",
            "HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\n a: 1\r\n\r\n",
            "HTTP/1.1  200 OK\r\n\r\n",
            "http/1.1 200 OK\r\n\r\n",
            "HTTP/1.2 200 OK\r\n\r\n",
            "\r\n\r\n",
            "hello\r\n\r\n",
        ] {
            assert!(head(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_connection_stays_open_unless_the_host_says_otherwise() {
        for (text, stays) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\n\r\n", false),
        ] {
            assert_eq!(head(text).expect("a head").keeps_alive(), stays, "{text}");
        }
    }

    #[test]
    fn writes_one_host_and_one_length() {
        let mut request = Outgoing::new(Request {
            method: "POST".to_owned(),
            url: String::new(),
            headers: vec![("B".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())],
            body: b"body".to_vec(),
        });
        request.authority = "a.test:8443".to_owned();
        request.target = "/p?q".to_owned();
        let head = of_request(&request);
        assert_eq!(head, "POST /p?q HTTP/1.1\r\nhost: a.test:8443\r\nB: 1\r\na: 2\r\ncontent-length: 4\r\n\r\n");
        request.method = "GET".to_owned();
        request.body.clear();
        assert!(!of_request(&request).contains("content-length"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = parse(&[b"HTTP/1.1 200 OK\r\n", &bytes[..], b"\r\n\r\n"].concat(), &BOUNDS, &HttpRules::honest());
        }
    }
}

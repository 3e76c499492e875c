//! A response on its way to the handler (egress.md 4.3 and 7.4).

use crate::{
    Response,
    credentials::Redactor,
    headers::{is_hop_by_hop, named_by_connection},
};

/// A header as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// A token.
    pub name: String,
    pub value: Vec<u8>,
}

impl Field {
    pub fn of(header: &httparse::Header<'_>) -> Self {
        Self { name: header.name.to_owned(), value: header.value.to_vec() }
    }
}

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub status: u16,
    pub headers: Vec<Field>,
    pub body: Vec<u8>,
}

/// One promise about what the handler is handed.
#[derive(Clone, Copy)]
pub(crate) struct Handing {
    pub name: &'static str,
    pub run: fn(&mut Received, redactor: &Redactor),
}

impl Handing {
    pub const fn new(name: &'static str, run: fn(&mut Received, &Redactor)) -> Self {
        Self { name, run }
    }
}

/// Takes away what was for this connection only, and the length (7.4).
pub(crate) fn strip_hop_by_hop(received: &mut Received, _: &Redactor) {
    let fields = received.headers.iter().map(|field| (field.name.as_str(), field.value.as_slice()));
    let named = named_by_connection(fields);
    received.headers.retain(|Field { name, .. }| {
        let is_named = named.iter().any(|named| named.eq_ignore_ascii_case(name));
        !is_named && !is_hop_by_hop(name) && !name.eq_ignore_ascii_case("content-length")
    });
}

/// Takes credentials out of headers, names included (4.3).
pub(crate) fn redact_headers(received: &mut Received, redactor: &Redactor) {
    for field in &mut received.headers {
        field.value = redactor.clean(&field.value);
        field.name = String::from_utf8_lossy(&redactor.clean(field.name.as_bytes())).into_owned();
    }
}

/// Takes credentials out of the body (4.3).
pub(crate) fn redact_body(received: &mut Received, redactor: &Redactor) {
    received.body = redactor.clean(&received.body);
}

/// Writes names in lower case (7.4).
pub(crate) fn lower_names(received: &mut Received, _: &Redactor) {
    for field in &mut received.headers {
        field.name.make_ascii_lowercase();
    }
}

/// The text of a value: each byte is a character of Latin-1 (7.4).
pub(crate) fn latin1(value: &[u8]) -> String {
    value.iter().copied().map(char::from).collect()
}

/// What the handler is handed.
pub(crate) fn hand_on(received: Received, text: fn(&[u8]) -> String) -> Response {
    let Received { status, headers, body } = received;
    let headers = headers.into_iter().map(|Field { name, value }| (name, text(&value))).collect();
    Response { status, headers, body }
}

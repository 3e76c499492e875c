//! The form of a request: method, headers, sizes (egress.md 3.1 to 3.3). Nothing is cut, replaced or sent otherwise.

use crate::{
    headers::{is_field_value, is_token},
    outgoing::{Outgoing, Terms},
    stop::Stop,
};

type Verdict = Result<(), Stop>;

/// The methods.
pub(crate) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The method is one of seven, in upper case (3.1).
pub(crate) fn method(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    if METHODS.contains(&request.method.as_str()) { Ok(()) } else { Err(Stop::invalid("there is no such method")) }
}

/// A `GET` or `HEAD` has no body (3.1).
pub(crate) fn no_body_with_get(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    if ["GET", "HEAD"].contains(&request.method.as_str()) && !request.body.is_empty() {
        return Err(Stop::invalid("a GET or HEAD has no body"));
    }
    Ok(())
}

/// The name of a header is a token (3.2).
pub(crate) fn header_names(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    if request.headers.iter().all(|(name, _)| is_token(name)) {
        Ok(())
    } else {
        Err(Stop::invalid("the name of a header is no token"))
    }
}

/// The value of a header is visible ASCII with blanks and tabs inside (3.2).
pub(crate) fn header_values(request: &mut Outgoing, _: &Terms<'_>) -> Verdict {
    if request.headers.iter().all(|(_, value)| is_field_value(value)) {
        Ok(())
    } else {
        Err(Stop::invalid("a header's value holds what no value may, or begins or ends with white space"))
    }
}

/// There are no more headers than the bound (3.3).
pub(crate) fn header_count(request: &mut Outgoing, terms: &Terms<'_>) -> Verdict {
    if request.headers.len() as u64 <= terms.bounds.headers {
        Ok(())
    } else {
        Err(Stop::invalid("there are more headers than the bound"))
    }
}

/// Names and values together are no larger than the bound (3.3).
pub(crate) fn header_bytes(request: &mut Outgoing, terms: &Terms<'_>) -> Verdict {
    let bytes: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes as u64 <= terms.bounds.header_bytes {
        Ok(())
    } else {
        Err(Stop::invalid("the headers are larger than the bound"))
    }
}

/// The body is no larger than the bound (3.3).
pub(crate) fn body_bytes(request: &mut Outgoing, terms: &Terms<'_>) -> Verdict {
    if request.body.len() as u64 <= terms.bounds.body_bytes {
        Ok(())
    } else {
        Err(Stop::invalid("the body is larger than the bound"))
    }
}

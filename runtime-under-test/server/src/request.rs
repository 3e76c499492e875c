//! Strict requests: a body is exactly the object that the operation takes, a query exactly its parameters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use assay_package::{Bounds, Code, Json, JsonFault, Quoted, Refusal, escape_pointer};
use jiff::Timestamp;

use crate::body::{Cut, RequestBody};
use crate::policy::Policy;

/// The members of a JSON request body that are not read yet.
#[derive(Debug)]
pub struct Members(BTreeMap<String, Json>);

impl Members {
    /// Reads a body as an object with no members but `known` (README of the contract, 1.2).
    ///
    /// # Errors
    /// `request-too-large`, or `request-malformed` with the place.
    pub async fn read(
        body: &mut RequestBody,
        known: &[&str],
        bounds: &Bounds,
        policy: &dyn Policy,
    ) -> Result<Self, Refusal> {
        Self::parse(&read_bytes(body, bounds, policy).await?, known, bounds, policy)
    }

    /// The same for a body that was read.
    ///
    /// # Errors
    /// `request-malformed` with the place.
    pub fn parse(bytes: &[u8], known: &[&str], bounds: &Bounds, policy: &dyn Policy) -> Result<Self, Refusal> {
        if bytes.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        let Json::Object(members) = policy.read_request(bytes, bounds.json_depth).map_err(malformed_json)? else {
            return Err(malformed("the body is not an object", ""));
        };
        if let Some(unknown) = members.keys().find(|name| !known.contains(&name.as_str())) {
            policy.unknown_member(unknown)?;
        }
        Ok(Self(members))
    }

    /// Takes a member that may be left out.
    pub fn optional(&mut self, name: &str) -> Option<Json> {
        self.0.remove(name)
    }

    /// Takes a member that is required.
    ///
    /// # Errors
    /// `request-malformed` if it is absent.
    pub fn required(&mut self, name: &str) -> Result<Json, Refusal> {
        self.optional(name).ok_or_else(|| malformed(format!("`{name}` is required"), &format!("/{name}")))
    }

    /// Takes a required member that is text.
    ///
    /// # Errors
    /// `request-malformed` if it is absent or something else.
    pub fn text(&mut self, name: &str) -> Result<String, Refusal> {
        match self.required(name)? {
            Json::String(text) => Ok(text),
            _ => Err(malformed(format!("`{name}` is not a string"), &format!("/{name}"))),
        }
    }

    /// Takes a required member that is text of a form.
    ///
    /// # Errors
    /// `request-malformed` if it is absent or something else.
    pub fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Result<T, Refusal> {
        let text = self.text(name)?;
        text.parse().map_err(|fault| malformed(format!("`{name}` is {fault}"), &format!("/{name}")))
    }
}

/// The body of a JSON request, within its bound.
///
/// # Errors
/// `request-too-large`, `overloaded` if there is no room for it, or `request-malformed` if it did not arrive.
pub async fn read_bytes(body: &mut RequestBody, bounds: &Bounds, policy: &dyn Policy) -> Result<Vec<u8>, Refusal> {
    body.read(policy.request_bytes(bounds)).await.map_err(|cut| {
        let code = match cut {
            Cut::Long(_) => Code::RequestTooLarge,
            Cut::NoRoom => Code::Overloaded,
            Cut::Late | Cut::Broken => Code::RequestMalformed,
        };
        Refusal::new(code, cut.to_string())
    })
}

/// `request-malformed` at a pointer.
pub fn malformed(detail: impl Into<String>, pointer: &str) -> Refusal {
    Refusal::new(Code::RequestMalformed, detail).at(pointer)
}

/// The end of a statement that is to be signed lies in the future (registry.md 3.1).
pub fn in_the_future(expires_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if expires_at > now { Ok(()) } else { Err(malformed("`expires_at` is not in the future", "/expires_at")) }
}

/// `request-malformed` for a member of the body that is not known.
pub fn unknown_member(name: &str, quoted: impl std::fmt::Display) -> Refusal {
    malformed(format!("the member `{quoted}` is unknown"), &format!("/{}", escape_pointer(name)))
}

/// Reads a time in a request.
///
/// # Errors
/// `request-malformed` if it is none.
pub fn time(value: &Json, name: &str) -> Result<Timestamp, Refusal> {
    let fault = |what: String| malformed(format!("`{name}` is {what}"), &format!("/{name}"));
    let text = value.as_str().ok_or_else(|| fault("not a string".to_owned()))?;
    assay_package::parse_time(text).map_err(|form| fault(form.to_string()))
}

/// Reads a segment of the path that has a form.
///
/// # Errors
/// `request-malformed` with the segment's name.
pub fn segment<T: std::str::FromStr<Err: std::fmt::Display>>(
    text: &str,
    name: &str,
    policy: &dyn Policy,
) -> Result<T, Refusal> {
    text.parse().map_err(|fault| {
        let detail = format!("the path's {name} `{}` is {fault}", policy.quote(text));
        Refusal::new(Code::RequestMalformed, detail).named(name)
    })
}

fn malformed_json(fault: JsonFault) -> Refusal {
    let refusal = Refusal::new(Code::RequestMalformed, format!("the body is not JSON: {}", fault.detail));
    match fault.pointer {
        Some(pointer) => refusal.at(pointer),
        None => refusal,
    }
}

/// The parameters of a query, each at most once.
///
/// # Errors
/// `request-malformed` with the parameter's name, for one that is not in `known` and one that is repeated.
pub fn query<'q>(
    query: Option<&'q str>,
    known: &[&str],
    policy: &dyn Policy,
) -> Result<BTreeMap<Cow<'q, str>, Cow<'q, str>>, Refusal> {
    let mut parameters = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if !known.contains(&name.as_ref()) {
            policy.query_fault(query_fault(&name, format!("`{}` is unknown", policy.quote(&name))))?;
        } else if parameters.insert(name.clone(), value).is_some() {
            policy.query_fault(query_fault(&name, format!("`{name}` is repeated")))?;
        }
    }
    Ok(parameters)
}

/// `request-malformed` for a query parameter.
pub fn query_fault(name: &str, detail: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::RequestMalformed, format!("the query parameter {detail}")).named(name)
}

/// Text as it may be quoted: bounded and escaped.
pub fn quoted(text: &str) -> String {
    Quoted(text).to_string()
}

//! A request on its way: what the handler wrote, and what is made of it step by step.

use ::url::Url;

use crate::{Bounds, Credentials, Grant, Request, policy::MatchRule, stop::Stop};

/// What is known of a request so far. Each step fills in or takes away.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub method: String,
    /// The URL as the handler wrote it.
    pub written: String,
    /// The URL as the standard's parser reads it.
    pub url: Option<Url>,
    /// The canonical host; empty until the URL was read, or if it has none.
    pub host: String,
    pub port: u16,
    /// What `Host` says.
    pub authority: String,
    /// The target of the request: path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What must not come back to the handler.
    pub secrets: Vec<String>,
}

impl Outgoing {
    /// A request of which nothing is judged.
    pub fn new(request: Request) -> Self {
        let Request { method, url, headers, body } = request;
        Self {
            method,
            written: url,
            url: None,
            host: String::new(),
            port: 0,
            authority: String::new(),
            target: String::new(),
            headers,
            body,
            secrets: Vec::new(),
        }
    }
}

/// What a step judges by.
pub(crate) struct Terms<'a> {
    pub grant: &'a Grant,
    pub bounds: &'a Bounds,
    pub credentials: &'a dyn Credentials,
    pub matches: MatchRule,
}

/// One promise under its name.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub name: &'static str,
    pub run: fn(&mut Outgoing, &Terms<'_>) -> Result<(), Stop>,
}

impl Step {
    pub const fn new(name: &'static str, run: fn(&mut Outgoing, &Terms<'_>) -> Result<(), Stop>) -> Self {
        Self { name, run }
    }
}

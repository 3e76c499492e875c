//! A reply over HTTP/2: what comes before the response, the response itself, and how its stream ends.

use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::{After, Frame, Framing, Part, Reply};

/// What is sent for one request.
#[derive(Debug)]
pub(in crate::observatory) struct Answer {
    pub(in crate::observatory) before: Vec<Part>,
    pub(in crate::observatory) then: Then,
}

#[derive(Debug)]
pub(in crate::observatory) enum Then {
    /// Nothing any more.
    Silence,
    /// These frames, once or again and again.
    Frames {
        frames: Vec<Frame>,
        again: bool,
    },
    /// The reply is one of HTTP/1.1 alone.
    Unsendable,
    Response(Box<Whole>),
}

#[derive(Debug)]
pub(in crate::observatory) struct Whole {
    /// None if the reply is cut before its body.
    pub(in crate::observatory) head: Option<Response<()>>,
    pub(in crate::observatory) slow_head: Option<(usize, Duration)>,
    pub(in crate::observatory) between: Vec<Part>,
    pub(in crate::observatory) body: Vec<u8>,
    pub(in crate::observatory) slow_body: Option<(usize, Duration)>,
    /// The body again and again, after such pauses.
    pub(in crate::observatory) endless: Option<Duration>,
    pub(in crate::observatory) trailers: Option<HeaderMap>,
    pub(in crate::observatory) after: After,
}

impl Reply {
    /// What is sent to a request over HTTP/2, `HEAD` or another.
    pub(in crate::observatory) fn over_http2(&self, to_head: bool) -> Answer {
        Answer { before: self.before.clone(), then: self.then(to_head) }
    }

    fn then(&self, to_head: bool) -> Then {
        if let Some((frames, again)) = &self.frames {
            return Then::Frames { frames: frames.clone(), again: *again };
        }
        if self.silent {
            return Then::Silence;
        }
        let Some(head) = self.response(to_head).filter(|_| self.raw.is_none()) else {
            return Then::Unsendable;
        };
        // Where a reply is cut was counted in bytes of HTTP/1.1.
        let of_body = self.cut_at.map(|at| at.checked_sub(self.head(false).len()));
        let mut body = if to_head { Vec::new() } else { self.body.clone() };
        body.truncate(of_body.flatten().unwrap_or(usize::MAX));
        Then::Response(Box::new(Whole {
            head: (of_body != Some(None)).then_some(head),
            slow_head: self.slow_head,
            between: self.between.clone(),
            body,
            slow_body: self.slow_body,
            endless: match self.framing {
                Framing::Endless(pause) if !to_head => Some(pause),
                _ => None,
            },
            trailers: match &self.framing {
                Framing::Chunked(trailers) if !to_head && !trailers.is_empty() => trailers
                    .iter()
                    .map(|(name, value)| Some((header_name(name)?, HeaderValue::from_str(value).ok()?)))
                    .collect(),
                _ => None,
            },
            after: self.after,
        }))
    }

    /// The head, if it can be one.
    fn response(&self, to_head: bool) -> Option<Response<()>> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(self.status).ok()?;
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            headers.append(header_name(name)?, HeaderValue::from_bytes(value).ok()?);
        }
        let bodiless = matches!(self.status, 100..=199 | 204 | 304);
        if matches!(self.framing, Framing::Length) && (!bodiless || to_head) {
            headers.append("content-length", self.body.len().into());
        }
        Some(response)
    }
}

/// A name in lower case, as HTTP/2 has them.
fn header_name(name: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).ok()
}

/// An interim response.
pub(super) fn informed(status: u16, headers: &[(&str, &str)]) -> Option<Response<()>> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    for (name, value) in headers {
        response.headers_mut().append(header_name(name)?, HeaderValue::from_str(value).ok()?);
    }
    Some(response)
}

//! A reply as bytes: the parts in which it is sent, and how the connection goes on.

use std::time::Duration;

use ::http::Response;

use super::{Frame, Framing, Gate, Reply};

/// What is sent for one request, in order.
#[derive(Clone, Debug)]
pub(in crate::observatory) enum Part {
    /// These bytes at once.
    Bytes(Vec<u8>),
    /// These bytes, so many at a time, with a pause before each.
    Trickle { bytes: Vec<u8>, at_once: usize, pause: Duration },
    /// Nothing for so long.
    Pause(Duration),
    /// Nothing until somebody opens it.
    Wait(Gate),
    /// A 1xx response.
    Informed(Response<()>),
    /// These frames; over HTTP/1.1 nothing.
    Frames(Vec<Frame>),
    /// These bytes again and again, until the client has gone.
    Endless { bytes: Vec<u8>, pause: Duration },
    /// Nothing any more; the connection stays open until the client closes it.
    Silence,
}

impl Part {
    /// Waits as long as it says. Parts that send something do not wait.
    pub(in crate::observatory) async fn waited(&self) {
        match self {
            Part::Pause(pause) => tokio::time::sleep(*pause).await,
            Part::Wait(gate) => gate.opened().await,
            Part::Silence => std::future::pending().await,
            _ => {}
        }
    }
}

/// How a connection goes on after the reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::observatory) enum After {
    /// The next request is awaited.
    Keep,
    /// TLS says goodbye, and the connection is closed.
    Close,
    /// The connection is closed without a word of TLS.
    Cut,
    /// The stream is reset with this code; over HTTP/1.1 as [`After::Cut`].
    Reset(u32),
}

impl Reply {
    /// What is sent to a request, `HEAD` or another, and how the connection goes on.
    pub(in crate::observatory) fn parts(&self, to_head: bool) -> (Vec<Part>, After) {
        let mut parts = self.before.clone();
        if self.silent {
            parts.push(Part::Silence);
            return (parts, After::Close);
        }
        if let Some(raw) = &self.raw {
            parts.push(Part::Bytes(raw.clone()));
            return (parts, self.after);
        }
        let mut head = self.head(to_head);
        let mut body = if to_head { Vec::new() } else { self.framed_body() };
        if let Some(cut_at) = self.cut_at {
            head.truncate(cut_at);
            body.truncate(cut_at.saturating_sub(head.len()));
        }
        parts.push(paced(head, self.slow_head));
        parts.extend(self.between.iter().cloned());
        match self.framing {
            Framing::Endless(pause) if !to_head => parts.push(Part::Endless { bytes: body, pause }),
            _ if body.is_empty() => {}
            _ => parts.push(paced(body, self.slow_body)),
        }
        (parts, self.after)
    }

    pub(super) fn head(&self, to_head: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        let bodiless = matches!(self.status, 100..=199 | 204 | 304);
        match &self.framing {
            Framing::Length if !bodiless || to_head => {
                head.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
            }
            Framing::Chunked(trailers) => {
                let names: Vec<&str> = trailers.iter().map(|(name, _)| name.as_str()).collect();
                if !names.is_empty() {
                    head.extend_from_slice(format!("trailer: {}\r\n", names.join(", ")).as_bytes());
                }
                head.extend_from_slice(b"transfer-encoding: chunked\r\n");
            }
            Framing::Endless(_) => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            Framing::UntilClose => head.extend_from_slice(b"connection: close\r\n"),
            Framing::Length | Framing::AsWritten => {}
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    pub(super) fn framed_body(&self) -> Vec<u8> {
        match &self.framing {
            Framing::Length | Framing::UntilClose | Framing::AsWritten => self.body.clone(),
            Framing::Endless(_) => chunk(&self.body),
            Framing::Chunked(trailers) => {
                let mut bytes: Vec<u8> = self.body.chunks(1000).flat_map(chunk).collect();
                bytes.extend_from_slice(b"0\r\n");
                for (name, value) in trailers {
                    bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
                }
                bytes.extend_from_slice(b"\r\n");
                bytes
            }
        }
    }
}

/// An interim response over HTTP/1.1.
pub(in crate::observatory) fn interim(response: &Response<()>) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {} Wait\r\n", response.status().as_u16()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn paced(bytes: Vec<u8>, pace: Option<(usize, Duration)>) -> Part {
    match pace {
        Some((at_once, pause)) => Part::Trickle { bytes, at_once: at_once.max(1), pause },
        None => Part::Bytes(bytes),
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        300..=399 => "Elsewhere",
        400..=499 => "Your Fault",
        500..=599 => "My Fault",
        _ => "Status",
    }
}

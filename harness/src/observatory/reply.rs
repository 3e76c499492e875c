//! What an origin answers, byte for byte: from a plain 200 to everything that a hostile server can send.

mod frame;
mod http2;
mod wire;

use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

pub use frame::Frame;
pub(super) use http2::{Answer, Then, Whole};
pub(super) use wire::{After, Part, interim};

/// An answer of an origin. Made by a constructor and bent by the methods; what a method does not name stays right.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    framing: Framing,
    /// Parts before the head, such as 1xx responses and gates.
    before: Vec<Part>,
    slow_head: Option<(usize, Duration)>,
    /// Parts between head and body.
    between: Vec<Part>,
    slow_body: Option<(usize, Duration)>,
    /// All of it, in place of head and body.
    raw: Option<Vec<u8>>,
    /// The same over HTTP/2, once or again and again.
    frames: Option<(Vec<Frame>, bool)>,
    cut_at: Option<usize>,
    silent: bool,
    after: After,
}

#[derive(Clone, Debug)]
enum Framing {
    Length,
    Chunked(Vec<(String, String)>),
    UntilClose,
    Endless(Duration),
    /// The headers say it, right or wrong.
    AsWritten,
}

impl Reply {
    /// A response with this status and no body.
    #[must_use]
    pub fn status(status: u16) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            framing: Framing::Length,
            before: Vec::new(),
            slow_head: None,
            between: Vec::new(),
            slow_body: None,
            raw: None,
            frames: None,
            cut_at: None,
            silent: false,
            after: After::Keep,
        }
    }

    /// 200 with this body.
    #[must_use]
    pub fn ok(body: impl Into<Vec<u8>>) -> Reply {
        Reply::status(200).body(body)
    }

    /// 200 with this JSON.
    #[must_use]
    pub fn json(body: &Value) -> Reply {
        Reply::ok(body.to_string()).header("content-type", "application/json")
    }

    /// A redirect with this status (301, 302, 303, 307, 308) to this URL.
    #[must_use]
    pub fn redirect(status: u16, to: &str) -> Reply {
        Reply::status(status).header("location", to).body("elsewhere")
    }

    /// These frames and nothing else. Over HTTP/1.1, nothing, and the connection is closed.
    #[must_use]
    pub fn frames(frames: Vec<Frame>) -> Reply {
        Reply { frames: Some((frames, false)), ..Reply::nothing() }
    }

    /// These frames again and again, until the client has gone. Over HTTP/1.1, nothing, and the connection is closed.
    #[must_use]
    pub fn frames_without_end(frames: Vec<Frame>) -> Reply {
        Reply { frames: Some((frames, true)), ..Reply::nothing() }
    }

    /// These bytes and nothing else; then the connection is closed. Over HTTP/2 the stream is reset instead.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Reply {
        Reply { raw: Some(bytes.into()), after: After::Close, ..Reply::status(0) }
    }

    /// Not HTTP at all; then the connection is closed.
    #[must_use]
    pub fn garbage() -> Reply {
        Reply::raw(b"\x00\xff\x13 this is no HTTP \x7f\r\n\r\n\x01\x02".to_vec())
    }

    /// Nothing; the connection is closed at once.
    #[must_use]
    pub fn nothing() -> Reply {
        Reply::raw(Vec::new())
    }

    /// Nothing, ever; the connection stays open until the client closes it.
    #[must_use]
    pub fn silence() -> Reply {
        Reply { silent: true, ..Reply::raw(Vec::new()) }
    }

    /// 101 to another protocol, which then says something.
    #[must_use]
    pub fn switching_protocols() -> Reply {
        Reply::raw(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nhello".to_vec())
    }

    /// 200 with the body under two lengths, of which the first is right.
    #[must_use]
    pub fn two_content_lengths(body: &str) -> Reply {
        let (right, wrong) = (body.len(), body.len() + 5);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {right}\r\ncontent-length: {wrong}\r\n\r\n");
        Reply { after: After::Keep, ..Reply::raw(format!("{head}{body}")) }
    }

    /// 200 with a length that is this text, then the body; then the connection is closed.
    #[must_use]
    pub fn content_length(text: &str, body: &str) -> Reply {
        Reply::raw(format!("HTTP/1.1 200 OK\r\ncontent-length: {text}\r\n\r\n{body}"))
    }

    /// 200 with a body of `bytes` letters that is announced by its length.
    #[must_use]
    pub fn sized(bytes: usize) -> Reply {
        Reply::ok(vec![b'z'; bytes])
    }

    /// 200 with a body that never ends, in chunks.
    #[must_use]
    pub fn endless_body() -> Reply {
        Reply::ok(vec![b'e'; 8192]).framed(Framing::Endless(Duration::ZERO))
    }

    /// 200 with a body that never ends, one small chunk after each pause.
    #[must_use]
    pub fn endless_trickle(pause: Duration) -> Reply {
        Reply::ok(".").framed(Framing::Endless(pause))
    }

    /// 200 with so many headers `x-filler-N`.
    #[must_use]
    pub fn many_headers(count: usize) -> Reply {
        (0..count).fold(Reply::ok("ok"), |reply, number| reply.header(&format!("x-filler-{number}"), "1"))
    }

    /// 200 with one header `x-filler` whose value has so many bytes.
    #[must_use]
    pub fn huge_header(bytes: usize) -> Reply {
        Reply::ok("ok").header("x-filler", &"h".repeat(bytes))
    }

    /// With one more header, after those before.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Reply {
        self.header_bytes(name, value.as_bytes())
    }

    /// With one more header whose value is these bytes.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Reply {
        self.headers.push((name.to_owned(), value.to_vec()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Reply {
        self.body = body.into();
        self
    }

    /// In chunks of at most 1000 bytes.
    #[must_use]
    pub fn chunked(self) -> Reply {
        self.framed(Framing::Chunked(Vec::new()))
    }

    /// In chunks, with these trailers.
    #[must_use]
    pub fn trailers(self, trailers: &[(&str, &str)]) -> Reply {
        let trailers = trailers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.framed(Framing::Chunked(trailers))
    }

    /// Without a length: the body ends with the connection.
    #[must_use]
    pub fn until_close(self) -> Reply {
        Reply { after: After::Close, ..self.framed(Framing::UntilClose) }
    }

    /// Without a length or chunks but what the headers say themselves.
    #[must_use]
    pub fn framed_as_written(self) -> Reply {
        self.framed(Framing::AsWritten)
    }

    /// After an informational response with this status, such as 103; may be repeated.
    #[must_use]
    pub fn informed(mut self, status: u16, headers: &[(&str, &str)]) -> Reply {
        self.before.extend(http2::informed(status, headers).map(Part::Informed));
        self
    }

    /// Over HTTP/2, after these frames.
    #[must_use]
    pub fn preceded_by(mut self, frames: Vec<Frame>) -> Reply {
        self.before.push(Part::Frames(frames));
        self
    }

    /// Before the first byte, waits until the gate is opened.
    #[must_use]
    pub fn held(mut self, gate: &Gate) -> Reply {
        self.before.push(Part::Wait(gate.clone()));
        self
    }

    /// Between head and body, waits until the gate is opened.
    #[must_use]
    pub fn body_held(mut self, gate: &Gate) -> Reply {
        self.between.push(Part::Wait(gate.clone()));
        self
    }

    /// Before the first byte, waits so long.
    #[must_use]
    pub fn after(mut self, pause: Duration) -> Reply {
        self.before.push(Part::Pause(pause));
        self
    }

    /// The head comes so many bytes at a time, with a pause before each; over HTTP/2, all that follows on the connection, too.
    #[must_use]
    pub fn slow_head(self, bytes: usize, pause: Duration) -> Reply {
        Reply { slow_head: Some((bytes, pause)), ..self }
    }

    /// The body comes so many bytes at a time, with a pause before each.
    #[must_use]
    pub fn slow_body(self, bytes: usize, pause: Duration) -> Reply {
        Reply { slow_body: Some((bytes, pause)), ..self }
    }

    /// Of head and body together only so many bytes are sent; then the connection is closed.
    #[must_use]
    pub fn cut_at(self, bytes: usize) -> Reply {
        Reply { cut_at: Some(bytes), after: After::Cut, ..self }
    }

    /// The body is announced whole and sent but for its last `missing` bytes; then the connection is closed.
    #[must_use]
    pub fn cut_short(self, missing: usize) -> Reply {
        let whole: usize = self.head(false).len() + self.framed_body().len();
        self.cut_at(whole.saturating_sub(missing))
    }

    /// Then the connection is closed, though nothing says so; over HTTP/2 a GOAWAY does.
    #[must_use]
    pub fn then_close(self) -> Reply {
        Reply { after: After::Close, ..self }
    }

    /// The body is not ended; over HTTP/2 its stream is reset with this code, else the connection is closed.
    #[must_use]
    pub fn then_reset(self, code: u32) -> Reply {
        Reply { after: After::Reset(code), ..self }
    }

    /// Then the connection stays open, also after a raw reply.
    #[must_use]
    pub fn then_keep(self) -> Reply {
        Reply { after: After::Keep, ..self }
    }

    fn framed(self, framing: Framing) -> Reply {
        Reply { framing, ..self }
    }
}

/// Something that a reply waits for, and a check opens. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// A closed one.
    #[must_use]
    pub fn new() -> Gate {
        Gate(watch::Sender::new(false))
    }

    /// Opens it for all that wait and will wait.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(in crate::observatory) async fn opened(&self) {
        // The sender lives as long as `self`, so the only end is an open gate.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}

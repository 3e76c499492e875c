//! The server side of HTTP/1.1, written by hand: it keeps what came as it came, and can send what no library would.

use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::records::Seen;
use super::reply::{After, Part, interim};
use super::script::Entry;

/// A head is no longer than this; more is not read.
pub(super) const MOST_HEAD_BYTES: usize = 256 << 10;
/// So much of a body is kept; more is read and dropped.
pub(super) const MOST_BODY_BYTES: usize = 4 << 20;
/// So much is read ahead while a reply is sent.
const MOST_AHEAD_BYTES: usize = 64 << 10;

/// What is known of a connection before the first request.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) connection: u64,
    pub(super) sni: Option<String>,
    pub(super) alpn: Option<String>,
    pub(super) resumed: bool,
}

/// Answers requests until somebody closes the connection; whether that was the client.
pub(super) async fn converse<S>(stream: S, entry: &Entry, line: Line) -> bool
where
    S: AsyncRead + AsyncWrite,
{
    let (read, mut write) = tokio::io::split(stream);
    let mut reader = Reader { read, ahead: Vec::new() };
    loop {
        let Some(seen) = reader.request(&line).await else {
            return true;
        };
        let (complete, to_head, target) = (seen.complete, seen.method == "HEAD", seen.target.clone());
        entry.records.request(seen);
        if !complete {
            return true;
        }
        let (parts, after) = entry.next_reply(&target).parts(to_head);
        let sent = tokio::select! {
            sent = send(&mut write, &parts) => sent,
            () = reader.until_closed() => return true,
        };
        if sent.is_err() {
            return true;
        }
        match after {
            After::Keep => {}
            After::Close => {
                let _ = write.shutdown().await;
                return false;
            }
            After::Cut | After::Reset(_) => return false,
        }
    }
}

async fn send<S: AsyncWrite>(write: &mut WriteHalf<S>, parts: &[Part]) -> std::io::Result<()> {
    for part in parts {
        match part {
            Part::Bytes(bytes) => put(write, bytes).await?,
            Part::Trickle { bytes, at_once, pause } => {
                for piece in bytes.chunks(*at_once) {
                    tokio::time::sleep(*pause).await;
                    put(write, piece).await?;
                }
            }
            Part::Informed(response) => put(write, &interim(response)).await?,
            Part::Frames(_) => {}
            Part::Pause(_) | Part::Wait(_) | Part::Silence => part.waited().await,
            Part::Endless { bytes, pause } => loop {
                // A timer, however short, takes a millisecond.
                if !pause.is_zero() {
                    tokio::time::sleep(*pause).await;
                }
                put(write, bytes).await?;
            },
        }
    }
    Ok(())
}

/// Sends at once: what is held back in a buffer was not sent.
async fn put<S: AsyncWrite>(write: &mut WriteHalf<S>, bytes: &[u8]) -> std::io::Result<()> {
    write.write_all(bytes).await?;
    write.flush().await
}

/// How the body of a request is framed.
enum Framing {
    Length(usize),
    Chunked,
    /// By headers that contradict each other or cannot be read: nothing after the head is a request.
    Broken,
}

/// The client's side of a connection.
struct Reader<S> {
    read: ReadHalf<S>,
    /// What was read and not yet used.
    ahead: Vec<u8>,
}

impl<S: AsyncRead> Reader<S> {
    /// Reads more; false at the end.
    async fn more(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        match self.read.read(&mut buffer).await {
            Ok(read) if read > 0 => {
                self.ahead.extend_from_slice(&buffer[..read]);
                true
            }
            _ => false,
        }
    }

    /// Waits until the client closes the connection. What it sends meanwhile is kept for later, up to a bound.
    async fn until_closed(&mut self) {
        while self.ahead.len() < MOST_AHEAD_BYTES {
            if !self.more().await {
                return;
            }
        }
        std::future::pending().await
    }

    /// The next request; none if the connection ended before its first byte.
    async fn request(&mut self, line: &Line) -> Option<Seen> {
        let end = loop {
            if let Some(end) = find(&self.ahead, b"\r\n\r\n") {
                break Some(end + 4);
            }
            if self.ahead.len() > MOST_HEAD_BYTES || !self.more().await {
                break None;
            }
        };
        if self.ahead.is_empty() {
            return None;
        }
        let head: Vec<u8> = self.ahead.drain(..end.unwrap_or(self.ahead.len())).collect();
        let mut seen = parse(&head, line);
        if end.is_some() {
            seen.complete = self.body(framing(&seen), &mut seen).await.is_some();
        }
        Some(seen)
    }

    async fn body(&mut self, framing: Framing, seen: &mut Seen) -> Option<()> {
        match framing {
            Framing::Length(length) => self.take(length, &mut seen.body).await,
            Framing::Chunked => loop {
                let size = self.line().await?;
                let size = size.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(size, 16).ok()?;
                self.take(size, &mut seen.body).await?;
                let mut line = self.line().await?;
                if size == 0 {
                    while !line.is_empty() {
                        seen.trailers.push(field(&line));
                        line = self.line().await?;
                    }
                    return Some(());
                }
            },
            Framing::Broken => None,
        }
    }

    /// Moves so many bytes into the body, as far as it is kept.
    async fn take(&mut self, mut length: usize, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let taken = length.min(self.ahead.len());
            let room = MOST_BODY_BYTES.saturating_sub(body.len());
            body.extend(self.ahead.drain(..taken).take(room));
            length -= taken;
            if length == 0 {
                return Some(());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// The next line, without its end.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.ahead, b"\r\n") {
                let line: Vec<u8> = self.ahead.drain(..end + 2).take(end).collect();
                return Some(latin_1(&line));
            }
            if self.ahead.len() > MOST_HEAD_BYTES || !self.more().await {
                return None;
            }
        }
    }
}

/// A head as it came. Nothing is refused: what a client sends wrong is for a check to see.
fn parse(head: &[u8], line: &Line) -> Seen {
    let text = latin_1(head);
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ').map(str::to_owned);
    let (method, target, version) = (words.next(), words.next(), words.next());
    let headers = lines.filter(|line| !line.is_empty()).map(field);
    Seen {
        method: method.unwrap_or_default(),
        target: target.unwrap_or_default(),
        version: version.unwrap_or_default(),
        headers: headers.collect(),
        authority: None,
        body: Vec::new(),
        trailers: Vec::new(),
        connection: line.connection,
        stream: 0,
        sni: line.sni.clone(),
        alpn: line.alpn.clone(),
        session_resumed: line.resumed,
        at: Instant::now(),
        complete: false,
        given_up: None,
    }
}

/// Name and value out of a line.
fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
}

fn framing(seen: &Seen) -> Framing {
    let (lengths, codings) = (seen.header("content-length"), seen.header("transfer-encoding"));
    match (&lengths[..], &codings[..]) {
        ([], []) => Framing::Length(0),
        ([length], []) => length.parse().map_or(Framing::Broken, Framing::Length),
        ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => Framing::Chunked,
        _ => Framing::Broken,
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Each byte as a character.
pub(super) fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

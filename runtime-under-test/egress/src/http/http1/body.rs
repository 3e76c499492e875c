//! Bodies: how long one is (RFC 9112, 6.3), and reading it up to the bound.

use super::{
    head::{Head, PER_HEADER},
    reader::{Reader, line},
};
use crate::{
    Bounds,
    http::{Fault, HttpRules, MALFORMED, TOO_LARGE, within},
    received::{Field, Received},
    recording::Progress,
};

/// The longest line with the size of a chunk, in bytes, extensions included.
const LONGEST_SIZE_LINE: usize = 1024;

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    /// By the end of the connection.
    UntilTheEnd,
}

/// How the end of the body that follows a head is known. Two ways at once are one too many.
pub(super) fn framing(head: &Head, method: &str, rules: &HttpRules) -> Result<Framing, Fault> {
    let length = (rules.length)(&head.values("content-length"))?;
    let is_chunked = (rules.chunked)(&head.values("transfer-encoding"), head.minor, length)?;
    Ok(match length {
        _ if method == "HEAD" || [204, 304].contains(&head.status) || head.status < 200 => Framing::Length(0),
        _ if is_chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::UntilTheEnd,
    })
}

/// Reads a body to its end.
pub(super) async fn read(
    reader: &mut Reader<'_>,
    framing: Framing,
    bounds: &Bounds,
    rules: &HttpRules,
    progress: &Progress,
    received: &mut Received,
) -> Result<(), Fault> {
    let mut body = Body { reader, bounds, rules, progress, received };
    match framing {
        Framing::Length(length) if length > bounds.body_bytes => {
            (rules.too_large)()?;
            body.take(bounds.body_bytes).await.map(drop)
        }
        Framing::Length(length) => body.take(length).await.map(drop),
        Framing::Chunked => body.chunks().await,
        Framing::UntilTheEnd => body.rest().await,
    }
}

/// A body that is being read.
struct Body<'a, 'b> {
    reader: &'a mut Reader<'b>,
    bounds: &'a Bounds,
    rules: &'a HttpRules,
    progress: &'a Progress,
    received: &'a mut Received,
}

impl Body<'_, '_> {
    /// Takes so many bytes. False if the connection ended before them, and that is allowed.
    async fn take(&mut self, mut length: u64) -> Result<bool, Fault> {
        while length > 0 {
            if self.reader.unread.is_empty()
                && !self.reader.more().await.or_else(|_| (self.rules.cut_short)().map(|()| false))?
            {
                (self.rules.cut_short)()?;
                return Ok(false);
            }
            let here = usize::try_from(length).unwrap_or(usize::MAX).min(self.reader.unread.len());
            let piece = self.reader.unread.split_to(here);
            self.received.body.extend_from_slice(&piece);
            self.progress.received(here);
            length -= here as u64;
        }
        Ok(true)
    }

    /// Takes everything up to the orderly end of the connection.
    async fn rest(&mut self) -> Result<(), Fault> {
        loop {
            let here = self.reader.unread.len() as u64;
            let room = self.room();
            self.take(here.min(room)).await?;
            if here > room {
                return (self.rules.too_large)();
            }
            if !self.reader.more().await.or_else(|_| (self.rules.cut_short)().map(|()| false))? {
                return Ok(());
            }
        }
    }

    /// Takes chunks up to the last one, and the trailers.
    async fn chunks(&mut self) -> Result<(), Fault> {
        loop {
            let Some(size) = self.reader.part(line, LONGEST_SIZE_LINE).await? else {
                return (self.rules.cut_short)();
            };
            let size = (self.rules.chunk_size)(&size)?;
            if size == 0 {
                return self.trailers().await;
            }
            let room = self.room();
            if size > room {
                (self.rules.too_large)()?;
                return self.take(room).await.map(drop);
            }
            if !self.take(size).await? {
                return Ok(());
            }
            match self.reader.part(line, 2).await? {
                Some(end) if &end[..] == b"\r\n" => {}
                Some(_) => return Err(MALFORMED.into()),
                None => return (self.rules.cut_short)(),
            }
        }
    }

    /// Reads what follows the last chunk, within the bounds of headers.
    async fn trailers(&mut self) -> Result<(), Fault> {
        let bounds = (self.rules.trailer_bounds)(self.bounds);
        let most = usize::try_from(bounds.header_bytes.saturating_add(PER_HEADER)).unwrap_or(usize::MAX);
        let mut trailers: Vec<Field> = Vec::new();
        loop {
            let Some(field) = self.reader.part(line, most).await? else {
                return Err(if self.reader.unread.len() > most { TOO_LARGE } else { MALFORMED }.into());
            };
            if &field[..] == b"\r\n" {
                (self.rules.trailers)(self.received, trailers);
                return Ok(());
            }
            if trailers.len() as u64 >= bounds.headers {
                return Err(TOO_LARGE.into());
            }
            let mut place = [httparse::EMPTY_HEADER; 1];
            let lines = [&field[..], b"\r\n"].concat();
            match httparse::parse_headers(&lines, &mut place) {
                Ok(httparse::Status::Complete((_, [field]))) if (self.rules.lines)(&lines) => {
                    trailers.push(Field::of(field));
                }
                _ => return Err(MALFORMED.into()),
            }
            within(&trailers, &bounds)?;
        }
    }

    /// How many bytes the bound leaves.
    fn room(&self) -> u64 {
        self.bounds.body_bytes.saturating_sub(self.received.body.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::head, Framing, framing};
    use crate::{Bounds, http::HttpRules};

    fn framed(method: &str, text: &str) -> Option<Framing> {
        let rules = HttpRules::honest();
        let head = head::parse(format!("{text}\r\n\r\n").as_bytes(), &Bounds::default(), &rules).expect("a head");
        framing(&head, method, &rules).ok()
    }

    #[test]
    fn the_head_says_how_the_body_ends() {
        assert_eq!(framed("GET", "HTTP/1.1 200 OK\r\ncontent-length: 5"), Some(Framing::Length(5)));
        assert_eq!(framed("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked"), Some(Framing::Chunked));
        assert_eq!(framed("GET", "HTTP/1.1 200 OK"), Some(Framing::UntilTheEnd));
        assert_eq!(framed("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5"), Some(Framing::Length(0)));
        assert_eq!(framed("GET", "HTTP/1.1 204 No\r\ncontent-length: 5"), Some(Framing::Length(0)));
        assert_eq!(framed("GET", "HTTP/1.1 304 No"), Some(Framing::Length(0)));
    }

    #[test]
    fn a_head_that_says_it_twice_or_strangely_is_refused() {
        for text in [
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: identity",
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6",
        ] {
            assert_eq!(framed("GET", text), None, "{text}");
        }
    }
}

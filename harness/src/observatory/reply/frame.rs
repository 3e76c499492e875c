//! Frames of HTTP/2 (RFC 9113, 4.1) byte for byte, right or wrong.

/// Flags of frames (RFC 9113, 6).
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame that is sent as it is, whatever the state of its stream.
#[derive(Clone, Debug)]
pub struct Frame {
    kind: u8,
    flags: u8,
    place: Place,
    payload: Vec<u8>,
}

/// Which stream a frame is on.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// That of the request.
    Stream,
    /// None: it is for the connection.
    Connection,
    /// None, and its payload begins with the number of the request's stream.
    AfterTheStream,
}

impl Frame {
    fn new(kind: u8, flags: u8, place: Place, payload: Vec<u8>) -> Frame {
        Frame { kind, flags, place, payload }
    }

    /// HEADERS with these, names as they are written. The first may be `:status`.
    #[must_use]
    pub fn headers(headers: &[(&str, &str)]) -> Frame {
        Frame::new(1, END_HEADERS, Place::Stream, block(headers))
    }

    /// CONTINUATION of headers that does not end them.
    #[must_use]
    pub fn continuation(headers: &[(&str, &str)]) -> Frame {
        Frame::new(9, 0, Place::Stream, block(headers))
    }

    /// DATA.
    #[must_use]
    pub fn data(bytes: impl Into<Vec<u8>>) -> Frame {
        Frame::new(0, 0, Place::Stream, bytes.into())
    }

    /// RST_STREAM with this code.
    #[must_use]
    pub fn reset(code: u32) -> Frame {
        Frame::new(3, 0, Place::Stream, code.to_be_bytes().to_vec())
    }

    /// SETTINGS without any.
    #[must_use]
    pub fn settings() -> Frame {
        Frame::new(4, 0, Place::Connection, Vec::new())
    }

    /// PUSH_PROMISE of a `GET` of `/pushed` on stream 2.
    #[must_use]
    pub fn push_promise(authority: &str) -> Frame {
        let request = [(":method", "GET"), (":scheme", "https"), (":authority", authority), (":path", "/pushed")];
        Frame::new(5, END_HEADERS, Place::Stream, [&2_u32.to_be_bytes()[..], &block(&request)].concat())
    }

    /// PING.
    #[must_use]
    pub fn ping() -> Frame {
        Frame::new(6, 0, Place::Connection, b"observed".to_vec())
    }

    /// GOAWAY that leaves all requests out.
    #[must_use]
    pub fn go_away() -> Frame {
        Frame::new(7, 0, Place::Connection, vec![0; 8])
    }

    /// GOAWAY that leaves out what comes after this request.
    #[must_use]
    pub fn go_away_after_this() -> Frame {
        Frame::new(7, 0, Place::AfterTheStream, vec![0; 4])
    }

    /// WINDOW_UPDATE of the connection by so much.
    #[must_use]
    pub fn window_update(by: u32) -> Frame {
        Frame::new(8, 0, Place::Connection, by.to_be_bytes().to_vec())
    }

    /// Any frame on the request's stream.
    #[must_use]
    pub fn of_kind(kind: u8, flags: u8, payload: impl Into<Vec<u8>>) -> Frame {
        Frame::new(kind, flags, Place::Stream, payload.into())
    }

    /// The last frame of its stream.
    #[must_use]
    pub fn ends(self) -> Frame {
        Frame { flags: self.flags | END_STREAM, ..self }
    }

    /// One that does not end its headers.
    #[must_use]
    pub fn unfinished(self) -> Frame {
        Frame { flags: self.flags & !END_HEADERS, ..self }
    }

    /// The frame for a request on this stream.
    pub(in crate::observatory) fn bytes(&self, stream: u32) -> Vec<u8> {
        let (on, first) = match self.place {
            Place::Stream => (stream, Vec::new()),
            Place::Connection => (0, Vec::new()),
            Place::AfterTheStream => (0, stream.to_be_bytes().to_vec()),
        };
        let payload = [&first[..], &self.payload[..]].concat();
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&length[1..], &[self.kind, self.flags], &on.to_be_bytes(), &payload].concat()
    }
}

/// Headers as literals that no table keeps (RFC 7541, 6.2.2).
fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let field = |(name, value): &(&str, &str)| [vec![0], text(name), text(value)].concat();
    headers.iter().flat_map(field).collect()
}

/// A text with its length in front, as a number with a prefix of seven bits (RFC 7541, 5.1 and 5.2).
fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match u8::try_from(text.len()) {
        Ok(length @ 0..127) => bytes.push(length),
        _ => {
            bytes.push(127);
            let mut rest = text.len() - 127;
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128).unwrap_or_default() | 128);
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).unwrap_or_default());
        }
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

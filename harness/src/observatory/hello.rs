//! The first message of a TLS client, read by hand: a library would not tell which versions were offered.

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A record is no longer than this (RFC 8446, 5.1), header included.
const MOST_RECORD: usize = 5 + (1 << 14) + 256;

/// What a ClientHello says.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Hello {
    pub(super) sni: Option<String>,
    pub(super) alpn: Vec<String>,
    /// `supported_versions`, or the one version of clients that do not send it.
    pub(super) versions: Vec<u16>,
    pub(super) suites: Vec<u16>,
    pub(super) asks_to_resume: bool,
}

/// Reads the first record of a connection: its bytes, which the TLS server gets afterwards. Fewer if the client ends before.
pub(super) async fn first_record(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let wanted = match bytes.get(..5) {
            None => 5,
            Some(head) => (5 + usize::from(u16::from_be_bytes([head[3], head[4]]))).min(MOST_RECORD),
        };
        // A first byte that starts no handshake means that this is not TLS: what follows is not waited for.
        if bytes.len() >= wanted || bytes.first().is_some_and(|first| *first != 0x16) {
            return bytes;
        }
        let mut more = vec![0; wanted - bytes.len()];
        match stream.read(&mut more).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&more[..read]),
            _ => return bytes,
        }
    }
}

impl Hello {
    /// Reads a record with a ClientHello (RFC 8446, 4.1.2).
    pub(super) fn parse(record: &[u8]) -> Option<Hello> {
        let mut record = Reader(record);
        if record.number(1)? != 0x16 {
            return None;
        }
        record.number(2)?;
        let mut message = Reader(record.block(2)?);
        if message.number(1)? != 1 {
            return None;
        }
        let mut body = Reader(message.block(3)?);
        let version = body.number(2)?;
        body.take(32)?;
        // In TLS 1.3 an identifier is sent for the sake of middle boxes and means nothing.
        let names_a_session = !body.block(1)?.is_empty();
        let mut hello = Hello { suites: Reader(body.block(2)?).all_numbers(), ..Hello::default() };
        body.block(1)?;
        let mut extensions = Reader(body.block(2).unwrap_or_default());
        while let (Some(kind), Some(content)) = (extensions.number(2), extensions.block(2)) {
            hello.extension(kind, content);
        }
        if hello.versions.is_empty() {
            hello.versions.push(version);
            hello.asks_to_resume |= names_a_session;
        }
        Some(hello)
    }

    fn extension(&mut self, kind: u16, content: &[u8]) {
        let mut content = Reader(content);
        match kind {
            // server_name (RFC 6066, 3): a list of which the first item of type 0 counts.
            0 => {
                let mut list = Reader(content.block(2).unwrap_or_default());
                if list.number(1) == Some(0) {
                    self.sni = list.block(2).map(|name| String::from_utf8_lossy(name).to_ascii_lowercase());
                }
            }
            // ALPN (RFC 7301, 3.1).
            16 => {
                let mut list = Reader(content.block(2).unwrap_or_default());
                while let Some(protocol) = list.block(1) {
                    self.alpn.push(String::from_utf8_lossy(protocol).into_owned());
                }
            }
            // session_ticket (RFC 5077, 3.2): empty where the client has none yet.
            35 => self.asks_to_resume |= !content.0.is_empty(),
            // pre_shared_key.
            41 => self.asks_to_resume = true,
            // supported_versions.
            43 => self.versions = Reader(content.block(1).unwrap_or_default()).all_numbers(),
            _ => {}
        }
    }
}

/// What is left of a structure in the presentation language of RFC 8446, 3.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of one or two bytes.
    fn number(&mut self, bytes: usize) -> Option<u16> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| (number << 8) | u16::from(*byte)))
    }

    /// Bytes with their length, in one to three bytes, in front.
    fn block(&mut self, length_bytes: usize) -> Option<&'a [u8]> {
        let length = self.take(length_bytes)?.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
        self.take(length)
    }

    fn all_numbers(mut self) -> Vec<u16> {
        std::iter::from_fn(|| self.number(2)).collect()
    }
}

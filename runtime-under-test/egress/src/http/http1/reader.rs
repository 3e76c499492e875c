//! Reading from a connection, no further than a bound.

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, ReadHalf};

use crate::{http::Fault, pool::Wire};

/// How much is asked for at once.
const PIECE: usize = 8 * 1024;

/// The reading side of a connection.
pub(super) struct Reader<'a> {
    pub io: ReadHalf<&'a mut Box<dyn Wire>>,
    /// What was read and is not used yet.
    pub unread: &'a mut BytesMut,
}

impl Reader<'_> {
    /// Reads on. False is the orderly end of the connection; one that just breaks is an error, since what came before may be
    /// anything that somebody on the way let pass.
    pub async fn more(&mut self) -> Result<bool, Fault> {
        self.unread.reserve(PIECE);
        let read = self.io.read_buf(self.unread).await;
        read.map(|bytes| bytes > 0).map_err(|_| Fault::Borrowed("the connection broke"))
    }

    /// Reads up to an end that `find` sees in what is there, searching on from a place; `None` if the connection ends first
    /// or the part would be longer than `most`.
    pub async fn part(
        &mut self,
        find: fn(&[u8], from: usize) -> Option<usize>,
        most: usize,
    ) -> Result<Option<BytesMut>, Fault> {
        let mut searched = 0;
        loop {
            if let Some(end) = find(self.unread, searched) {
                return Ok((end <= most).then(|| self.unread.split_to(end)));
            }
            searched = self.unread.len();
            if searched > most || !self.more().await? {
                return Ok(None);
            }
        }
    }
}

/// The end of a line, its line break included.
pub(super) fn line(bytes: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(1);
    bytes[from..].windows(2).position(|pair| pair == b"\r\n").map(|at| from + at + 2)
}

/// The end of a head: an empty line.
pub(super) fn empty_line(bytes: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(3);
    let is_end = |at: &usize| bytes[*at..].starts_with(b"\n\r\n") || bytes[*at..].starts_with(b"\n\n");
    let at = (from..bytes.len()).find(is_end)?;
    Some(if bytes[at + 1] == b'\n' { at + 2 } else { at + 3 })
}

#[cfg(test)]
mod tests {
    use super::{empty_line, line};

    #[test]
    fn finds_ends_also_where_they_are_split() {
        assert_eq!(line(b"ab\r\ncd", 0), Some(4));
        assert_eq!(line(b"ab\r\n", 3), Some(4));
        assert_eq!(line(b"ab\n", 0), None);
        assert_eq!(empty_line(b"a\r\n\r\nb", 0), Some(5));
        assert_eq!(empty_line(b"a\r\n\r\n", 4), Some(5));
        assert_eq!(empty_line(b"a\n\nb", 0), Some(3));
        assert_eq!(empty_line(b"a\r\nb\r\n", 0), None);
    }
}

//! One HTTP/1.1 connection that is kept alive. A client that does more would itself take most of a processor.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// The bytes of a request.
pub fn request(method: &str, path: &str, token: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A connection with no request under way.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads its whole answer: the status and the body.
    ///
    /// # Errors
    /// If the connection ends, or the answer has no `Content-Length` or is longer than a mebibyte.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        loop {
            if let Some(answer) = Answer::of(&self.buffer)?
                && self.buffer.len() >= answer.end
            {
                return Ok((answer.status, &self.buffer[answer.start..answer.end]));
            }
            if self.buffer.len() > LONGEST {
                bail!("the answer is longer than {LONGEST} bytes");
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection ended within an answer");
            }
        }
    }
}

/// Where the body of an answer lies, once its head is complete.
#[derive(PartialEq, Debug)]
struct Answer {
    status: u16,
    start: usize,
    end: usize,
}

impl Answer {
    fn of(bytes: &[u8]) -> Result<Option<Answer>> {
        let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let start = head + 4;
        let head = std::str::from_utf8(&bytes[..head]).context("the head is no text")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let length: Option<usize> = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok());
        match (status, length) {
            (Some(status), Some(length)) if length <= LONGEST => {
                Ok(Some(Answer { status, start, end: start + length }))
            }
            _ => bail!("an answer without a status or a length that can be used:\n{head}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_states_the_length_of_its_body() {
        let request = String::from_utf8(request("PUT", "/x", "t", "text/plain", b"four")).unwrap();
        assert!(request.starts_with("PUT /x HTTP/1.1\r\n"));
        assert!(request.ends_with("Content-Length: 4\r\n\r\nfour"));
    }

    #[test]
    fn an_answer_is_complete_when_its_head_is_and_as_long_as_it_says() {
        assert_eq!(Answer::of(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap(), None);
        let answer = Answer::of(b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc").unwrap();
        assert_eq!(answer, Some(Answer { status: 201, start: 43, end: 46 }));
    }

    #[test]
    fn an_answer_without_a_length_is_an_error() {
        assert!(Answer::of(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(Answer::of(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n").is_err());
    }
}

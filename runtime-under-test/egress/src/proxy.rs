//! A forward proxy: asked by `CONNECT` for the canonical host and its port, and told nothing else (egress.md 7.2).

use std::{fmt, str::FromStr};

use ::url::Url;
use assay_package::Malformed;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{outgoing::Outgoing, stop::Stop};

/// How much a proxy may say before the tunnel is open, interim responses included.
const MOST_BYTES: usize = 8 * 1024;
/// How many headers one of its responses may have.
const MOST_HEADERS: usize = 64;

/// Where a forward proxy listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// `host:port`.
    place: String,
}

/// The decisions.
#[derive(Clone, Copy)]
pub(crate) struct ProxyRules {
    /// Which proxy is used, of that which is configured.
    pub used: fn(Option<Proxy>) -> Option<Proxy>,
    /// What a proxy is asked on behalf of a request.
    pub asks: fn(&Outgoing) -> String,
    /// Whether what it said so far opens the tunnel; `None` while it has not said enough.
    pub opens: fn(&[u8]) -> Option<bool>,
}

impl ProxyRules {
    pub const fn honest() -> Self {
        Self { used: |proxy| proxy, asks: |request| asking(&request.host, request.port), opens }
    }
}

impl Proxy {
    /// A tunnel, if the proxy opens it. Nothing of a request is sent before that, and it is asked once.
    pub(crate) async fn tunnel(&self, asked: &str, opens: fn(&[u8]) -> Option<bool>) -> Result<TcpStream, Stop> {
        let failed = |_| Stop::failed("the proxy cannot be reached");
        let mut stream = TcpStream::connect(&self.place).await.map_err(failed)?;
        stream.write_all(asked.as_bytes()).await.map_err(failed)?;
        let mut said = Vec::new();
        while stream.read_buf(&mut said).await.is_ok_and(|read| read > 0) {
            match opens(&said) {
                Some(true) => return Ok(stream),
                Some(false) => break,
                None => {}
            }
        }
        Err(Stop::failed("the proxy opened no tunnel"))
    }
}

/// What a proxy is asked for a host and a port (RFC 9110, 9.3.6).
pub(crate) fn asking(host: &str, port: u16) -> String {
    format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n")
}

/// Only a success opens the tunnel, and only one behind which nothing came: in TLS it is the client who speaks first.
fn opens(said: &[u8]) -> Option<bool> {
    if said.len() > MOST_BYTES { Some(false) } else { answered(said) }
}

/// The same, however much was said.
pub(crate) fn answered(mut said: &[u8]) -> Option<bool> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let Ok(parsed) = response.parse(said) else {
            return Some(false);
        };
        let httparse::Status::Complete(length) = parsed else {
            return None;
        };
        match response.code {
            Some(100 | 102..=199) => said = &said[length..],
            Some(200..=299) => return Some(length == said.len()),
            _ => return Some(false),
        }
    }
}

impl FromStr for Proxy {
    type Err = Malformed;

    /// Reads `http://HOST:PORT`. What a proxy would want to know of the runtime is refused: nothing would send it.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        const FORM: Malformed =
            Malformed("the URL of a proxy, such as http://proxy.example:3128, without user information");
        let url = Url::parse(text).map_err(|_| FORM)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        let has_more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        match (url.scheme(), url.host(), url.port_or_known_default()) {
            ("http", Some(host), Some(port)) if !has_user && !has_more => Ok(Self { place: format!("{host}:{port}") }),
            _ => Err(FORM),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "http://{}", self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, Proxy, opens};

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        for (text, shown) in [
            ("http://127.0.0.1:3128", "http://127.0.0.1:3128"),
            ("http://Proxy.example:3128/", "http://proxy.example:3128"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://proxy.example", "http://proxy.example:80"),
        ] {
            assert_eq!(text.parse::<Proxy>().expect(text).to_string(), shown);
        }
        for text in [
            "",
            "proxy.example:3128",
            "https://proxy.example",
            "socks5://a:1",
            "http://u:p@a:1",
            "http://a:1/b",
            "http://a:1?b",
        ] {
            assert!(text.parse::<Proxy>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_success_opens_a_tunnel() {
        for said in
            ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 204\r\nx: 1\r\n\r\n", "HTTP/1.1 103 a\r\n\r\nHTTP/1.1 200 b\r\n\r\n"]
        {
            assert_eq!(opens(said.as_bytes()), Some(true), "{said:?}");
        }
        for said in ["", "HTTP/1.1 200 OK\r\nx: 1\r\n", "HTTP/1.1 100 a\r\n\r\n", "HTTP/1.1 200 O"] {
            assert_eq!(opens(said.as_bytes()), None, "{said:?}");
        }
        for said in [
            "HTTP/1.1 407 No\r\n\r\n",
            "HTTP/1.1 302 No\r\nlocation: /\r\n\r\n",
            "HTTP/1.1 101 No\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nhello",
            "HTTP/2.0 200 OK\r\n\r\n",
            "SSH-2.0-x\r\n",
        ] {
            assert_eq!(opens(said.as_bytes()), Some(false), "{said:?}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "a".repeat(MOST_BYTES));
        assert_eq!(opens(endless.as_bytes()), Some(false));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = opens(&[b"HTTP/1.1 2", &bytes[..], b"\r\n\r\n"].concat());
        }
    }
}

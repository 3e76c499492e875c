//! The origins: who accepts connections, reads the client's hello, and shows the certificate that the name wants.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::hello::{self, Hello};
use super::http::{self, Line};
use super::http2;
use super::records::Handshake;
use super::script::{Entry, Protocols, Tls};
use super::site::{Site, bind};
use super::tls::tls_1_1_flight;

/// Alerts with which a client refuses a version at once: handshake_failure, illegal_parameter, protocol_version,
/// internal_error. Whoever complains of anything else has accepted it.
const REFUSALS: [u8; 4] = [40, 47, 70, 80];
/// A connection to an address that does not answer is known to hang after this time; on loopback others take none.
const HANGS: Duration = Duration::from_millis(50);

/// Serves at an address: a name's own, or one where only the client's hello tells whom it wants. The port 0 is a free one.
pub(super) fn listen(
    site: &Arc<Site>,
    place: SocketAddr,
    owner: Option<Arc<Entry>>,
) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let (listener, site) = (bind(place)?, Arc::clone(site));
    let place = listener.local_addr()?;
    let task = tokio::spawn(async move {
        // Connections live in this set, so they end with the listener.
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, from)) = listener.accept().await else {
                // Out of files: whoever closes one lets it go on.
                tokio::task::yield_now().await;
                continue;
            };
            while connections.try_join_next().is_some() {}
            let arrival = Arrival { number: site.next_connection(), to: place, from };
            if let Some(owner) = &owner {
                owner.records.opened(arrival.number, place, from);
            }
            connections.spawn(welcome(Arc::clone(&site), owner.clone(), stream, arrival));
        }
    });
    Ok((place, task))
}

/// Occupies an address so that connections to it are neither accepted nor refused: the queue of those that wait is full.
pub(super) async fn never_accept(place: SocketAddr) -> io::Result<JoinHandle<()>> {
    let socket = TcpSocket::new_v4()?;
    // Connections of an earlier run may still be on their way out.
    socket.set_reuseaddr(true)?;
    socket.bind(place)?;
    let listener = socket.listen(1)?;
    let mut waiting = Vec::new();
    while let Ok(connected) = tokio::time::timeout(HANGS, TcpStream::connect(place)).await {
        waiting.push(connected?);
        if waiting.len() > 64 {
            return Err(io::Error::other("its queue does not fill"));
        }
    }
    Ok(tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop((listener, waiting));
    }))
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    number: u64,
    to: SocketAddr,
    from: SocketAddr,
}

/// A connection from its first byte to its end.
async fn welcome(site: Arc<Site>, owner: Option<Arc<Entry>>, mut stream: TcpStream, arrival: Arrival) {
    // Small writes are what slow replies are made of.
    let _ = stream.set_nodelay(true);
    let first = hello::first_record(&mut stream).await;
    let hello = Hello::parse(&first);
    let wanted = hello.as_ref().and_then(|hello| hello.sni.as_deref()).and_then(|name| site.find(name));
    let Some(entry) = owner.clone().or_else(|| wanted.clone()) else {
        // At an address of several names, and for none of them: a port of one's own tells such connections apart.
        return;
    };
    if owner.is_none() {
        entry.records.opened(arrival.number, arrival.to, arrival.from);
    }
    let by_client = match hello {
        // The name that is wanted says how TLS goes wrong; at the address of another one, too.
        Some(hello) => {
            let tls = wanted.as_ref().unwrap_or(&entry).tls();
            shake_hands(&site, &entry, tls, Prefixed { first, stream }, arrival, hello).await
        }
        None => true,
    };
    entry.records.closed(arrival.number, by_client);
}

/// The handshake and what follows; whether the client closed the connection.
async fn shake_hands(
    site: &Site,
    entry: &Entry,
    tls: Tls,
    mut stream: Prefixed,
    arrival: Arrival,
    hello: Hello,
) -> bool {
    let name = hello.sni.clone().unwrap_or_else(|| arrival.to.ip().to_string());
    entry.records.handshake(Handshake {
        connection: arrival.number,
        sni: hello.sni.clone(),
        alpn: hello.alpn.clone(),
        versions: hello.versions.clone(),
        asks_to_resume: hello.asks_to_resume,
        completed: false,
        resumed: false,
        went_on_below_1_2: false,
        at: Instant::now(),
    });
    match tls {
        Tls::Silent => return until_closed(&mut stream.stream).await,
        Tls::Closed => return false,
        Tls::Plain => {
            let _ = stream.stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            return until_closed(&mut stream.stream).await;
        }
        Tls::Tls11 => {
            let went_on = offers_tls_1_1(site, &name, &mut stream.stream, &hello).await;
            entry.records.amend_handshake(arrival.number, |handshake| handshake.went_on_below_1_2 = went_on);
            return until_closed(&mut stream.stream).await;
        }
        _ => {}
    }
    let protocols = entry.protocols();
    let Ok(server) = entry.servers.get(&site.authority, &name, tls, protocols) else {
        // No certificate can be made for such a name.
        return false;
    };
    let Ok(stream) = TlsAcceptor::from(server).accept(stream).await else {
        return true;
    };
    let session = stream.get_ref().1;
    let resumed = session.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    let alpn = session.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned());
    entry.records.amend_handshake(arrival.number, |handshake| {
        (handshake.completed, handshake.resumed) = (true, resumed);
    });
    let line = Line { connection: arrival.number, sni: hello.sni, alpn, resumed };
    match (line.alpn.as_deref(), protocols) {
        (Some("h2"), _) => http2::converse(stream, entry, line).await,
        (_, Protocols::Http2) => false,
        _ => http::converse(stream, entry, line).await,
    }
}

/// Chooses TLS 1.1; whether the client went on.
async fn offers_tls_1_1(site: &Site, name: &str, stream: &mut TcpStream, hello: &Hello) -> bool {
    let Ok(certificate) = site.authority.certificate(name, Tls::Tls11) else {
        return false;
    };
    // One that the client offered and that TLS 1.1 knows: ECDHE-ECDSA or ECDHE-RSA with AES in CBC mode, or any other.
    let known = [0xc00a, 0xc009, 0xc014, 0xc013, 0x0035, 0x002f];
    let suite = known.into_iter().find(|suite| hello.suites.contains(suite));
    let suite = suite.or(hello.suites.first().copied()).unwrap_or(0xc00a);
    if stream.write_all(&tls_1_1_flight(suite, &certificate)).await.is_err() {
        return false;
    }
    let mut record = [0; 7];
    match stream.read_exact(&mut record).await {
        // An alert: its level, and why.
        Ok(_) if record[0] == 0x15 => !REFUSALS.contains(&record[6]),
        Ok(_) => true,
        Err(_) => false,
    }
}

/// Reads until the client closes the connection.
async fn until_closed(stream: &mut TcpStream) -> bool {
    let mut rest = [0; 1024];
    while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {}
    true
}

/// A stream of which the first bytes were read already.
#[derive(Debug)]
struct Prefixed {
    first: Vec<u8>,
    stream: TcpStream,
}

impl AsyncRead for Prefixed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let taken = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..taken]);
        self.first.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

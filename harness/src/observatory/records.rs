//! What an observatory has seen of one name, as it happens, for checks to read and to wait for.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::sync::watch;

/// So many records of each kind are kept for one name; what comes later is only counted.
const MOST: usize = 4096;
/// So many bytes of bodies are kept for one name.
const MOST_BODY_BYTES: usize = 32 << 20;

/// A request as it came over the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// As it was written.
    pub method: String,
    /// The request target as it was written: path and query.
    pub target: String,
    /// Such as `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// In order, in the case in which the names came; values are Latin-1 read as such, without the white space around. Of
    /// HTTP/2 `:authority` stands first, as `host`, and values under one name stand together.
    pub headers: Vec<(String, String)>,
    /// `:authority` of HTTP/2.
    pub authority: Option<String>,
    /// The body, whole if [`Seen::complete`]. Chunks are put together.
    pub body: Vec<u8>,
    /// What came behind the body as headers came in front of it.
    pub trailers: Vec<(String, String)>,
    /// Number of the connection on which it came.
    pub connection: u64,
    /// Number of its stream; 0 in HTTP/1.1.
    pub stream: u32,
    /// The server name of the handshake.
    pub sni: Option<String>,
    /// The protocol that was agreed on by ALPN.
    pub alpn: Option<String>,
    /// Whether the TLS session goes on an earlier one.
    pub session_resumed: bool,
    /// When its head was complete.
    pub at: Instant,
    /// Whether it came to its end. One that was broken off has what came.
    pub complete: bool,
    /// When the client reset its stream.
    pub given_up: Option<Instant>,
}

impl Seen {
    /// The values of all headers of this name, whatever its case, in order.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<&str> {
        let same = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    }
}

/// A question of the resolver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    /// The name asked for, in lower case, without the dot at the end.
    pub name: String,
    /// The type of record, such as `A`.
    pub kind: String,
    /// `udp`, `tcp`, or `proxy` for a name that came with CONNECT.
    pub over: &'static str,
    /// When it came.
    pub at: Instant,
}

/// The start of TLS on a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handshake {
    /// Number of the connection.
    pub connection: u64,
    /// The server name that the client sent.
    pub sni: Option<String>,
    /// The protocols that it offered by ALPN.
    pub alpn: Vec<String>,
    /// The versions that it offered, as on the wire: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3.
    pub versions: Vec<u16>,
    /// Whether it asked to go on with an earlier session: by a ticket, a pre-shared key or, in TLS 1.2, an identifier.
    pub asks_to_resume: bool,
    /// Whether both sides finished it.
    pub completed: bool,
    /// Whether it goes on an earlier session.
    pub resumed: bool,
    /// Whether the client went on in a version below TLS 1.2 that the server chose; see `Tls::Tls11`.
    pub went_on_below_1_2: bool,
    /// When its first message came.
    pub at: Instant,
}

/// A TCP connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    /// Its number, which no other connection of the run has.
    pub number: u64,
    /// Where it was made to.
    pub to: SocketAddr,
    /// Where it came from.
    pub from: SocketAddr,
    /// When it was accepted.
    pub opened: Instant,
    /// When it was over.
    pub closed: Option<Instant>,
    /// Whether the client closed it, and not the origin.
    pub by_client: bool,
}

/// All that was seen of one name.
#[derive(Clone, Default, Debug)]
pub(super) struct Log {
    pub(super) queries: Vec<Query>,
    pub(super) connections: Vec<Connection>,
    pub(super) handshakes: Vec<Handshake>,
    pub(super) requests: Vec<Seen>,
    body_bytes: usize,
    /// Records that found no room.
    pub(super) left_out: usize,
}

/// A log that can be waited on.
#[derive(Debug)]
pub(super) struct Records(watch::Sender<Log>);

impl Records {
    pub(super) fn new() -> Records {
        Records(watch::Sender::new(Log::default()))
    }

    pub(super) fn query(&self, query: Query) {
        self.0.send_modify(|log| push(&mut log.queries, query, &mut log.left_out));
    }

    pub(super) fn opened(&self, number: u64, to: SocketAddr, from: SocketAddr) {
        let connection = Connection { number, to, from, opened: Instant::now(), closed: None, by_client: false };
        self.0.send_modify(|log| push(&mut log.connections, connection, &mut log.left_out));
    }

    /// Notes the end of a connection, once.
    pub(super) fn closed(&self, number: u64, by_client: bool) {
        self.0.send_modify(|log| {
            let found = log.connections.iter_mut().rev().find(|connection| connection.number == number);
            if let Some(connection) = found.filter(|connection| connection.closed.is_none()) {
                (connection.closed, connection.by_client) = (Some(Instant::now()), by_client);
            }
        });
    }

    pub(super) fn handshake(&self, handshake: Handshake) {
        self.0.send_modify(|log| push(&mut log.handshakes, handshake, &mut log.left_out));
    }

    /// Changes what is known of the handshake on a connection.
    pub(super) fn amend_handshake(&self, connection: u64, amend: impl FnOnce(&mut Handshake)) {
        self.0.send_modify(|log| {
            if let Some(found) = log.handshakes.iter_mut().rev().find(|known| known.connection == connection) {
                amend(found);
            }
        });
    }

    pub(super) fn request(&self, mut seen: Seen) {
        self.0.send_modify(|log| {
            if log.body_bytes + seen.body.len() > MOST_BODY_BYTES {
                seen.body = Vec::new();
                seen.complete = false;
            }
            log.body_bytes += seen.body.len();
            push(&mut log.requests, seen, &mut log.left_out);
        });
    }

    /// Notes that the client reset a stream.
    pub(super) fn given_up(&self, connection: u64, stream: u32) {
        self.0.send_modify(|log| {
            let found =
                log.requests.iter_mut().rev().find(|seen| seen.connection == connection && seen.stream == stream);
            if let Some(seen) = found {
                seen.given_up = Some(Instant::now());
            }
        });
    }

    /// A part of the log as it is now.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Log) -> T) -> T {
        read(&self.0.borrow())
    }

    /// Waits until the log has what `find` looks for.
    pub(super) async fn until<T>(&self, find: impl Fn(&Log) -> Option<T>) -> Option<T> {
        let mut seen = self.0.subscribe();
        let found = seen.wait_for(|log| find(log).is_some()).await.ok()?;
        find(&found)
    }
}

fn push<T>(records: &mut Vec<T>, record: T, left_out: &mut usize) {
    if records.len() < MOST {
        records.push(record);
    } else {
        *left_out += 1;
    }
}

//! Connections that may be used again, of one handler only (egress.md 7.7).

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until},
};

use crate::http::Spoken;

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(15);
/// How many connections of one handler are kept.
const MOST: usize = 8;

/// Bytes to and from a remote host.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection over which nothing is under way.
pub(crate) struct Connection {
    pub spoken: Spoken,
    pub host: String,
    pub port: u16,
    /// What it was made to; `None` through a proxy, which knows it alone.
    pub address: Option<SocketAddr>,
}

/// For which requests a connection may be used.
pub(crate) type Serves = fn(&Connection, host: &str, port: u16, addresses: &[IpAddr]) -> bool;

/// It goes to this host and port, at an address that the host has now. There is one proxy or none, so a connection through it
/// leads where a new one would.
pub(crate) fn same_place(connection: &Connection, host: &str, port: u16, addresses: &[IpAddr]) -> bool {
    let is_current = connection.address.is_none_or(|address| addresses.contains(&address.ip()));
    connection.host == host && connection.port == port && is_current
}

/// The idle connections of one handler.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// Each with the time until which it is kept, oldest first.
    connections: Vec<(Instant, Connection)>,
    /// Whether a task closes those that are overdue.
    is_swept: bool,
}

impl Pool {
    /// A connection for a request, if one is there that still stands.
    pub fn take(&self, serves: Serves, host: &str, port: u16, addresses: &[IpAddr]) -> Option<Connection> {
        loop {
            let (_, mut connection) = {
                let idle = &mut self.idle().connections;
                let place = idle.iter().rposition(|(_, found)| serves(found, host, port, addresses))?;
                idle.remove(place)
            };
            if connection.spoken.stands() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for a while.
    pub fn put(self: &Arc<Self>, connection: Connection) {
        let mut idle = self.idle();
        if idle.connections.len() >= MOST {
            idle.connections.remove(0);
        }
        idle.connections.push((Instant::now() + IDLE, connection));
        if !idle.is_swept {
            idle.is_swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.idle().connections.is_empty()
    }

    /// Closes what is overdue, and says when the next one is. Without any, nobody comes again.
    fn close_overdue(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = self.idle();
        idle.connections.retain(|(end, _)| *end > now);
        let next = idle.connections.first().map(|(end, _)| *end);
        idle.is_swept = next.is_some();
        next
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the connections of a pool when their time is over, until none is left.
async fn sweep(pool: Weak<Pool>) {
    let mut next = Some(Instant::now() + IDLE);
    while let Some(instant) = next {
        sleep_until(instant).await;
        next = pool.upgrade().and_then(|pool| pool.close_overdue());
    }
}

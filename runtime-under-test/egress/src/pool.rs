//! Connections that may be used again, of one handler only (egress.md 7.7).

use std::{
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, sleep},
};

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(15);
/// How many connections of one handler are kept.
const MOST: usize = 8;

/// Bytes to and from a remote host.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection over which nothing is under way.
pub(crate) struct Connection {
    pub wire: Box<dyn Wire>,
    /// What was read and belongs to no response yet.
    pub unread: BytesMut,
    pub host: String,
    pub port: u16,
    pub address: SocketAddr,
}

impl Connection {
    /// Whether the remote host has neither closed it nor sent anything.
    fn is_quiet(&mut self) -> bool {
        let mut byte = [0; 1];
        let mut context = Context::from_waker(Waker::noop());
        matches!(Pin::new(&mut self.wire).poll_read(&mut context, &mut ReadBuf::new(&mut byte)), Poll::Pending)
    }
}

/// For which requests a connection may be used.
pub(crate) type Serves = fn(&Connection, host: &str, port: u16, addresses: &[IpAddr]) -> bool;

/// It goes to this host and port, at an address that the host has now.
pub(crate) fn same_place(connection: &Connection, host: &str, port: u16, addresses: &[IpAddr]) -> bool {
    connection.host == host && connection.port == port && addresses.contains(&connection.address.ip())
}

/// The idle connections of one handler.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<(Instant, Connection)>>,
}

impl Pool {
    /// A connection for a request, if one is there that still stands.
    pub fn take(&self, serves: Serves, host: &str, port: u16, addresses: &[IpAddr]) -> Option<Connection> {
        loop {
            let (_, mut connection) = {
                let mut idle = self.idle();
                let place = idle.iter().rposition(|(_, found)| serves(found, host, port, addresses))?;
                idle.remove(place)
            };
            if connection.is_quiet() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for a while.
    pub fn put(self: &Arc<Self>, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() >= MOST {
            idle.remove(0);
        }
        idle.push((Instant::now() + IDLE, connection));
        drop(idle);
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            sleep(IDLE + Duration::from_millis(10)).await;
            Weak::upgrade(&pool).inspect(|pool| pool.close_overdue());
        });
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.idle().is_empty()
    }

    fn close_overdue(&self) {
        let now = Instant::now();
        self.idle().retain(|(end, _)| *end > now);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Instant, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

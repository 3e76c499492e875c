//! A forward proxy (`CONNECT`, RFC 9110, 9.3.6) for targets that only know `HTTPS_PROXY`: it resolves the observatory's names
//! as the resolver would, and passes bytes on, unless a check has it do otherwise. Whoever asks for the port of `https` is led
//! to that of all names, since the other one is not for everybody to listen at.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::host::Host;
use super::records::Query;
use super::site::{End, Site};

/// A head is no longer than this.
const MOST_HEAD_BYTES: usize = 16 << 10;
/// So many questions are kept for one name.
const MOST_CONNECTS: usize = 4096;
/// What opens a tunnel.
const OPENED: &[u8] = b"HTTP/1.1 200 Connected\r\n\r\n";

/// What becomes of a `CONNECT` for a name.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum Tunnel {
    /// A tunnel to the name's address.
    #[default]
    Opens,
    /// These bytes in place of an answer. Whoever goes on all the same is let through to the name, and so seen.
    Says(Vec<u8>),
    /// The connection is closed without an answer.
    Closed,
    /// No answer, ever.
    Silence,
    /// An answer with a header that never ends.
    Endless,
}

/// A `CONNECT` as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connect {
    /// What it asks for, as it was written.
    pub authority: String,
    /// All of it, up to the empty line.
    pub head: String,
}

/// What the proxy does for a name, and what it was asked.
#[derive(Default, Debug)]
pub(super) struct Tunnels(Mutex<(Tunnel, Vec<Connect>)>);

impl Tunnels {
    /// Every change is one assignment or one push, so a panic elsewhere leaves it whole.
    fn read(&self) -> MutexGuard<'_, (Tunnel, Vec<Connect>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// What the proxy does from now on when it is asked for the name.
    pub fn tunnel(&self, tunnel: Tunnel) {
        self.entry.tunnels.read().0 = tunnel;
    }

    /// What the proxy was asked for the name so far.
    #[must_use]
    pub fn connects(&self) -> Vec<Connect> {
        self.entry.tunnels.read().1.clone()
    }
}

pub(super) async fn serve(listener: TcpListener, site: Arc<Site>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(pass(stream, Arc::clone(&site)));
    }
}

async fn pass(mut client: TcpStream, site: Arc<Site>) -> io::Result<()> {
    let head = head(&mut client).await?;
    let Some((name, port)) = asked(&head) else {
        return client.write_all(b"HTTP/1.1 400 No CONNECT\r\ncontent-length: 0\r\n\r\n").await;
    };
    let tunnel = noted(&site, name, &head);
    // Nothing here leads off this machine, whatever a name is said to stand for.
    let Some(place) = resolved(&site, name, port).await.filter(|place| place.ip().is_loopback()) else {
        return client.write_all(b"HTTP/1.1 502 No Such Name\r\ncontent-length: 0\r\n\r\n").await;
    };
    match &tunnel {
        Tunnel::Opens => {}
        Tunnel::Says(bytes) => {
            client.write_all(bytes).await?;
            if client.peek(&mut [0]).await? == 0 {
                return Ok(());
            }
        }
        Tunnel::Closed => return Ok(()),
        Tunnel::Silence => return until_closed(&mut client).await,
        Tunnel::Endless => return without_end(&mut client).await,
    }
    let Ok(mut origin) = TcpStream::connect(place).await else {
        return client.write_all(b"HTTP/1.1 502 Unreachable\r\ncontent-length: 0\r\n\r\n").await;
    };
    if tunnel == Tunnel::Opens {
        client.write_all(OPENED).await?;
    }
    tokio::io::copy_bidirectional(&mut client, &mut origin).await?;
    Ok(())
}

/// Byte by byte, since what follows the head belongs to the origin.
async fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > MOST_HEAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(client.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The name and the port of a `CONNECT`, if it is one.
fn asked(head: &str) -> Option<(&str, u16)> {
    let authority = head.strip_prefix("CONNECT ")?.split(' ').next()?;
    let (name, port) = authority.rsplit_once(':')?;
    Some((name, port.parse().ok()?))
}

/// Notes a question for a name of somebody's, and says what is to become of it.
fn noted(site: &Site, name: &str, head: &str) -> Tunnel {
    let Some(entry) = site.find(name) else {
        return Tunnel::Opens;
    };
    let mut tunnels = entry.tunnels.read();
    if tunnels.1.len() < MOST_CONNECTS {
        let authority = head.split(' ').nth(1).unwrap_or_default().to_owned();
        tunnels.1.push(Connect { authority, head: head.to_owned() });
    }
    tunnels.0.clone()
}

/// Where a name leads, if it has an address. One whose answer is late is waited for.
async fn resolved(site: &Site, name: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(SocketAddr::new(address, port));
    }
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let query = Query { name, kind: "A".to_owned(), over: "proxy", at: Instant::now() };
    let resolved = site.resolve(query, true);
    tokio::time::sleep(resolved.delay).await;
    match resolved.end {
        End::Addresses(addresses) => {
            let port = if port == super::DEFAULT_PORT { site.port } else { port };
            addresses.first().map(|address| SocketAddr::new(*address, port))
        }
        End::NxDomain | End::ServFail => None,
        // The client gives up; its connection goes with the observatory.
        End::Silence => std::future::pending().await,
    }
}

/// Reads until the client has gone.
async fn until_closed(client: &mut TcpStream) -> io::Result<()> {
    let mut rest = [0; 1024];
    while client.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Writes until the client has gone.
async fn without_end(client: &mut TcpStream) -> io::Result<()> {
    client.write_all(b"HTTP/1.1 200 Connected\r\nx-filler: ").await?;
    loop {
        client.write_all(&[b'f'; 4096]).await?;
    }
}

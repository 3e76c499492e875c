//! A forward proxy (`CONNECT`, RFC 9110, 9.3.6) for targets that only know `HTTPS_PROXY`: it resolves the observatory's names
//! as the resolver would, and passes bytes on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::records::Query;
use super::site::{End, Site};

/// A head is no longer than this.
const MOST_HEAD_BYTES: usize = 16 << 10;

pub(super) async fn serve(listener: TcpListener, site: Arc<Site>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(pass(stream, Arc::clone(&site)));
    }
}

async fn pass(mut client: TcpStream, site: Arc<Site>) -> io::Result<()> {
    let head = head(&mut client).await?;
    // Nothing here leads off this machine, whatever a name is said to stand for.
    let Some(place) = wanted(&head, &site).filter(|place| place.ip().is_loopback()) else {
        return client.write_all(b"HTTP/1.1 502 No Such Name\r\ncontent-length: 0\r\n\r\n").await;
    };
    let Ok(mut origin) = TcpStream::connect(place).await else {
        return client.write_all(b"HTTP/1.1 502 Unreachable\r\ncontent-length: 0\r\n\r\n").await;
    };
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
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

/// Where a `CONNECT` leads, if it is one and its name has an address.
fn wanted(head: &str, site: &Site) -> Option<SocketAddr> {
    let authority = head.strip_prefix("CONNECT ")?.split(' ').next()?;
    let (name, port) = authority.rsplit_once(':')?;
    let port = port.parse().ok()?;
    if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(SocketAddr::new(address, port));
    }
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let query = Query { name, kind: "A".to_owned(), over: "proxy", at: Instant::now() };
    match site.resolve(query, true).end {
        End::Addresses(addresses) => addresses.first().map(|address| SocketAddr::new(*address, port)),
        End::NxDomain | End::ServFail | End::Silence => None,
    }
}

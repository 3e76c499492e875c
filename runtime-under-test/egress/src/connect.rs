//! Connecting to an address that was judged, and to no other (egress.md 6.3 and 7.1).

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use futures_util::future::BoxFuture;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::{
    Grant,
    egress::Inner,
    outgoing::Outgoing,
    pool::{Connection, Wire},
    recording::Progress,
    stop::Stop,
};

/// How many addresses of a host are tried.
const MOST_ADDRESSES: usize = 8;
/// How long an address may be silent while there is another one.
const SILENCE: Duration = Duration::from_secs(3);

/// Makes a secure connection out of a bare one.
pub(crate) type Handshake =
    for<'a> fn(Arc<ClientConfig>, host: &'a str, TcpStream) -> BoxFuture<'a, Result<Box<dyn Wire>, Stop>>;

/// A connection for a request: one of the handler's that stands, or a new one.
pub(crate) async fn connect(
    inner: &Inner,
    grant: &Grant,
    request: &Outgoing,
    addresses: &[IpAddr],
    progress: &Progress,
) -> Result<Connection, Stop> {
    let pool = inner.pool(grant);
    if let Some(connection) = pool.take(inner.policy.serves, &request.host, request.port, addresses) {
        progress.connected(connection.address);
        return Ok(connection);
    }
    let (stream, address) = dial(addresses, request.port).await?;
    progress.connected(address);
    let wire = (inner.policy.handshake)(inner.tls(grant)?, &request.host, stream).await?;
    Ok(Connection { wire, unread: BytesMut::new(), host: request.host.clone(), port: request.port, address })
}

/// Tries the addresses in order.
async fn dial(addresses: &[IpAddr], port: u16) -> Result<(TcpStream, SocketAddr), Stop> {
    let failed = || Stop::failed("no connection could be made");
    let tried = &addresses[..addresses.len().min(MOST_ADDRESSES)];
    let (last, others) = tried.split_last().ok_or_else(failed)?;
    for address in others {
        let address = SocketAddr::new(*address, port);
        if let Ok(Ok(stream)) = timeout(SILENCE, TcpStream::connect(address)).await {
            return Ok((stream, address));
        }
    }
    let address = SocketAddr::new(*last, port);
    let stream = TcpStream::connect(address).await.map_err(|_| failed())?;
    Ok((stream, address))
}

/// The handshake for the canonical host. Nothing of the request was sent before it is over.
pub(crate) fn handshake(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> BoxFuture<'_, Result<Box<dyn Wire>, Stop>> {
    Box::pin(async move {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Stop::failed("the host has no name for TLS"))?;
        // Requests are written whole: waiting for more to send would only cost time.
        let _ = stream.set_nodelay(true);
        let stream = TlsConnector::from(config).connect(name, stream).await;
        Ok(Box::new(stream.map_err(|_| Stop::failed("no secure connection could be made"))?) as Box<dyn Wire>)
    })
}

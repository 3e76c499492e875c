//! Connecting to an address that was judged and to no other, or through the proxy (egress.md 6.3, 7.1 and 7.2).

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::{
    Grant,
    egress::Inner,
    http::{Secured, Spoken},
    outgoing::Outgoing,
    pool::Connection,
    recording::Progress,
    stop::Stop,
};

/// How many addresses of a host are tried.
const MOST_ADDRESSES: usize = 8;
/// How long an address may be silent while there is another one.
const SILENCE: Duration = Duration::from_secs(3);

/// Makes a secure connection out of a bare one.
pub(crate) type Handshake =
    for<'a> fn(Arc<ClientConfig>, host: &'a str, TcpStream) -> BoxFuture<'a, Result<Secured, Stop>>;

/// A bare connection, with the address that it was made to if that is the host's.
pub(crate) type Dialled = Result<(TcpStream, Option<SocketAddr>), Stop>;

/// How a bare connection for a request is made.
pub(crate) type Dial = for<'a> fn(&'a Inner, &'a Outgoing, addresses: &'a [IpAddr]) -> BoxFuture<'a, Dialled>;

/// A connection for a request: one of the handler's that stands, or a new one.
pub(crate) async fn connect(
    inner: &Inner,
    grant: &Grant,
    request: &Outgoing,
    addresses: &[IpAddr],
    progress: &Progress,
) -> Result<Connection, Stop> {
    let pool = inner.pool(grant);
    let policy = &inner.policy;
    if let Some(connection) = pool.take(policy.serves, &request.host, request.port, addresses) {
        connection.address.inspect(|address| progress.connected(*address));
        return Ok(connection);
    }
    let (stream, address) = (policy.dial)(inner, request, addresses).await?;
    address.inspect(|address| progress.connected(*address));
    let secured = (policy.handshake)(inner.tls(grant)?, &request.host, stream).await?;
    let spoken = Spoken::open(secured, &inner.response_bounds, &policy.http).await.map_err(Stop::failed)?;
    Ok(Connection { spoken, host: request.host.clone(), port: request.port, address })
}

/// Through the proxy if there is one, and then in no other way.
pub(crate) fn dial<'a>(inner: &'a Inner, request: &'a Outgoing, addresses: &'a [IpAddr]) -> BoxFuture<'a, Dialled> {
    Box::pin(async move {
        let rules = &inner.policy.proxy;
        match &inner.proxy {
            Some(proxy) => Ok((proxy.tunnel(&(rules.asks)(request), rules.opens).await?, None)),
            None => direct(addresses, request.port).await,
        }
    })
}

/// Tries the addresses in order.
pub(crate) async fn direct(addresses: &[IpAddr], port: u16) -> Dialled {
    let failed = || Stop::failed("no connection could be made");
    let tried = &addresses[..addresses.len().min(MOST_ADDRESSES)];
    let (last, others) = tried.split_last().ok_or_else(failed)?;
    for address in others {
        let address = SocketAddr::new(*address, port);
        if let Ok(Ok(stream)) = timeout(SILENCE, TcpStream::connect(address)).await {
            return Ok((stream, Some(address)));
        }
    }
    let address = SocketAddr::new(*last, port);
    let stream = TcpStream::connect(address).await.map_err(|_| failed())?;
    Ok((stream, Some(address)))
}

/// The handshake for the canonical host. Nothing of the request was sent before it is over.
pub(crate) fn handshake(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> BoxFuture<'_, Result<Secured, Stop>> {
    Box::pin(async move {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Stop::failed("the host has no name for TLS"))?;
        // Requests are written whole: waiting for more to send would only cost time.
        let _ = stream.set_nodelay(true);
        let stream = TlsConnector::from(config).connect(name, stream).await;
        let stream = stream.map_err(|_| Stop::failed("no secure connection could be made"))?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Secured { wire: Box::new(stream), http2 })
    })
}

//! One exchange: resolve once, judge the addresses, connect to one of them, send once, read the answer. It follows nothing
//! and repeats nothing (egress.md 6, 7.3 and 7.8).

use std::{net::IpAddr, sync::Arc};

use futures_util::future::BoxFuture;

use crate::{
    Grant, connect::connect, egress::Inner, outgoing::Outgoing, pool::Connection, received::Received,
    recording::Progress, stop::Stop,
};

/// A request whose turn has come, and on whose behalf it is sent.
#[derive(Clone, Copy)]
pub(crate) struct Errand<'a> {
    pub inner: &'a Arc<Inner>,
    pub grant: &'a Grant,
    pub request: &'a Outgoing,
    pub progress: &'a Arc<Progress>,
}

/// An exchange under way.
pub(crate) type Exchanging<'a> = BoxFuture<'a, Result<Received, Stop>>;

/// What is done for a request whose turn has come.
pub(crate) trait Exchange: Send + Sync {
    /// Gets the response.
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a>;
}

/// Asks once and sends once.
pub(crate) struct Once;

impl Exchange for Once {
    fn run<'a>(&'a self, errand: Errand<'a>) -> Exchanging<'a> {
        Box::pin(async move {
            let inner = errand.inner;
            if inner.proxy.is_some() {
                // Names are the proxy's to resolve, and addresses its to judge (7.2).
                return errand.send(&[]).await;
            }
            let answer = inner.resolver.resolve(&errand.request.host).await;
            let addresses = (inner.policy.judge)(&answer, &|address| inner.may_reach(address))?;
            errand.send(&addresses).await
        })
    }
}

impl Errand<'_> {
    /// Sends the request to one of the judged addresses, or through the proxy, for which there is none.
    pub(crate) async fn send(self, addresses: &[IpAddr]) -> Result<Received, Stop> {
        let connection = connect(self.inner, self.grant, self.request, addresses, self.progress).await?;
        self.over(connection).await
    }

    /// Sends it over a connection, and keeps that for another one if it can be.
    pub(crate) async fn over(self, mut connection: Connection) -> Result<Received, Stop> {
        let Errand { inner, grant, request, progress } = self;
        let rules = &inner.policy.http;
        // A connection whose exchange fails, or is dropped on its way, is closed with it.
        let exchange = connection.spoken.exchange(request, &inner.response_bounds, rules, progress);
        let (received, goes_on) = exchange.await.map_err(Stop::failed)?;
        if goes_on {
            inner.pool(grant).put(connection);
        }
        Ok(received)
    }
}

//! The guarded client: the one way out of the runtime for a handler.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use rustls::{ClientConfig, RootCertStore};

use crate::{
    Audit, Bounds, Credentials, Destination, EgressError, Grant, IpRange, Proxy, Request, Response, Settings,
    StartError,
    keyed::Keyed,
    order,
    outgoing::{Outgoing, Terms},
    pace::Pace,
    policy::Policy,
    pool::Pool,
    recording::{Call, Pending},
    resolve::{Resolve, System, stub::Stub},
    stop::Stop,
    tls,
};

/// Sends requests of handlers to other hosts. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

/// What all requests share.
pub(crate) struct Inner {
    pub policy: Policy,
    pub credentials: Arc<dyn Credentials>,
    pub audit: Arc<dyn Audit>,
    pub resolver: Arc<dyn Resolve>,
    pub response_bounds: Bounds,
    pub pending: Pending,
    pub proxy: Option<Proxy>,
    request_bounds: Bounds,
    internet: Option<IpRange>,
    roots: Arc<RootCertStore>,
    paces: Keyed<Pace>,
    pools: Keyed<Pool>,
    sessions: Keyed<ClientConfig>,
}

impl Egress {
    /// The client with the settings of a runtime.
    ///
    /// # Errors
    /// The roots cannot be read.
    pub fn new(
        settings: Settings,
        credentials: Arc<dyn Credentials>,
        audit: Arc<dyn Audit>,
    ) -> Result<Self, StartError> {
        Self::with_policy(settings, credentials, audit, Policy::honest())
    }

    pub(crate) fn with_policy(
        settings: Settings,
        credentials: Arc<dyn Credentials>,
        audit: Arc<dyn Audit>,
        policy: Policy,
    ) -> Result<Self, StartError> {
        let resolver: Arc<dyn Resolve> = match settings.dns {
            Some(server) => Arc::new(Stub { server, rules: policy.stub }),
            None => Arc::new(System),
        };
        let roots = Arc::new(tls::roots(settings.roots_pem.as_deref())?);
        // A configuration that the library refuses is to be known now, not at the first request.
        (policy.tls)(&roots)?;
        let inner = Inner {
            credentials,
            audit,
            resolver: (policy.resolver)(resolver),
            request_bounds: (policy.request_bounds)(settings.bounds),
            response_bounds: (policy.response_bounds)(settings.bounds),
            pending: Pending::default(),
            proxy: (policy.proxy.used)(settings.proxy),
            internet: settings.internet,
            roots,
            paces: Keyed::new(Pace::is_idle),
            pools: Keyed::new(Pool::is_empty),
            sessions: Keyed::new(|_| true),
            policy,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Sends a request on a handler's behalf and waits for the response (egress.md). Whatever becomes of it is on record
    /// before this returns. Dropped before its end, it gives up its place in the queue, closes its connection, and is on
    /// record as abandoned.
    ///
    /// # Errors
    /// Why there is no response.
    ///
    /// # Panics
    /// Outside of a Tokio runtime with I/O and time.
    pub async fn send(&self, grant: &Grant, request: Request) -> Result<Response, EgressError> {
        let call = Call::begin(&self.inner, grant, &request);
        let result = (self.inner.policy.pass)(&self.inner, grant, request, &call.progress).await;
        call.finish(result).await
    }

    /// Where a request would go, by all that is judged at once (2 and 3). It is not sent, waits for nothing, and leaves no
    /// entry in the audit.
    ///
    /// # Errors
    /// What the handler would be told.
    pub fn judge(&self, grant: &Grant, request: Request) -> Result<Destination, EgressError> {
        let mut request = Outgoing::new(request);
        let judged = order::judge(&self.inner, grant, &mut request, |_| {});
        judged.map_err(|stop| (self.inner.policy.told)(&stop))?;
        let Outgoing { host, port, authority, target, .. } = request;
        Ok(Destination { host, port, authority, target })
    }

    /// Waits until everything that an execution has sent is on record, also what it abandoned. To be awaited after the
    /// execution has ended and before anybody is told.
    pub async fn settled(&self, execution: &str) {
        self.inner.pending.settled(execution).await;
    }
}

impl Inner {
    /// What a request is judged by.
    pub fn terms<'a>(&'a self, grant: &'a Grant) -> Terms<'a> {
        Terms { grant, bounds: &self.request_bounds, credentials: &*self.credentials, matches: self.policy.matches }
    }

    /// Whether an address may be connected to (6.2 and 6.4).
    pub fn may_reach(&self, address: IpAddr) -> bool {
        self.internet.is_some_and(|internet| internet.contains(address)) || !(self.policy.special)(address)
    }

    /// The pace of a handler.
    pub fn pace(&self, grant: &Grant) -> Arc<Pace> {
        let make = || Ok::<_, Infallible>(Pace::new(self.policy.rate));
        let Ok(pace) = self.paces.get((self.policy.pace_of)(grant), make);
        pace
    }

    /// The connections of a handler.
    pub fn pool(&self, grant: &Grant) -> Arc<Pool> {
        let Ok(pool) = self.pools.get((self.policy.pool_of)(grant), || Ok::<_, Infallible>(Pool::default()));
        pool
    }

    /// The TLS configuration of a handler, with its sessions.
    pub fn tls(&self, grant: &Grant) -> Result<Arc<ClientConfig>, Stop> {
        let make = || (self.policy.tls)(&self.roots);
        let config = self.sessions.get((self.policy.sessions_of)(grant), make);
        config.map_err(|_| Stop::failed("no secure connection could be made"))
    }
}

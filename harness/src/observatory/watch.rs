//! The observatory as one check sees it: names of its own, and decoys that nobody may reach.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::host::Host;
use super::records::Query;
use super::script::Entry;
use super::site::Site;
use crate::Stop;

/// The part of the observatory that belongs to one check. Its names end with it. Clones are the same.
#[derive(Clone, Debug)]
pub struct Watch {
    grounds: Arc<Grounds>,
}

/// What a check has registered: it goes when the check and all its hosts are gone.
#[derive(Debug)]
pub(super) struct Grounds {
    pub(super) site: Arc<Site>,
    resolver: SocketAddr,
    namespace: String,
    /// When a wait of the check is given up.
    until: Instant,
    entries: Mutex<Vec<Arc<Entry>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    sightings: Arc<Sightings>,
}

/// What was seen, for the evidence: without the names' listeners, which end with the check.
#[derive(Default, Debug)]
pub(crate) struct Sightings(Mutex<Vec<Arc<Entry>>>);

impl Watch {
    pub(super) fn new(
        site: Arc<Site>,
        resolver: SocketAddr,
        namespace: &str,
        until: Instant,
    ) -> (Watch, Arc<Sightings>) {
        let sightings = Arc::new(Sightings::default());
        let grounds = Grounds {
            site,
            resolver,
            namespace: namespace.to_owned(),
            until,
            entries: Mutex::default(),
            tasks: Mutex::default(),
            sightings: Arc::clone(&sightings),
        };
        (Watch { grounds: Arc::new(grounds) }, sightings)
    }

    /// A new name `<label>.<namespace>.assay.test` that resolves to an address of the internet, has a good certificate and
    /// answers every request with 200 and `{"nonce": …}`. A label may have dots: `a.b` is below `b`.
    ///
    /// # Errors
    /// [`Stop::Error`] if the label is taken or this machine gives no address.
    pub fn host(&self, label: &str) -> Result<Host, Stop> {
        let address = self.grounds.site.internet_address();
        self.register(&self.name(label), address)
    }

    /// The same for any name, whether below the namespace or not.
    ///
    /// # Errors
    /// As for [`Watch::host`].
    pub fn host_named(&self, name: &str) -> Result<Host, Stop> {
        let address = self.grounds.site.internet_address();
        self.register(name, address)
    }

    /// A new name that resolves to an address of loopback outside of the internet. It serves like any other, so that a
    /// target which may not reach it and does is seen to the end.
    ///
    /// # Errors
    /// As for [`Watch::host`].
    pub fn decoy(&self, label: &str) -> Result<Host, Stop> {
        let address = self.grounds.site.decoy_address();
        self.register(&self.name(label), address)
    }

    /// The name of a label, registered or not.
    #[must_use]
    pub fn name(&self, label: &str) -> String {
        format!("{label}.{}.assay.test", self.grounds.namespace)
    }

    /// The port on which all names serve.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.grounds.site.port
    }

    /// Where the resolver listens that targets are told of.
    #[must_use]
    pub fn resolver(&self) -> SocketAddr {
        self.grounds.resolver
    }

    /// Questions for this name, which nobody registered. Names of [`Watch::host`] have their own.
    #[must_use]
    pub fn stray_queries(&self, name: &str) -> Vec<Query> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let mut queries = self.grounds.site.strays();
        queries.retain(|query| query.name == name);
        queries
    }

    /// An address of the internet at which nobody listens: a connection is refused.
    #[must_use]
    pub fn refusing_address(&self) -> IpAddr {
        self.grounds.site.internet_address()
    }

    /// An address of the internet at which connections are neither accepted nor refused.
    ///
    /// # Errors
    /// [`Stop::Error`] if this machine cannot do that.
    pub async fn silent_address(&self) -> Result<IpAddr, Stop> {
        let address = self.grounds.site.internet_address();
        let place = SocketAddr::new(address, self.port());
        let task = super::origin::never_accept(place).await.map_err(|error| unusable(place, &error))?;
        self.grounds.keep(task);
        Ok(address)
    }

    fn register(&self, name: &str, address: IpAddr) -> Result<Host, Stop> {
        let entry = Arc::new(Entry::new(name.trim_end_matches('.').to_ascii_lowercase(), address));
        self.grounds.site.register(&entry).map_err(Stop::Error)?;
        lock(&self.grounds.entries).push(Arc::clone(&entry));
        lock(&self.grounds.sightings.0).push(Arc::clone(&entry));
        let host = Host::new(entry, Arc::clone(&self.grounds));
        host.listen_at(address)?;
        Ok(host)
    }
}

impl Grounds {
    pub(super) fn keep(&self, task: JoinHandle<()>) {
        lock(&self.tasks).push(task);
    }

    /// How long a wait may take: less than the check has, so that the check says what did not come.
    pub(super) fn patience(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now()).mul_f64(0.9)
    }
}

impl Drop for Grounds {
    fn drop(&mut self) {
        for entry in lock(&self.entries).drain(..) {
            self.site.forget(&entry.name);
        }
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }
}

impl Sightings {
    /// All that was seen, as text; nothing if the check asked for no name.
    pub(crate) fn text(&self) -> Option<String> {
        let entries = lock(&self.0);
        (!entries.is_empty()).then(|| entries.iter().map(|entry| super::evidence::text(entry)).collect())
    }
}

pub(super) fn unusable(place: SocketAddr, error: &std::io::Error) -> Stop {
    Stop::Error(format!("the observatory cannot listen at {place}: {error}"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

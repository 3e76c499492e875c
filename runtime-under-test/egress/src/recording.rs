//! Exactly one entry for each call, also for one that is dropped on its way (egress.md 8.1).

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use tokio::{runtime::Handle, sync::Notify};

use crate::{
    AuditError, EgressError, Entry, Grant, Outcome, Request, Response, credentials::Redactor, egress::Inner,
    outgoing::Outgoing, stop::Stop,
};

/// How far an exchange has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    place: OnceLock<(String, u16)>,
    address: OnceLock<SocketAddr>,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Progress {
    /// The URL was read.
    pub fn located(&self, request: &Outgoing) {
        if !request.host.is_empty() {
            let _ = self.place.set((request.host.clone(), request.port));
        }
    }

    /// There is a connection; the first one counts.
    pub fn connected(&self, address: SocketAddr) {
        let _ = self.address.set(address);
    }

    /// What was connected to.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address.get().copied()
    }

    /// Bytes of the request's body were sent.
    pub fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of the response's body were received.
    pub fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// What was sent and received.
    pub fn bytes(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }
}

/// One call of `send`, until its entry is on its way.
pub(crate) struct Call {
    inner: Arc<Inner>,
    /// The entry as far as it is known; taken when it is handed over.
    entry: Option<Entry>,
    /// For the canonical host, in which letters have lost their case.
    of_hosts: Redactor,
    runtime: Handle,
    pub progress: Arc<Progress>,
}

impl Call {
    pub fn begin(inner: &Arc<Inner>, grant: &Grant, request: &Request) -> Self {
        let known = inner.credentials.known_to(&grant.handler);
        let redactor = Redactor::new(&known);
        let folded: Vec<String> = known.iter().map(|value| (inner.policy.audit.in_a_host)(value)).collect();
        let shown = |text: String| (inner.policy.audit.cut)((inner.policy.audit.hidden)(&redactor, text));
        let entry = Entry {
            handler: grant.handler.clone(),
            version: grant.version.clone(),
            execution: grant.execution.clone(),
            at: Timestamp::now(),
            method: shown(request.method.clone()),
            url: shown((inner.policy.audit.url)(&request.url)),
            host: None,
            port: None,
            outcome: Outcome::Abandoned,
            reason: Some("the execution ended first".to_owned()),
            address: None,
            status: None,
            request_bytes: 0,
            response_bytes: 0,
        };
        Self {
            inner: inner.clone(),
            entry: Some(entry),
            of_hosts: Redactor::new(&folded),
            runtime: Handle::current(),
            progress: Arc::default(),
        }
    }

    /// Records what became of the call, then tells it.
    pub async fn finish(mut self, result: Result<Response, Stop>) -> Result<Response, EgressError> {
        if let Some(entry) = &mut self.entry {
            (entry.outcome, entry.reason, entry.status) = match &result {
                Ok(response) => (Outcome::Answered, None, Some(response.status)),
                Err(stop) => (stop.outcome, Some((self.inner.policy.audit.cut)(stop.reason.to_string())), None),
            };
        }
        let recorded = self.hand_over();
        let told = self.inner.policy.told;
        drop(self);
        match recorded.await {
            Ok(()) => result.map_err(|stop| told(&stop)),
            Err(error) => {
                tracing::error!(%error, "an entry of the egress audit is lost");
                Err(EgressError::Failed("the request could not be recorded".to_owned()))
            }
        }
    }

    /// Gives the entry to a task of its own, which outlives whoever waits for it.
    fn hand_over(&mut self) -> impl Future<Output = Result<(), AuditError>> + Send + use<> {
        let recording = self.entry.take().map(|mut entry| {
            (entry.request_bytes, entry.response_bytes) = self.progress.bytes();
            entry.address = self.progress.address();
            if let Some((host, port)) = self.progress.place.get() {
                entry.host = Some((self.inner.policy.audit.hidden)(&self.of_hosts, host.clone()));
                entry.port = Some(*port);
            }
            let inner = self.inner.clone();
            let ticket = Ticket::new(inner.clone(), &entry.execution);
            self.runtime.spawn(async move {
                let _ticket = ticket;
                (inner.policy.audit.record)(inner.audit.clone(), entry).await
            })
        });
        async move {
            match recording {
                Some(recording) => recording.await.unwrap_or_else(|error| Err(AuditError(error.to_string()))),
                None => Ok(()),
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        drop(self.hand_over());
    }
}

/// The entries that are on their way, by execution.
#[derive(Default)]
pub(crate) struct Pending {
    counts: Mutex<HashMap<String, u64>>,
    changed: Notify,
}

impl Pending {
    /// Waits until no entry of an execution is on its way.
    pub async fn settled(&self, execution: &str) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.counts.lock().unwrap_or_else(PoisonError::into_inner).contains_key(execution) {
                return;
            }
            changed.await;
        }
    }
}

/// One entry on its way.
struct Ticket {
    inner: Arc<Inner>,
    execution: String,
}

impl Ticket {
    fn new(inner: Arc<Inner>, execution: &str) -> Self {
        let mut counts = inner.pending.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(execution.to_owned()).or_default() += 1;
        drop(counts);
        Self { inner, execution: execution.to_owned() }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = self.inner.pending.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.execution) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.execution);
            }
        }
        drop(counts);
        self.inner.pending.changed.notify_waiters();
    }
}

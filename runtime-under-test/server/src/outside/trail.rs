//! The audit as it is written: one thread appends the entries of all handlers, and whoever asked for one goes on when it is
//! on the disk (egress.md, section 8). Entries that come while it writes are written together next, so many handlers wait for
//! one write and not for one after the other.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use assay_egress::{Audit, AuditError, Entry};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::policy::EgressPolicy;
use crate::store::{AuditEntry, Store, StoreError};

/// Entries that are written together at most: a bound on the time that a commit takes.
const TOGETHER: usize = 512;

/// The audit of all handlers. Dropping it writes what is left and ends its thread.
pub struct Trail {
    to_writer: Option<Sender<Message>>,
    writer: Option<JoinHandle<()>>,
    policy: Arc<dyn EgressPolicy>,
}

enum Message {
    /// An entry to write, and who waits for it.
    Write(AuditEntry, oneshot::Sender<Result<(), AuditError>>),
    /// Somebody wants to know when everything before is written.
    Tell(oneshot::Sender<()>),
}

impl Trail {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the operating system gives none.
    pub fn start(store: Arc<Store>, policy: Arc<dyn EgressPolicy>) -> std::io::Result<Self> {
        let (to_writer, messages) = channel();
        let by = policy.clone();
        let writer = Builder::new().name("assay-audit".to_owned()).spawn(move || write(&store, &*by, &messages))?;
        Ok(Self { to_writer: Some(to_writer), writer: Some(writer), policy })
    }

    /// Waits until every entry is written that was recorded before.
    pub async fn written(&self) {
        let (told, hears) = oneshot::channel();
        self.send(Message::Tell(told));
        // A writer that is gone writes nothing any more.
        let _ = hears.await;
    }

    fn send(&self, message: Message) {
        if let Some(to_writer) = &self.to_writer {
            // What cannot be sent is dropped, and who waits for it hears of that.
            let _ = to_writer.send(message);
        }
    }
}

impl Audit for Trail {
    /// The entry is on its way when this returns, also if nobody waits for what the future says.
    fn record(&self, entry: Entry) -> BoxFuture<'_, Result<(), AuditError>> {
        let entry = AuditEntry { handler: self.policy.audit_of(&entry.handler), members: members(&entry) };
        let (written, waits) = oneshot::channel();
        self.send(Message::Write(entry, written));
        if !self.policy.waits_for_the_disk() {
            return std::future::ready(Ok(())).boxed();
        }
        async move { waits.await.unwrap_or_else(|_| Err(AuditError("its writer has ended".to_owned()))) }.boxed()
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        drop(self.to_writer.take());
        if let Some(writer) = self.writer.take() {
            // It cannot panic; if it did there would be nothing left to write.
            let _ = writer.join();
        }
    }
}

/// Writes until nobody can send any more.
fn write(store: &Store, policy: &dyn EgressPolicy, messages: &Receiver<Message>) {
    while let Ok(first) = messages.recv() {
        let (entries, waiting, told) = gathered(first, policy, messages);
        let committed = match entries.is_empty() {
            true => Ok(()),
            false => store.write().append_audit(&entries).map_err(|error| unwritten(&error)),
        };
        // Whoever went away meanwhile needs no answer.
        for waits in waiting {
            let _ = waits.send(committed.clone());
        }
        for hears in told {
            let _ = hears.send(());
        }
    }
}

type Gathered = (Vec<AuditEntry>, Vec<oneshot::Sender<Result<(), AuditError>>>, Vec<oneshot::Sender<()>>);

/// What is there to be written together.
fn gathered(first: Message, policy: &dyn EgressPolicy, messages: &Receiver<Message>) -> Gathered {
    let (mut entries, mut waiting, mut told) = Gathered::default();
    let until = Instant::now() + policy.gathering();
    let mut next = Some(first);
    while let Some(message) = next {
        match message {
            Message::Write(entry, waits) => {
                entries.push(entry);
                waiting.push(waits);
            }
            Message::Tell(hears) => told.push(hears),
        }
        if entries.len() >= TOGETHER {
            break;
        }
        next = messages.recv_timeout(until.saturating_duration_since(Instant::now())).ok();
    }
    (entries, waiting, told)
}

fn unwritten(error: &StoreError) -> AuditError {
    AuditError(error.to_string())
}

/// An entry as it is shown, but for its number (8.2).
fn members(entry: &Entry) -> Value {
    let mut members = json!({
        "at": entry.at.to_string(),
        "execution": entry.execution,
        "version": entry.version,
        "method": entry.method,
        "url": entry.url,
        "outcome": entry.outcome.as_str(),
        "request_bytes": entry.request_bytes,
        "response_bytes": entry.response_bytes,
    });
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members[name] = value;
        }
    };
    put("host", entry.host.clone().map(Value::from));
    put("port", entry.port.map(Value::from));
    put("reason", entry.reason.clone().map(Value::from));
    put("address", entry.address.map(|address| address.to_string().into()));
    put("status", entry.status.map(Value::from));
    members
}

//! Requests to other hosts, from a handler to whoever sends them and back (egress.md). The handler waits meanwhile: its time
//! goes on, but it is charged for no processor.

use std::sync::Arc;

use crate::outside::{Exchanged, Outside, Request, Sending};

/// The decisions about requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EgressRules {
    /// What is asked for.
    pub(crate) request: fn(Request) -> Request,
    /// How it is waited for.
    pub(crate) sending: fn(Arc<dyn Outside>, Request) -> Sending<'static>,
    /// What the handler is handed.
    pub(crate) exchanged: fn(Exchanged) -> Exchanged,
}

impl EgressRules {
    /// As the contract says: what the handler hands over goes out, what comes back is handed to it, and an exchange ends
    /// with whoever waits for it (egress.md 7.6).
    pub(crate) fn honest() -> Self {
        EgressRules {
            request: |request| request,
            sending: |outside, request| Box::pin(async move { outside.send(request).await }),
            exchanged: |exchanged| exchanged,
        }
    }
}

/// The way out for one execution.
#[derive(Debug, Clone)]
pub(crate) struct Egress {
    outside: Arc<dyn Outside>,
    rules: EgressRules,
}

impl Egress {
    pub(crate) fn new(outside: Arc<dyn Outside>, rules: EgressRules) -> Self {
        Egress { outside, rules }
    }

    /// Sends a request and waits for what becomes of it.
    pub(crate) async fn send(self, request: Request) -> Exchanged {
        let request = (self.rules.request)(request);
        (self.rules.exchanged)((self.rules.sending)(self.outside, request).await)
    }
}

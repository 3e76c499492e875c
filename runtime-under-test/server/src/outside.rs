//! The way out of the runtime (egress.md): between the sandbox, which asks on behalf of a handler, the guarded client of
//! `assay-egress`, and the store, which keeps credentials and the audit.

pub mod credentials;
mod network;
pub mod policy;
pub mod trail;

use std::fmt;
use std::sync::Arc;

use assay_egress::{Audit, Credentials, Egress, Grant, StartError};
use assay_package::{HandlerId, Manifest};
use assay_sandbox::{EgressError, Outside, Request, Response, Sending};

pub use network::Network;

use crate::exit::{Exit, Failure};
use crate::migrations::MigrationPolicy;
use crate::redaction::Secrets;
use crate::store::Store;
use credentials::Keyring;
use policy::EgressPolicy;
use trail::Trail;

/// Starts the client.
pub type StartEgress =
    dyn FnOnce(assay_egress::Settings, Arc<dyn Credentials>, Arc<dyn Audit>) -> Result<Egress, StartError> + Send;

/// What all handlers share of the way out.
pub struct WayOut {
    /// The credentials.
    pub keyring: Arc<Keyring>,
    /// The audit.
    pub trail: Arc<Trail>,
    /// The decisions.
    pub policy: Arc<dyn EgressPolicy>,
    egress: Egress,
}

impl WayOut {
    /// With the credentials and the audit of a store.
    ///
    /// # Errors
    /// A message for the person who starts it.
    pub fn open(
        settings: assay_egress::Settings,
        store: &Arc<Store>,
        policy: Arc<dyn EgressPolicy>,
        start: Box<StartEgress>,
    ) -> Result<Self, Failure> {
        let kept = store.credentials().map_err(|error| {
            Failure::new(Exit::Data, format!("the credentials in the data folder cannot be read: {error}"))
        })?;
        let keyring = Arc::new(Keyring::new(kept, policy.clone()));
        let trail = Trail::start(store.clone(), policy.clone())
            .map_err(|error| Failure::new(Exit::Internal, format!("the audit does not start: {error}")))?;
        let trail = Arc::new(trail);
        let egress = start(settings, keyring.clone(), trail.clone())
            .map_err(|error| Failure::new(Exit::Usage, format!("egress does not start: {error}")))?;
        Ok(Self { keyring, trail, policy, egress })
    }

    /// The way out for one execution, if its manifest asks for one.
    pub fn of(&self, execution: &str, manifest: &Manifest) -> Option<Arc<dyn Outside>> {
        let grant = self.policy.grant(execution, manifest)?;
        Some(Arc::new(OnBehalf { egress: self.egress.clone(), grant }))
    }

    /// The same for a migration, which may send nothing (core.md 9.35).
    pub fn of_migration(
        &self,
        execution: &str,
        manifest: &Manifest,
        migrations: &dyn MigrationPolicy,
    ) -> Option<Arc<dyn Outside>> {
        let grant = migrations.grant(self.policy.grant(execution, manifest)?);
        Some(Arc::new(OnBehalf { egress: self.egress.clone(), grant }))
    }

    /// Waits until everything that an execution has sent is on record, also what it gave up.
    pub async fn settled(&self, execution: &str) {
        self.egress.settled(execution).await;
    }

    /// What of the credentials must not be seen beside the output of a handler, as of now.
    pub fn sensitive(&self, handler: &HandlerId) -> Secrets {
        self.policy.sensitive(&self.keyring.read(), handler)
    }
}

/// The client on behalf of one execution.
struct OnBehalf {
    egress: Egress,
    grant: Grant,
}

impl fmt::Debug for OnBehalf {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OnBehalf").field("execution", &self.grant.execution).finish_non_exhaustive()
    }
}

impl Outside for OnBehalf {
    fn send(&self, request: Request) -> Sending<'_> {
        let Request { method, url, headers, body } = request;
        let request = assay_egress::Request { method, url, headers, body };
        Box::pin(async move {
            let answered = self.egress.send(&self.grant, request).await;
            answered.map(answer).map_err(error)
        })
    }
}

fn answer(response: assay_egress::Response) -> Response {
    let assay_egress::Response { status, headers, body } = response;
    Response { status, headers, body }
}

fn error(error: assay_egress::EgressError) -> EgressError {
    match error {
        assay_egress::EgressError::Denied(why) => EgressError::Denied(why),
        assay_egress::EgressError::InvalidRequest(why) => EgressError::InvalidRequest(why),
        assay_egress::EgressError::RateLimited => EgressError::RateLimited,
        assay_egress::EgressError::TimedOut => EgressError::TimedOut,
        assay_egress::EgressError::Failed(why) => EgressError::Failed(why),
    }
}

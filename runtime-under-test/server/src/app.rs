//! The runtime as a whole: what it was opened with, and how a request finds its operation.

use std::panic::AssertUnwindSafe;

use std::sync::Arc;
use std::time::Duration;

use assay_egress::Egress;
use assay_package::{Circumstances, Code, Gates, Offer, Refusal, RegistryKey, Trust};
use assay_sandbox::Sandbox;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, header};
use axum::response::Response;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::accounts::Account;
use crate::api;
use crate::body::RequestBody;
use crate::clock::Clock;
use crate::config::Storage;
use crate::exit::{Exit, Failure};
use crate::installations::{Installations, Installed};
use crate::judging::Judging;
use crate::migrations::{MigrationContract, MigrationPolicy};
use crate::outside::policy::{EgressContract, EgressPolicy};
use crate::outside::{Network, StartEgress, WayOut};
use crate::policy::{Asked, Contract, Policy, RegistryContract, RegistryPolicy};
use crate::problem::{Answer, Problem};
use crate::records::Records;
use crate::redaction::{self, Redactor, Secrets};
use crate::registry::Registry;
use crate::roles::{Role, Tokens, bearer};
use crate::rooms::Rooms;
use crate::routes;
use crate::store::{Store, StoreError, StoredInstallation};

/// How the promises of the contract are kept, one member for each crate that keeps some.
pub struct Conduct {
    /// The gates of packages.
    pub gates: Gates,
    /// What runs handlers.
    pub sandbox: Box<StartSandbox>,
    /// What sends requests on behalf of handlers.
    pub egress: Box<StartEgress>,
    /// The decisions of the server.
    pub policy: Arc<dyn Policy>,
    /// Those about what is stored and who is trusted.
    pub registry_policy: Arc<dyn RegistryPolicy>,
    /// Those about requests to other hosts.
    pub egress_policy: Arc<dyn EgressPolicy>,
    /// Those about the migration of state.
    pub migrations: Arc<dyn MigrationPolicy>,
}

/// Starts a sandbox.
pub type StartSandbox = dyn FnOnce(assay_sandbox::Settings) -> Result<Sandbox, assay_sandbox::StartError> + Send;

impl Default for Conduct {
    /// As the contract says.
    fn default() -> Self {
        Self {
            gates: Gates::honest(),
            sandbox: Box::new(Sandbox::new),
            egress: Box::new(Egress::new),
            policy: Arc::new(Contract),
            registry_policy: Arc::new(RegistryContract),
            egress_policy: Arc::new(EgressContract),
            migrations: Arc::new(MigrationContract),
        }
    }
}

/// The reference runtime, opened on a data folder.
pub struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) registry: Registry,
    pub(crate) installations: Installations,
    pub(crate) sandbox: Sandbox,
    pub(crate) outside: WayOut,
    pub(crate) gates: Gates,
    pub(crate) offer: Offer,
    pub(crate) key: RegistryKey,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) registry_policy: Arc<dyn RegistryPolicy>,
    pub(crate) migrations: Arc<dyn MigrationPolicy>,
    pub(crate) clock: Arc<dyn Clock>,
    /// One permit for each execution that may be under way.
    pub(crate) executions: Arc<Semaphore>,
    pub(crate) judging: Judging,
    pub(crate) records: Records,
    pub(crate) rooms: Rooms,
    tokens: Tokens,
}

/// One request whose operation and role are known.
pub(crate) struct Call {
    pub app: Arc<App>,
    pub role: Role,
    /// The names in the path, in order.
    pub names: Vec<String>,
    /// The head of the request.
    pub head: Parts,
}

impl Call {
    /// What of the caller's token must not be seen.
    pub(crate) fn secrets(&self) -> Secrets {
        self.app.caller_secrets(&self.head)
    }
}

impl App {
    /// Opens the data folder and brings back everything that was acknowledged before (lifecycle.md).
    ///
    /// # Errors
    /// A message for the person who starts it, with the exit code.
    pub fn open(
        storage: &Storage,
        tokens: Tokens,
        clock: Arc<dyn Clock>,
        network: Network,
        conduct: Conduct,
    ) -> Result<Self, Failure> {
        let Conduct { gates, sandbox, egress, policy, registry_policy, egress_policy, migrations } = conduct;
        let offer = Offer::default();
        let failed = |error: StoreError| error.at_start(&storage.data);
        let store = Arc::new(Store::open(&storage.data, &storage.objects).map_err(failed)?);
        let key = RegistryKey::from_seed(&store.write().registry_seed().map_err(failed)?);
        let catalogue = store.catalogue(|bytes| gates.envelope(bytes, &offer).ok()).map_err(failed)?;
        let keys = store.trust_keys().map_err(failed)?;
        let concurrent = u32::try_from(offer.bounds.concurrent_executions).unwrap_or(u32::MAX);
        let sandbox = sandbox(assay_sandbox::Settings {
            max_memory_bytes: offer.bounds.memory_bytes,
            max_concurrent: concurrent,
            cache_dir: Some(storage.compiled.clone()),
            ..assay_sandbox::Settings::default()
        })
        .map_err(|error| Failure::new(Exit::Internal, format!("the sandbox does not start: {error}")))?;
        let outside = WayOut::open(network.settings(&offer.bounds), &store, egress_policy, egress)?;
        let app = Self {
            registry: Registry::new(catalogue, keys, key.public_key()),
            executions: Arc::new(Semaphore::new(concurrent as usize)),
            installations: Installations::default(),
            judging: Judging::default(),
            records: Records::new(
                policy.records_kept(&offer.bounds),
                usize::try_from(offer.bounds.records_bytes).unwrap_or(usize::MAX),
            ),
            rooms: Rooms::new(&offer.bounds),
            store,
            sandbox,
            outside,
            gates,
            offer,
            key,
            policy,
            registry_policy,
            migrations,
            clock,
            tokens,
        };
        app.restore_installations().map_err(failed)?;
        Ok(app)
    }

    /// The longest that a request under way may still take: the longest execution and what comes around it.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.offer.bounds.timeout_ms) + Duration::from_secs(5)
    }

    /// Answers one request. Whatever happens, there is an answer.
    pub async fn answer(self: Arc<Self>, request: Request<Body>) -> Response {
        let id = hex::encode(rand::random::<[u8; 8]>());
        let (head, incoming) = request.into_parts();
        let secrets = self.caller_secrets(&head);
        let hidden = Redactor::new(&secrets);
        let path = hidden.text(crate::request::quoted(head.uri.path()), redaction::readings);
        let method = head.method.clone();
        let waits = head.headers.contains_key(header::EXPECT);
        let mut body = RequestBody::new(incoming, waits);
        let span = tracing::info_span!("request", id, %method, path);
        let dispatched = AssertUnwindSafe(self.dispatch(head, &mut body)).catch_unwind();
        let answer = tracing::Instrument::instrument(dispatched, span.clone()).await;
        let answer = answer.unwrap_or_else(|_| Err(Problem::Failed(anyhow::anyhow!("a panic"))));
        let mut response = match answer {
            Ok(response) => response,
            Err(problem) => {
                span.in_scope(|| self.policy.problem(&self.policy.redacted_refusal(&hidden, problem.refusal())))
            }
        };
        tracing::Instrument::instrument(body.drain(), span.clone()).await;
        span.in_scope(|| tracing::debug!(status = response.status().as_u16(), "answered"));
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-request-id", id);
        }
        response
    }

    async fn dispatch(self: &Arc<Self>, head: Parts, body: &mut RequestBody) -> Answer {
        let path = head.uri.path().to_owned();
        let Some(matched) = routes::find(&path) else {
            let detail = format!("there is no path `{}`", self.policy.quote(&path));
            return Ok(self.policy.no_operation(&self.hidden(&head, Refusal::new(Code::NotFound, detail))));
        };
        let names: Vec<String> = matched.names.iter().map(|name| name.clone().into_owned()).collect();
        let operation = matched.operation(&head.method);
        let operations: Vec<_> = match operation {
            Some(operation) => vec![operation],
            None => matched.operations.iter().map(|(_, operation)| *operation).collect(),
        };
        let token = head.headers.get(header::AUTHORIZATION).and_then(|value| self.tokens.role(value.as_bytes()));
        let asked =
            Asked { operations: &operations, names: &names, role: token, head: &head, registry: &self.registry };
        let role = self.policy.judge_role(&asked)?;
        match operation {
            Some(operation) => {
                body.enter(match operation {
                    routes::Operation::Upload => self.rooms.upload(),
                    _ => self.rooms.request(),
                });
                let call = Call { app: self.clone(), role, names, head };
                api::perform(operation, &call, body).await
            }
            None => Ok(self.wrong_method(&head.method, &matched.allow())),
        }
    }

    /// What of the caller's token must not be seen (core.md 11.1), whether the runtime knows it or not.
    fn caller_secrets(&self, head: &Parts) -> Secrets {
        let token = head.headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        token.map(|token| self.policy.sensitive_token(&String::from_utf8_lossy(token))).unwrap_or_default()
    }

    /// A refusal in which the caller's token is not quoted.
    fn hidden(&self, head: &Parts, refusal: Refusal) -> Refusal {
        self.policy.redacted_refusal(&Redactor::new(&self.caller_secrets(head)), refusal)
    }

    fn wrong_method(&self, method: &Method, allow: &str) -> Response {
        let detail = format!("`{}` is none of {allow}", self.policy.quote(method.as_str()));
        let mut response = self.policy.no_operation(&Refusal::new(Code::MethodNotAllowed, detail));
        if let Ok(allow) = HeaderValue::from_str(allow) {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }

    /// The bound `concurrent_executions`.
    pub(crate) fn executions_at_most(&self) -> usize {
        usize::try_from(self.offer.bounds.concurrent_executions).unwrap_or(usize::MAX)
    }

    /// An account that counts from a time on, and whose records are kept.
    pub(crate) fn open_account(&self, since: Timestamp) -> Arc<Account> {
        Arc::new(Account::new(self.records.open(), since))
    }

    /// What the gates judge by at a moment.
    pub(crate) fn circumstances<'a>(&'a self, trust: &'a Trust, now: Timestamp) -> Circumstances<'a> {
        Circumstances { offer: &self.offer, trust, ledger: &self.registry, now }
    }

    /// Does what blocks on a thread that may. It is carried through even if the caller goes away, so that what is
    /// committed is always shown.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Arc<Self>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let app = self.clone();
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || span.in_scope(|| work(&app))).await;
        done.unwrap_or_else(|error| Err(Problem::Failed(anyhow::Error::new(error))))
    }

    fn restore_installations(&self) -> Result<(), StoreError> {
        for StoredInstallation { number, handler, version, installed_at } in self.store.installations()? {
            let release = self.registry.catalogue().release(&handler, &version).cloned();
            let Some(release) = release else {
                return Err(StoreError::Damaged("installation"));
            };
            let made = api::install::make_running(self, &release, None);
            let failed = |error| tracing::error!(%handler, error = format!("{error:#}"), "it cannot run any more");
            let running = made.map_err(failed).ok().map(Arc::new);
            let account = self.open_account(self.clock.now());
            self.installations.put(Installed { number, release, installed_at, running, account });
        }
        Ok(())
    }
}

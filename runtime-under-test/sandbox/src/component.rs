//! The component packaging: Wasmtime applies the canonical ABI, this file only translates between
//! the types of handler.wit and those of the host.

use wasmtime::component::{Component, HasSelf, Linker, TypedFunc};
use wasmtime::{Engine, Store, format_err};

use crate::call::{Arguments, Export, Returned};
use crate::host::{Answer, Host, StateError};
use crate::outcome::{FailureKind, Level};
use crate::outside::{EgressError, Request, Response};

/// Generated from the contract itself, so a change there that this file does not follow does not
/// compile.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../conformance/spec/handler.wit",
        world: "handler",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

use bindings::assay::handler::{egress, log, state, types};
use bindings::{Handler, HandlerPre};

/// The export of the world `migrating-handler` that the world `handler` does not have.
const MIGRATE: &str = "migrate";

/// `migrate`, with its types of handler.wit.
type Migrate = TypedFunc<(types::Context, String), (Result<(), types::Failure>,)>;

/// A component whose imports and exports fit the world.
pub(crate) struct ComponentHandler {
    handler: HandlerPre<Host>,
    migrates: bool,
}

/// A fresh instance of it.
pub(crate) struct ComponentInstance {
    handler: Handler,
    migrate: Option<Migrate>,
}

/// What the host offers to components: log, state and egress.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    log::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
    state::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
    egress::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
    Ok(linker)
}

impl ComponentHandler {
    /// Checks imports and the export.
    pub(crate) fn new(linker: &Linker<Host>, component: &Component) -> wasmtime::Result<Self> {
        let handler = HandlerPre::new(linker.instantiate_pre(component)?)?;
        Ok(ComponentHandler { handler, migrates: component.get_export_index(None, MIGRATE).is_some() })
    }

    /// Whether it has the export `migrate`.
    pub(crate) fn migrates(&self) -> bool {
        self.migrates
    }

    pub(crate) async fn instantiate(&self, store: &mut Store<Host>) -> wasmtime::Result<ComponentInstance> {
        let instance = self.handler.instance_pre().instantiate_async(&mut *store).await?;
        let handler = Handler::new(&mut *store, &instance)?;
        let migrate = if self.migrates { Some(instance.get_typed_func(&mut *store, MIGRATE)?) } else { None };
        Ok(ComponentInstance { handler, migrate })
    }
}

impl ComponentInstance {
    /// Calls the export. Wasmtime copies an output or a message out before its length can be seen;
    /// the memory limit bounds that copy.
    pub(crate) async fn call(&self, store: &mut Store<Host>, arguments: &Arguments) -> wasmtime::Result<Returned> {
        let context = context(arguments);
        let returned = match arguments.export {
            Export::Handle => self.handler.call_handle(&mut *store, &context, &arguments.input).await?,
            Export::Migrate => {
                let migrate = self.migrate.as_ref().ok_or_else(|| format_err!("there is no such export"))?;
                let from = String::from_utf8_lossy(&arguments.input).into_owned();
                let (returned,) = migrate.call_async(&mut *store, (context, from)).await?;
                returned.map(|()| Vec::new())
            }
        };
        let (answer, length, returned) = match returned {
            Ok(output) => (Answer::Output, output.len(), Returned::Output(output)),
            Err(failure) => {
                let (kind, message) = failed(failure);
                (Answer::FailureMessage, message.len(), Returned::Failure(kind, message))
            }
        };
        Ok(if store.data().admits(answer, length) { returned } else { Returned::Oversized })
    }
}

fn context(arguments: &Arguments) -> types::Context {
    let context = &arguments.context;
    let attributes = context.attributes.iter();
    types::Context {
        execution: context.execution.clone(),
        handler: context.handler.clone(),
        version: context.version.clone(),
        caller: context.caller.clone(),
        admitted_at: context.admitted_at_ms,
        attributes: attributes.map(|(name, value)| (name.clone(), value.clone())).collect(),
    }
}

fn failed(failure: types::Failure) -> (FailureKind, String) {
    match failure {
        types::Failure::InvalidInput(message) => (FailureKind::InvalidInput, message),
        types::Failure::Unavailable(message) => (FailureKind::Unavailable, message),
        types::Failure::Internal(message) => (FailureKind::Internal, message),
    }
}

impl log::Host for Host {
    async fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.called().await?;
        let level = match level {
            log::Level::Trace => Level::Trace,
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log.write(level, message);
        Ok(())
    }
}

impl state::Host for Host {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.called().await?;
        Ok(self.state()?.get(&key).map(<[u8]>::to_vec))
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), state::StateError>> {
        self.called().await?;
        Ok(self.state()?.set(&key, value).map_err(refused))
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), state::StateError>> {
        self.called().await?;
        Ok(self.state()?.delete(&key).map_err(refused))
    }

    async fn keys(&mut self) -> wasmtime::Result<Vec<String>> {
        self.called().await?;
        Ok(self.state()?.keys())
    }
}

impl egress::Host for Host {
    async fn send(
        &mut self,
        request: egress::Request,
    ) -> wasmtime::Result<Result<egress::Response, egress::EgressError>> {
        self.called().await?;
        let egress::Request { method, url, headers, body } = request;
        let exchanged = Host::send(self, Request { method, url, headers, body }).await?;
        Ok(exchanged.map(answered).map_err(unanswered))
    }
}

fn answered(response: Response) -> egress::Response {
    let Response { status, headers, body } = response;
    egress::Response { status, headers, body }
}

fn unanswered(error: EgressError) -> egress::EgressError {
    match error {
        EgressError::Denied(why) => egress::EgressError::Denied(why),
        EgressError::InvalidRequest(why) => egress::EgressError::InvalidRequest(why),
        EgressError::RateLimited => egress::EgressError::RateLimited,
        EgressError::TimedOut => egress::EgressError::TimedOut,
        EgressError::Failed(why) => egress::EgressError::Failed(why),
    }
}

fn refused(error: StateError) -> state::StateError {
    match error {
        StateError::QuotaExceeded => state::StateError::QuotaExceeded,
        StateError::InvalidKey => state::StateError::InvalidKey,
    }
}

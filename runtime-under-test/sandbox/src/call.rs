//! One call of a handler: what goes in, what comes out, and the instance in between.

use std::future::Future;
use std::pin::Pin;

use wasmtime::Store;

use crate::host::Host;
use crate::job::Context;
use crate::outcome::FailureKind;
use crate::prepared::Prepared;

/// Which export is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    Handle,
    /// There only if the handler has it.
    Migrate,
}

/// What a handler is called with.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) export: Export,
    pub(crate) context: Context,
    /// The input, or the version that is replaced: the two exports are lowered alike.
    pub(crate) input: Vec<u8>,
}

impl Arguments {
    pub(crate) fn of_handle(context: Context, input: Vec<u8>) -> Self {
        Arguments { export: Export::Handle, context, input }
    }

    pub(crate) fn of_migrate(context: Context, from: Vec<u8>) -> Self {
        Arguments { export: Export::Migrate, context, input: from }
    }
}

/// What a handler returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Returned {
    /// An output within its limit; nothing, of a migration.
    Output(Vec<u8>),
    /// An output or a failure's message past the limit.
    Oversized,
    /// A failure, its message within the limit.
    Failure(FailureKind, String),
}

/// A call under way.
pub(crate) type Calling<'a> = Pin<Box<dyn Future<Output = wasmtime::Result<Returned>> + Send + 'a>>;

/// Where the instance of a call comes from and where it goes.
pub(crate) trait Call: Send + Sync {
    /// Calls `handler` once. `store` is new, and whatever the host learns is in its data afterwards.
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a>;
}

/// A fresh instance for each call, gone with its store (core.md, 9.9).
pub(crate) struct FreshInstance;

impl Call for FreshInstance {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let instance = handler.instantiate(store).await?;
            store.data_mut().may_leave = true;
            instance.call(store, &arguments).await
        })
    }
}

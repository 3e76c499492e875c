//! One call of a handler: what goes in, what comes out, and the instance in between.

use std::future::Future;
use std::pin::Pin;

use wasmtime::Store;

use crate::host::Host;
use crate::job::Context;
use crate::outcome::FailureKind;
use crate::prepared::Prepared;

/// What a handler is called with.
#[derive(Debug, Clone)]
pub(crate) struct Arguments {
    pub(crate) context: Context,
    pub(crate) input: Vec<u8>,
}

/// What a handler returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Returned {
    /// An output within its limit.
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

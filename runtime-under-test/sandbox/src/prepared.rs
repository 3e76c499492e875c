//! A module made ready to run: compiled, its imports linked, its exports of the right types. Once a
//! value exists, only the run itself can go wrong.

use std::sync::Arc;

use wasmtime::component::Component;
use wasmtime::{Module, Store};

use crate::abi::Abi;
use crate::call::{Arguments, Returned};
use crate::component::{ComponentHandler, ComponentInstance};
use crate::core_abi::{CoreHandler, CoreInstance};
use crate::engine::Linkers;
use crate::error::PrepareError;
use crate::host::Host;

/// Longest text of a [`PrepareError`], in bytes.
const ERROR_BYTES: usize = 400;

/// A handler that can be executed, any number of times and at the same time. Cheap to clone.
#[derive(Clone)]
pub struct Prepared(Arc<Handler>);

struct Handler {
    digest: [u8; 32],
    packaging: Packaging,
}

enum Packaging {
    Core(CoreHandler),
    Component(ComponentHandler),
}

/// A fresh instance of a handler in either packaging.
pub(crate) enum Instance {
    Core(CoreInstance),
    Component(ComponentInstance),
}

impl Prepared {
    /// Compiles `module` and checks it against the interface. Takes as long as the compiler needs:
    /// not for an async thread.
    pub(crate) fn compile(linkers: &Linkers, abi: Abi, digest: [u8; 32], module: &[u8]) -> Result<Self, PrepareError> {
        let packaging = match abi {
            Abi::Core => {
                let module = Module::from_binary(linkers.engine(), module).map_err(not_compiled)?;
                let handler = CoreHandler::new(&linkers.core, &module).map_err(no_handler)?;
                Packaging::Core(handler)
            }
            Abi::Component => {
                let component = Component::from_binary(linkers.engine(), module).map_err(not_compiled)?;
                let handler = ComponentHandler::new(&linkers.component, &component).map_err(no_handler)?;
                Packaging::Component(handler)
            }
        };
        Ok(Prepared(Arc::new(Handler { digest, packaging })))
    }

    /// The digest under which it was prepared.
    pub fn digest(&self) -> &[u8; 32] {
        &self.0.digest
    }

    /// How it is packaged.
    pub fn abi(&self) -> Abi {
        match self.0.packaging {
            Packaging::Core(_) => Abi::Core,
            Packaging::Component(_) => Abi::Component,
        }
    }

    /// Whether it has the export `migrate`.
    pub fn migrates(&self) -> bool {
        match &self.0.packaging {
            Packaging::Core(handler) => handler.migrates(),
            Packaging::Component(handler) => handler.migrates(),
        }
    }

    pub(crate) async fn instantiate(&self, store: &mut Store<Host>) -> wasmtime::Result<Instance> {
        Ok(match &self.0.packaging {
            Packaging::Core(handler) => Instance::Core(handler.instantiate(store).await?),
            Packaging::Component(handler) => Instance::Component(handler.instantiate(store).await?),
        })
    }
}

impl Instance {
    pub(crate) async fn call(&self, store: &mut Store<Host>, arguments: &Arguments) -> wasmtime::Result<Returned> {
        match self {
            Instance::Core(instance) => instance.call(store, arguments).await,
            Instance::Component(instance) => instance.call(store, arguments).await,
        }
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("abi", &self.abi()).finish_non_exhaustive()
    }
}

fn not_compiled(error: wasmtime::Error) -> PrepareError {
    PrepareError::Compile(bounded(&error))
}

fn no_handler(error: wasmtime::Error) -> PrepareError {
    PrepareError::Interface(bounded(&error))
}

/// The whole chain of causes on one line. Import names may hold slashes, so unlike the words of a
/// trap these stay as they are: they are for the operator.
fn bounded(error: &wasmtime::Error) -> String {
    let mut text = format!("{error:#}").replace(char::is_control, " ");
    text.truncate(text.floor_char_boundary(ERROR_BYTES));
    text
}

//! The sandbox itself: what is shared by all executions.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::abi::Abi;
use crate::cache::Cache;
use crate::call::Export;
use crate::engine::Linkers;
use crate::error::{PrepareError, StartError};
use crate::execution;
use crate::job::Job;
use crate::outcome::Execution;
use crate::policy::Policy;
use crate::prepared::Prepared;
use crate::settings::Settings;
use crate::ticker::Ticker;

/// Compilations under way at once: a second one, so that a costly module does not hold up all others.
const COMPILERS: usize = 2;
/// How long a module waits for its compilation to begin.
const PATIENCE: Duration = Duration::from_secs(20);
/// Compiled handlers kept in memory.
const PREPARED_HANDLERS: usize = 256;

/// Makes modules ready and runs them, each execution in an instance of its own. One for a process is
/// enough; share it in an [`Arc`]. Dropping it ends its thread.
pub struct Sandbox {
    linkers: Arc<Linkers>,
    prepared: Cache<(Abi, [u8; 32]), Prepared>,
    places: Semaphore,
    /// One for each compilation under way: a compiler takes memory and all cores that it gets.
    compilers: Arc<Semaphore>,
    policy: Policy,
    _ticker: Ticker,
}

impl Sandbox {
    /// Reserves the address space that `settings` ask for and starts the ticker.
    ///
    /// # Errors
    ///
    /// If the host does not give the address space or the thread, if Wasmtime refuses the sizes
    /// (`max_memory_bytes` above 4 GiB), or if the folder for compiled code cannot be used.
    pub fn new(settings: Settings) -> Result<Self, StartError> {
        Self::with_policy(settings, Policy::honest())
    }

    pub(crate) fn with_policy(settings: Settings, policy: Policy) -> Result<Self, StartError> {
        let places = (policy.places)(settings.max_concurrent);
        let linkers = Linkers::new(&settings, settings.max_concurrent.max(1), policy.stack_bytes)?;
        let ticker = Ticker::start(linkers.engine(), settings.tick)?;
        Ok(Sandbox {
            linkers: Arc::new(linkers),
            prepared: Cache::new(PREPARED_HANDLERS),
            places: Semaphore::new(places as usize),
            compilers: Arc::new(Semaphore::new(COMPILERS)),
            policy,
            _ticker: ticker,
        })
    }

    /// What [`Sandbox::prepare`] made of a module before, if it is still at hand. Lets a caller do
    /// without the module's bytes.
    pub fn prepared(&self, abi: Abi, module_digest: [u8; 32]) -> Option<Prepared> {
        self.prepared.get((abi, module_digest))
    }

    /// Makes a module ready to run. It is compiled off the async threads, and once: the result is
    /// kept under `module_digest`, which the caller vouches for.
    ///
    /// # Errors
    ///
    /// If the module does not compile or does not fit the interface, or if others were compiled for too long. A failure is
    /// not kept.
    pub async fn prepare(&self, abi: Abi, module_digest: [u8; 32], module: &[u8]) -> Result<Prepared, PrepareError> {
        let compile = || async {
            let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.compilers).acquire_owned()).await;
            let place = place.map_err(|_| PrepareError::Busy)?.map_err(|_| PrepareError::Interrupted)?;
            let (linkers, module, compile) =
                (Arc::clone(&self.linkers), (self.policy.module)(module), self.policy.compile);
            let compiled = tokio::task::spawn_blocking(move || {
                // Held until it is compiled, also if the caller goes away.
                let _place = place;
                compile(&linkers, abi, module_digest, &module)
            });
            compiled.await.map_err(|_| PrepareError::Interrupted)?
        };
        self.prepared.get_or_make((abi, module_digest), compile).await
    }

    /// Runs a handler of this sandbox once, in a fresh instance. Waits for a place first; that wait
    /// counts neither against the handler's time nor as its CPU time. Whatever the handler does is
    /// part of the answer. Needs a Tokio runtime with a timer; dropping the future ends the handler.
    pub async fn execute(&self, handler: &Prepared, job: Job) -> Execution {
        self.call(handler, Export::Handle, job).await
    }

    /// Runs the export `migrate` of a handler that has it ([`Prepared::migrates`]), in every other respect like
    /// [`Sandbox::execute`]. The input is the version that is replaced; there is no output, so [`Outcome::Output`] with no
    /// bytes says that it succeeded.
    ///
    /// [`Outcome::Output`]: crate::Outcome::Output
    pub async fn migrate(&self, handler: &Prepared, job: Job) -> Execution {
        self.call(handler, Export::Migrate, job).await
    }

    async fn call(&self, handler: &Prepared, export: Export, job: Job) -> Execution {
        // The semaphore is never closed, so this is a place. It is given back after the instance.
        let _place = self.places.acquire().await;
        execution::run(self.linkers.engine(), &self.policy, handler, export, job).await
    }
}

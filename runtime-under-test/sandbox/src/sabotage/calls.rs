//! Defects in the way from a handler to an answer.

use std::collections::HashSet;
use std::mem::swap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use wasmtime::Store;

use crate::abi::Abi;
use crate::call::{Arguments, Call, Calling, FreshInstance, Returned};
use crate::ended::Ended;
use crate::engine::Linkers;
use crate::error::PrepareError;
use crate::execution;
use crate::host::{Host, Log};
use crate::job::Context;
use crate::limiter::MemoryMeter;
use crate::prepared::{Instance, Prepared};

/// Instances that [`ReusedInstance`] keeps: each holds a place in the pool.
pub(super) const KEPT: u32 = 32;

/// Returns the input and never calls the handler.
pub(super) struct InputReturned;

impl Call for InputReturned {
    fn call<'a>(&'a self, _store: &'a mut Store<Host>, _handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move { Ok(Returned::Output(arguments.input)) })
    }
}

/// Keeps the instances of a module for further executions.
pub(super) struct ReusedInstance {
    /// Whether an instance that served one execution serves another.
    serves: fn(before: &Context, now: &Context) -> bool,
    kept: Mutex<Vec<Kept>>,
}

impl ReusedInstance {
    pub(super) fn new(serves: fn(before: &Context, now: &Context) -> bool) -> Self {
        ReusedInstance { serves, kept: Mutex::default() }
    }

    fn take(&self, handler: &Prepared, now: &Context) -> Option<Kept> {
        let mut all = locked(&self.kept);
        let found = all.iter().position(|kept| kept.digest == *handler.digest() && (self.serves)(&kept.served, now));
        found.map(|index| all.remove(index))
    }

    fn keep(&self, kept: Kept) {
        let mut all = locked(&self.kept);
        if all.len() >= KEPT as usize {
            all.remove(0);
        }
        all.push(kept);
    }
}

struct Kept {
    digest: [u8; 32],
    /// The last execution that it served.
    served: Context,
    store: Store<Host>,
    instance: Instance,
    memory: MemoryMeter,
}

impl Call for ReusedInstance {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let mut kept = match self.take(handler, &arguments.context) {
                Some(kept) => Kept { served: arguments.context.clone(), ..kept },
                None => made(store, handler, &arguments.context).await?,
            };
            // The execution's own data moves in for the call, but the memory is that of the instance.
            swap(store.data_mut(), kept.store.data_mut());
            kept.store.data_mut().memory = kept.memory;
            kept.store.data_mut().may_leave = true;
            let returned = kept.instance.call(&mut kept.store, &arguments).await;
            kept.memory = kept.store.data().memory;
            swap(store.data_mut(), kept.store.data_mut());
            if returned.is_ok() {
                self.keep(kept);
            }
            returned
        })
    }
}

/// An instance in a store of its own, made on behalf of the execution in `store`.
async fn made(store: &mut Store<Host>, handler: &Prepared, served: &Context) -> wasmtime::Result<Kept> {
    let host = store.data();
    let idle = Host {
        log: Log::new(0, Log::append_within_the_limit),
        state: None,
        egress: None,
        memory: host.memory,
        deadline: host.deadline,
        overdue: host.overdue,
        turn: host.turn,
        call_rule: host.call_rule,
        output_bytes: 0,
        output_rule: host.output_rule,
        may_leave: false,
    };
    let mut other = execution::store(store.engine(), idle, u64::MAX);
    let instance = handler.instantiate(&mut other).await;
    store.data_mut().memory = other.data().memory;
    let (digest, served) = (*handler.digest(), served.clone());
    Ok(Kept { digest, served, memory: other.data().memory, instance: instance?, store: other })
}

/// After a call that did not return, all further calls of the same module trap.
#[derive(Default)]
pub(super) struct PoisonedByTraps(Mutex<HashSet<[u8; 32]>>);

impl Call for PoisonedByTraps {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            if locked(&self.0).contains(handler.digest()) {
                return Err(Ended::breach("an earlier execution did not return").into());
            }
            let mut poison = Poison { digests: &self.0, digest: Some(*handler.digest()) };
            let returned = FreshInstance.call(store, handler, arguments).await?;
            poison.digest = None;
            Ok(returned)
        })
    }
}

/// Poisons a module when the call is given up, however that comes about.
struct Poison<'a> {
    digests: &'a Mutex<HashSet<[u8; 32]>>,
    digest: Option<[u8; 32]>,
}

impl Drop for Poison<'_> {
    fn drop(&mut self) {
        if let Some(digest) = self.digest {
            locked(self.digests).insert(digest);
        }
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Held by whoever compiles, and by whoever begins an execution.
static COMPILING: RwLock<()> = RwLock::new(());

/// Compiles while nobody begins an execution.
pub(super) fn compile_alone(
    linkers: &Linkers,
    abi: Abi,
    digest: [u8; 32],
    module: &[u8],
) -> Result<Prepared, PrepareError> {
    let _alone = COMPILING.write().unwrap_or_else(PoisonError::into_inner);
    Prepared::compile(linkers, abi, digest, module)
}

/// Begins when nobody compiles, and holds up whoever else its thread serves.
pub(super) struct WaitsForCompilers;

impl Call for WaitsForCompilers {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        drop(COMPILING.read().unwrap_or_else(PoisonError::into_inner));
        FreshInstance.call(store, handler, arguments)
    }
}

//! Defects in the way from a handler to an answer.

use std::collections::{HashMap, HashSet};
use std::mem::swap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wasmtime::Store;

use crate::call::{Arguments, Call, Calling, FreshInstance, Returned};
use crate::ended::Ended;
use crate::execution;
use crate::host::{Host, Log};
use crate::limiter::MemoryMeter;
use crate::prepared::{Instance, Prepared};

/// Instances that [`ReusedInstance`] keeps: each holds a place in the pool.
pub(super) const KEPT: u32 = 8;

/// Returns the input and never calls the handler.
pub(super) struct InputReturned;

impl Call for InputReturned {
    fn call<'a>(&'a self, _store: &'a mut Store<Host>, _handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move { Ok(Returned::Output(arguments.input)) })
    }
}

/// Keeps the instance of a handler for its next execution.
#[derive(Default)]
pub(super) struct ReusedInstance(Mutex<HashMap<[u8; 32], Kept>>);

struct Kept {
    store: Store<Host>,
    instance: Instance,
    memory: MemoryMeter,
}

impl Call for ReusedInstance {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let found = locked(&self.0).remove(handler.digest());
            let mut kept = match found {
                Some(kept) => kept,
                None => made(store, handler).await?,
            };
            // The execution's own data moves in for the call, but the memory is that of the instance.
            swap(store.data_mut(), kept.store.data_mut());
            kept.store.data_mut().memory = kept.memory;
            let returned = kept.instance.call(&mut kept.store, &arguments).await;
            kept.memory = kept.store.data().memory;
            swap(store.data_mut(), kept.store.data_mut());
            if returned.is_ok() {
                let mut all = locked(&self.0);
                if all.len() >= KEPT as usize {
                    all.clear();
                }
                all.insert(*handler.digest(), kept);
            }
            returned
        })
    }
}

/// An instance in a store of its own, made on behalf of the execution in `store`.
async fn made(store: &mut Store<Host>, handler: &Prepared) -> wasmtime::Result<Kept> {
    let host = store.data();
    let idle = Host {
        log: Log::new(0, Log::append_within_the_limit),
        state: None,
        memory: host.memory,
        deadline: host.deadline,
        output_bytes: 0,
        output_rule: host.output_rule,
        may_leave: true,
    };
    let mut other = execution::store(store.engine(), idle, u64::MAX);
    let instance = handler.instantiate(&mut other).await;
    store.data_mut().memory = other.data().memory;
    Ok(Kept { memory: other.data().memory, instance: instance?, store: other })
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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

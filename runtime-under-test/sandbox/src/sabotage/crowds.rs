//! Defects that show only when executions of one handler come together, or when very many come.

use std::collections::HashMap;
use std::mem::take;
use std::sync::Mutex;

use tokio::task::yield_now;
use wasmtime::Store;

use super::calls::locked;
use crate::call::{Arguments, Call, Calling, FreshInstance, Returned};
use crate::host::Host;
use crate::outcome::LogLine;
use crate::prepared::Prepared;

/// Passes the output through a buffer that all executions of a handler share.
#[derive(Default)]
pub(super) struct SharedOutput(Mutex<HashMap<String, Vec<u8>>>);

impl Call for SharedOutput {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let owner = arguments.context.handler.clone();
            let returned = FreshInstance.call(store, handler, arguments).await?;
            let Returned::Output(output) = returned else {
                return Ok(returned);
            };
            locked(&self.0).insert(owner.clone(), output);
            yield_now().await;
            Ok(Returned::Output(locked(&self.0).get(&owner).cloned().unwrap_or_default()))
        })
    }
}

/// Collects the lines of all executions of a handler in one place.
#[derive(Default)]
pub(super) struct SharedLog(Mutex<HashMap<String, Vec<LogLine>>>);

impl Call for SharedLog {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let owner = arguments.context.handler.clone();
            let returned = FreshInstance.call(store, handler, arguments).await;
            let lines = take(&mut store.data_mut().log.lines);
            locked(&self.0).entry(owner.clone()).or_default().extend(lines);
            yield_now().await;
            store.data_mut().log.lines = locked(&self.0).remove(&owner).unwrap_or_default();
            returned
        })
    }
}

/// Of so many outputs of a handler one is lost.
const LOST: usize = 80;

/// Answers `null` in the place of every eightieth output of a handler.
#[derive(Default)]
pub(super) struct LosesOutputs(Mutex<HashMap<String, usize>>);

impl LosesOutputs {
    fn is_next_lost(&self, handler: &str) -> bool {
        let mut counted = locked(&self.0);
        let count = counted.entry(handler.to_owned()).or_default();
        *count += 1;
        count.is_multiple_of(LOST)
    }
}

impl Call for LosesOutputs {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let lost = self.is_next_lost(&arguments.context.handler);
            let returned = FreshInstance.call(store, handler, arguments).await?;
            Ok(if lost { Returned::Output(b"null".to_vec()) } else { returned })
        })
    }
}

/// Keeps a copy of every output.
#[derive(Default)]
pub(super) struct KeepsOutputs(Mutex<Vec<Vec<u8>>>);

impl Call for KeepsOutputs {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let returned = FreshInstance.call(store, handler, arguments).await?;
            if let Returned::Output(output) = &returned {
                locked(&self.0).push(output.clone());
            }
            Ok(returned)
        })
    }
}

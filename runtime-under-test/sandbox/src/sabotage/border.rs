//! Defects at the border between handler and runtime.

use std::mem::replace;
use std::sync::Arc;

use wasmtime::Store;

use super::Defect;
use crate::call::{Arguments, Call, Calling, Export, FreshInstance, Returned};
use crate::ended::Ended;
use crate::host::{Host, Log};
use crate::outcome::Outcome;
use crate::prepared::Prepared;

/// The table. Words are those of the core packaging, then those of Wasmtime's components, as a caller sees them.
pub(super) const DEFECTS: &[Defect] = &[
    ("places-unchecked", |policy| {
        policy.call = Arc::new(Forgiving(&[
            "a pointer is not aligned",
            "a pointer lies outside the memory",
            "pointer not aligned",
            "pointer out of bounds",
        ]));
    }),
    ("lengths-unchecked", |policy| {
        policy.call = Arc::new(Forgiving(&[
            "a pointer and its length lie outside",
            "list … out of bounds",
            "string … out of bounds",
        ]));
    }),
    ("text-unchecked", |policy| policy.call = Arc::new(Forgiving(&["is not UTF-8", "utf-8"]))),
    ("cases-unchecked", |policy| policy.call = Arc::new(Forgiving(&["level is out of range", "discriminant"]))),
    ("allocations-unchecked", |policy| {
        policy.call = Arc::new(Forgiving(&["what `cabi_realloc` returned", "realloc return:"]));
    }),
    ("imports-at-any-time", |policy| {
        policy.call = Arc::new(Forgiving(&["an import was called while", "cannot leave component instance"]));
    }),
    ("imports-at-any-time-of-a-migration", |policy| {
        policy.call =
            Arc::new(InMigrations(Forgiving(&["an import was called while", "cannot leave component instance"])));
    }),
    ("start-ends-nothing", |policy| policy.call = Arc::new(AnyStart)),
    ("handle-called-twice", |policy| policy.call = Arc::new(Twice)),
    ("clean-up-compiled-away", |policy| policy.module = without_traps),
    ("same-bytes-kept-once", |policy| {
        policy.logs_kept = |outcome, mut log| {
            if let Outcome::Output(output) = outcome {
                log.lines.retain(|line| line.message.as_bytes() != output.as_slice());
            }
            log
        };
    }),
    ("attribute-added", |policy| {
        policy.arguments = |mut context, input| {
            context.attributes.insert("trace".to_owned(), "1".to_owned());
            Arguments::of_handle(context, input)
        };
    }),
];

/// Answers `null` where a handler is ended with one of these words.
struct Forgiving(&'static [&'static str]);

impl Call for Forgiving {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let returned = FreshInstance.call(store, handler, arguments).await;
            returned.or_else(|error| match Ended::from_wasmtime(&error) {
                Ended::Trap(words) if self.0.iter().any(|forgiven| words.contains(forgiven)) => Ok(null()),
                _ => Err(error),
            })
        })
    }
}

/// The same for migrations only.
struct InMigrations(Forgiving);

impl Call for InMigrations {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        match arguments.export {
            Export::Handle => FreshInstance.call(store, handler, arguments),
            Export::Migrate => self.0.call(store, handler, arguments),
        }
    }
}

/// Answers `null` where the instance cannot be made.
struct AnyStart;

impl Call for AnyStart {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let Ok(instance) = handler.instantiate(store).await else {
                return Ok(null());
            };
            store.data_mut().may_leave = true;
            instance.call(store, &arguments).await
        })
    }
}

/// Calls a handler without state twice and keeps the second answer, with the log of the second call.
struct Twice;

impl Call for Twice {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let instance = handler.instantiate(store).await?;
            store.data_mut().may_leave = true;
            if store.data().state.is_none() {
                let log = replace(&mut store.data_mut().log, Log::new(0, Log::append_within_the_limit));
                let first = instance.call(store, &arguments).await;
                store.data_mut().log = log;
                first?;
            }
            instance.call(store, &arguments).await
        })
    }
}

fn null() -> Returned {
    Returned::Output(b"null".to_vec())
}

/// Turns every function without locals that only executes `unreachable` into one that does nothing.
fn without_traps(module: &[u8]) -> Vec<u8> {
    const TRAPS: [u8; 4] = [3, 0, 0x00, 0x0b];
    const NOP: u8 = 0x01;
    let mut module = module.to_vec();
    let places: Vec<usize> = (0..module.len()).filter(|at| module[*at..].starts_with(&TRAPS)).collect();
    for at in places {
        module[at + 2] = NOP;
    }
    module
}

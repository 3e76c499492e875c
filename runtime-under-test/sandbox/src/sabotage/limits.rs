//! Defects of the limits, and of what is said about traps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{ExternType, Store, StoreContextMut, WasmBacktrace};

use super::{Defect, PAGE, UNENFORCED};
use crate::call::{Arguments, Call, Calling, Returned};
use crate::ended::Ended;
use crate::host::{Host, Pace};
use crate::limiter::{Grower, all_together};
use crate::outcome::{FailureKind, Outcome};
use crate::policy::Policy;
use crate::prepared::Prepared;

/// What any memory may have that declares no maximum, in bytes.
const ANY_MEMORY: u64 = 1 << 32;
/// Stack of a handler that has too little of it, in bytes.
const LITTLE_STACK: usize = 16 << 10;

pub(super) const DEFECTS: &[Defect] = &[
    ("timeouts-reported-as-traps", |policy| {
        policy.ended = |ended| match ended {
            Ended::Timeout => Outcome::Trap("interrupted".to_owned()),
            other => (Policy::honest().ended)(other),
        };
    }),
    ("host-calls-unwatched", |policy| policy.host_call = |_, _| Ok(Pace::GoOn)),
    ("host-calls-hold-the-thread", |policy| {
        policy.host_call = |host, now| host.in_time_and_in_turn(now).map(|_| Pace::GoOn);
    }),
    ("deadline-only-in-handle", |policy| {
        policy.deadline = |start, timeout| start + timeout + UNENFORCED;
        policy.overdue = |store| {
            let late = if in_handle(store) { UNENFORCED } else { Duration::ZERO };
            Instant::now() + late >= store.data().deadline
        };
        policy.host_call = |host, now| host.in_time_and_in_turn(now + UNENFORCED);
    }),
    ("timeout-tenfold", |policy| policy.deadline = |start, timeout| start + timeout * 10),
    ("memory-sum-in-32-bits", |policy| policy.memory_sum = |growth| all_together(growth) & u64::from(u32::MAX)),
    ("tables-not-counted", |policy| {
        policy.memory_sum = |growth| match growth.of {
            Grower::Memory => all_together(growth),
            Grower::Table => growth.sum,
        };
    }),
    ("memories-limited-apart", |policy| {
        policy.memory_sum = |growth| match growth.of {
            Grower::Memory => growth.to,
            Grower::Table => all_together(growth),
        };
    }),
    ("declared-maximum-counted", |policy| {
        policy.memory_sum = |growth| match growth.maximum {
            Some(maximum) if growth.from == 0 && maximum < ANY_MEMORY => growth.sum.saturating_add(maximum),
            _ => all_together(growth),
        };
    }),
    ("memory-use-in-pages", |policy| policy.memory_used = |peak, _limit| peak.next_multiple_of(PAGE)),
    ("arithmetic-traps-are-failures", |policy| {
        policy.ended = |ended| failure(ended, &["divide", "overflow", "integer"])
    }),
    ("memory-traps-are-failures", |policy| policy.ended = |ended| failure(ended, &["memory access"])),
    ("table-traps-are-failures", |policy| policy.ended = |ended| failure(ended, &["table", "element", "indirect"])),
    ("stack-exhaustion-is-memory-exceeded", |policy| {
        policy.ended = |ended| match ended {
            Ended::Trap(what) if what.contains("stack") => Outcome::MemoryExceeded,
            other => (Policy::honest().ended)(other),
        };
    }),
    ("stack-too-small", |policy| policy.stack_bytes = LITTLE_STACK),
    ("start-traps-are-failures", |policy| policy.call = Arc::new(FailureAtStart)),
    ("trap-details-tell-of-the-host", |policy| {
        policy.ended = |ended| match ended {
            Ended::Trap(what) => Outcome::Trap(format!("{what} at 0x7f31c2a04010 in /srv/runtime/handler.wasm")),
            other => (Policy::honest().ended)(other),
        };
    }),
    ("trap-details-all-alike", |policy| {
        policy.ended = |ended| match ended {
            Ended::Trap(_) => Outcome::Trap("the handler trapped".to_owned()),
            other => (Policy::honest().ended)(other),
        };
    }),
];

/// Reports traps whose text has one of these words as failures.
fn failure(ended: Ended, words: &[&str]) -> Outcome {
    match ended {
        Ended::Trap(what) if words.iter().any(|word| what.contains(word)) => {
            Outcome::Failure { kind: FailureKind::Internal, message: what }
        }
        other => (Policy::honest().ended)(other),
    }
}

/// Whether the guest was entered through `handle`. It is told by its place: the suite's handlers define their functions
/// in the order in which they export them, `cabi_realloc` first.
fn in_handle(store: &StoreContextMut<'_, Host>) -> bool {
    let trace = WasmBacktrace::force_capture(store);
    trace.frames().last().is_some_and(|entered| {
        let imported = entered.module().imports().filter(|import| matches!(import.ty(), ExternType::Func(_))).count();
        entered.func_index() as usize == imported + 1
    })
}

/// Takes a handler whose instance cannot be made for one that returned a failure.
struct FailureAtStart;

impl Call for FailureAtStart {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            match handler.instantiate(store).await {
                Ok(instance) => {
                    store.data_mut().may_leave = true;
                    instance.call(store, &arguments).await
                }
                Err(error) => match Ended::from_wasmtime(&error) {
                    Ended::Trap(what) => Ok(Returned::Failure(FailureKind::Internal, what)),
                    ended => Err(ended.into()),
                },
            }
        })
    }
}

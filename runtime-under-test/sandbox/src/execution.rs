//! One execution from its start to its end: a store of its own, a deadline, and the account of what
//! it cost.

use std::time::{Duration, Instant};

use tokio::time::timeout_at;
use wasmtime::{Engine, Store, StoreContextMut, UpdateDeadline};

use crate::busy;
use crate::call::{Arguments, Export};
use crate::ended::Ended;
use crate::host::{Egress, Host, Log, State};
use crate::job::Job;
use crate::limiter::MemoryMeter;
use crate::outcome::{Execution, Outcome, Usage};
use crate::policy::Policy;
use crate::prepared::Prepared;

/// Runs an export of `handler` once. Its time starts now, with the making of the instance: a start function is
/// the handler's own code, too.
pub(crate) async fn run(engine: &Engine, policy: &Policy, handler: &Prepared, export: Export, job: Job) -> Execution {
    let start = Instant::now();
    let deadline = (policy.deadline)(start, job.limits.timeout);
    let arguments = match export {
        Export::Handle => (policy.arguments)(job.context, job.input),
        Export::Migrate => Arguments::of_migrate(job.context, job.input),
    };
    let memory_bytes = job.limits.memory_bytes;
    let host = Host {
        log: Log::new(job.limits.log_bytes, policy.log),
        state: job.state.map(|snapshot| State::new(snapshot, policy.state)),
        egress: job.egress.map(|outside| Egress::new(outside, policy.egress)),
        memory: MemoryMeter::new(memory_bytes, policy.memory, policy.memory_sum),
        deadline,
        overdue: policy.overdue,
        turn: Instant::now(),
        call_rule: policy.host_call,
        output_bytes: job.limits.output_bytes,
        output_rule: policy.output,
        may_leave: false,
    };
    let mut store = store(engine, host, memory_bytes);
    let mut busy = Duration::ZERO;
    let call = policy.call.call(&mut store, handler, arguments);
    // The ticker ends a handler that computes; this timeout ends one that waits for the host.
    let given_up = (policy.waits_until)(deadline);
    let end = match timeout_at(given_up.into(), busy::measured(&mut busy, call)).await {
        Ok(Ok(returned)) => Ok(returned),
        Ok(Err(error)) => Err(Ended::from_wasmtime(&error)),
        Err(_) => Err(Ended::Timeout),
    };
    let outcome = policy.outcome(end);
    let cpu = (policy.cpu_used)(busy, start.elapsed(), &outcome);
    let memory_bytes = (policy.memory_used)(store.data().memory.peak(), memory_bytes);
    let usage = Usage { cpu_us: u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX), memory_bytes };
    let commits = match export {
        Export::Handle => (policy.commits)(&outcome),
        Export::Migrate => (policy.migration_commits)(&outcome),
    };
    account(policy, store.into_data(), outcome, usage, commits)
}

fn account(policy: &Policy, host: Host, outcome: Outcome, usage: Usage, commits: bool) -> Execution {
    let log = (policy.logs_kept)(&outcome, host.log);
    Execution {
        state_changes: host.state.filter(|_| commits).map(State::into_changes),
        outcome,
        logs: log.lines,
        logs_truncated: log.truncated,
        usage,
    }
}

/// A store whose memory is metered and which is interrupted at every tick.
pub(crate) fn store(engine: &Engine, host: Host, memory_bytes: u64) -> Store<Host> {
    let mut store = Store::new(engine, host);
    store.limiter(|host| &mut host.memory);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(at_tick);
    store.set_hostcall_fuel(handed_over_at_most(memory_bytes));
    store
}

/// What a handler may hand over in one call, in bytes: all its memory, with room for strings that grow when they become
/// UTF-8. What it hands over may overlap, so its memory alone is no bound.
pub(crate) fn handed_over_at_most(memory_bytes: u64) -> usize {
    usize::try_from(memory_bytes.saturating_mul(4)).unwrap_or(usize::MAX)
}

/// Decides whether a handler that is interrupted has run past its time.
pub(crate) type OverdueRule = fn(&StoreContextMut<'_, Host>) -> bool;

/// Wherever it is at this moment: the handler's own time is all time since its start.
pub(crate) fn past_its_deadline(store: &StoreContextMut<'_, Host>) -> bool {
    Instant::now() >= store.data().deadline
}

fn at_tick(mut store: StoreContextMut<'_, Host>) -> wasmtime::Result<UpdateDeadline> {
    if (store.data().overdue)(&store) {
        return Err(Ended::Timeout.into());
    }
    store.data_mut().turn = Instant::now();
    // Tokio's own yield lets the thread look after its sockets before it comes back.
    Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
}

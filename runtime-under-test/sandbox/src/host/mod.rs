//! What the host holds for one execution: the two packagings reach it through thin adapters, so a
//! line logged or a value set means the same in both.

mod egress;
mod log;
mod state;

use std::time::{Duration, Instant};

pub(crate) use egress::{Egress, EgressRules};
pub(crate) use log::{Log, LogRule};
pub(crate) use state::{State, StateError, StateRules};

use crate::ended::Ended;
use crate::execution::OverdueRule;
use crate::limiter::MemoryMeter;
use crate::outside::{Exchanged, Request};

/// What a handler returns and `output_bytes` bounds (core.md, 9.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An output.
    Output,
    /// The message of a failure.
    FailureMessage,
}

/// Decides whether an answer of `length` bytes is within the limit.
pub(crate) type OutputRule = fn(answer: Answer, length: u64, limit: u64) -> bool;

/// How long a handler that does nothing but call the host may keep its thread.
const TURN: Duration = Duration::from_millis(2);

/// What comes before a call of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Nothing.
    GoOn,
    /// Others have a turn.
    Yield,
}

/// Decides what comes before a call of the host, or ends the handler.
pub(crate) type CallRule = fn(&Host, now: Instant) -> Result<Pace, Ended>;

/// The data of a store: one execution, seen from the host.
pub(crate) struct Host {
    /// Lines written so far.
    pub(crate) log: Log,
    /// The state, if the handler has the permission.
    pub(crate) state: Option<State>,
    /// The way out, likewise.
    pub(crate) egress: Option<Egress>,
    /// Memory used so far.
    pub(crate) memory: MemoryMeter,
    /// When the handler is ended.
    pub(crate) deadline: Instant,
    /// What that means to a handler that is interrupted.
    pub(crate) overdue: OverdueRule,
    /// Since when the handler has had its thread for itself.
    pub(crate) turn: Instant,
    /// What that means to a handler that calls the host.
    pub(crate) call_rule: CallRule,
    /// Limit of the output and of a failure's message, in bytes.
    pub(crate) output_bytes: u64,
    /// What that limit means.
    pub(crate) output_rule: OutputRule,
    /// Whether the guest may call an import now. Not while a start function runs, and not while it
    /// allocates for the host or cleans up after it: the canonical ABI's `may_leave`. The component
    /// runtime keeps its own for the latter two.
    pub(crate) may_leave: bool,
}

impl Host {
    /// The handler calls the host; at the wrong moment it is ended (sandbox.md, 4.7). Code without loops and calls of its
    /// own is never interrupted by the ticker, however often it calls and however long that takes; so the deadline and the
    /// turn are looked at here, too.
    pub(crate) async fn called(&mut self) -> Result<(), Ended> {
        if !self.may_leave {
            return Err(Ended::breach("an import was called while the host was being served"));
        }
        if (self.call_rule)(self, Instant::now())? == Pace::Yield {
            tokio::task::yield_now().await;
            self.turn = Instant::now();
        }
        Ok(())
    }

    /// Ends a handler that is past its deadline, and lets others run where it had a whole turn.
    pub(crate) fn in_time_and_in_turn(&self, now: Instant) -> Result<Pace, Ended> {
        if now >= self.deadline {
            return Err(Ended::Timeout);
        }
        Ok(if now.duration_since(self.turn) < TURN { Pace::GoOn } else { Pace::Yield })
    }

    /// The state; a handler without the permission that calls it all the same is ended.
    pub(crate) fn state(&mut self) -> Result<&mut State, Ended> {
        self.state.as_mut().ok_or_else(|| Ended::breach("the handler has no permission for state"))
    }

    /// Sends a request and waits for what becomes of it; a handler without the permission that calls it all the same is
    /// ended. Others had the thread meanwhile, so the handler's turn begins anew.
    pub(crate) async fn send(&mut self, request: Request) -> Result<Exchanged, Ended> {
        let egress = self.egress.clone();
        let egress = egress.ok_or_else(|| Ended::breach("the handler has no permission for egress"))?;
        let exchanged = egress.send(request).await;
        self.turn = Instant::now();
        Ok(exchanged)
    }

    /// Whether an answer of this many bytes may be returned.
    pub(crate) fn admits(&self, answer: Answer, length: usize) -> bool {
        (self.output_rule)(answer, length as u64, self.output_bytes)
    }
}

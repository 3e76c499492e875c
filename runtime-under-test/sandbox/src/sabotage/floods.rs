//! Defects that only a flood shows.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use wasmtime::Store;

use super::Defect;
use crate::call::{Arguments, Call, Calling, FreshInstance, Returned};
use crate::ended::Ended;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::prepared::Prepared;

/// The table.
pub(super) const DEFECTS: &[Defect] = &[
    ("answers-cut", |policy| {
        policy.output = |_, _, _| true;
        policy.call = Arc::new(Cut);
    }),
    ("log-line-cut", |policy| {
        policy.log = |log, mut line| {
            if let Some(room) = log.room().filter(|room| *room > 0) {
                line.message.truncate(line.message.floor_char_boundary(room));
            }
            log.append_within_the_limit(line);
        };
    }),
    ("log-lines-unbounded", |policy| {
        policy.log = |log, line| {
            if line.message.is_empty() && !log.truncated {
                log.lines.push(line);
            } else {
                log.append_within_the_limit(line);
            }
        };
    }),
    ("dropped-lines-take-time", |policy| {
        policy.log = |log, line| {
            log.append_within_the_limit(line);
            if log.truncated {
                sleep(Duration::from_millis(1));
            }
        };
    }),
    ("flooded-log-is-null", |policy| policy.call = Arc::new(FloodedIsNull)),
    ("key-bound-ignored", |policy| policy.state.key_bytes = |_, _| true),
    ("keys-unbounded", |policy| policy.state.keys = |_, _| true),
    ("memory-exceeded-is-a-trap", |policy| {
        policy.ended = |ended| match ended {
            Ended::MemoryExceeded => Outcome::Trap("out of memory".to_owned()),
            other => (Policy::honest().ended)(other),
        };
    }),
];

/// Cuts outputs and messages to the limit.
struct Cut;

impl Call for Cut {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let most = usize::try_from(store.data().output_bytes).unwrap_or(usize::MAX);
            Ok(match FreshInstance.call(store, handler, arguments).await? {
                Returned::Output(mut output) => {
                    output.truncate(most);
                    Returned::Output(output)
                }
                Returned::Failure(kind, mut message) => {
                    message.truncate(message.floor_char_boundary(most));
                    Returned::Failure(kind, message)
                }
                Returned::Oversized => Returned::Oversized,
            })
        })
    }
}

/// Answers `null` for a handler that ran out of time after it filled its log.
struct FloodedIsNull;

impl Call for FloodedIsNull {
    fn call<'a>(&'a self, store: &'a mut Store<Host>, handler: &'a Prepared, arguments: Arguments) -> Calling<'a> {
        Box::pin(async move {
            let returned = FreshInstance.call(store, handler, arguments).await;
            returned.or_else(|error| match Ended::from_wasmtime(&error) {
                Ended::Timeout if store.data().log.truncated => Ok(Returned::Output(b"null".to_vec())),
                _ => Err(error),
            })
        })
    }
}

//! The answers of the last executions of each installed handler, kept in memory within bounds (core.md, 9.22 to 9.25).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_package::HandlerId;
use axum::body::Bytes;

use crate::roles::Role;

/// What a record takes beside its texts, in bytes; generous, so that the bound holds.
const AROUND: usize = 512;

/// What is kept of one execution.
#[derive(Clone, Debug)]
pub struct Record {
    /// The handler.
    pub handler: HandlerId,
    /// The execution.
    pub execution: String,
    /// Who executed.
    pub role: Role,
    /// The answer.
    pub body: Bytes,
}

/// All records.
#[derive(Debug)]
pub struct Records {
    /// How many there may be of one handler.
    most: usize,
    /// How many bytes there may be in all.
    most_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The last number that was given out, for an account or a record.
    last: u64,
    bytes: usize,
    /// Each record with the account that it belongs to, the oldest first.
    by_age: BTreeMap<u64, (u64, Arc<Record>)>,
    by_execution: HashMap<String, u64>,
    /// The records of each open account, the oldest first.
    by_account: HashMap<u64, VecDeque<u64>>,
}

impl Records {
    /// Nothing kept: later at most `most` records of a handler and `most_bytes` in all.
    pub fn new(most: usize, most_bytes: usize) -> Self {
        Self { most, most_bytes, kept: Mutex::default() }
    }

    /// Begins to keep the records of an account; its number is new.
    pub fn open(&self) -> u64 {
        let mut kept = self.locked();
        kept.last += 1;
        let account = kept.last;
        kept.by_account.insert(account, VecDeque::new());
        account
    }

    /// Forgets all records of an account. What is executed for it from now on is not kept.
    pub fn close(&self, account: u64) {
        let mut kept = self.locked();
        for number in kept.by_account.remove(&account).unwrap_or_default() {
            kept.remove(number);
        }
    }

    /// Keeps a record. Those that have to make room are forgotten, the oldest first.
    pub fn keep(&self, account: u64, record: Record) {
        let mut kept = self.locked();
        let number = kept.last + 1;
        let Some(own) = kept.by_account.get_mut(&account) else {
            return;
        };
        own.push_back(number);
        let too_old = if own.len() > self.most { own.pop_front() } else { None };
        kept.last = number;
        kept.bytes += record.bytes();
        kept.by_execution.insert(record.execution.clone(), number);
        kept.by_age.insert(number, (account, Arc::new(record)));
        if let Some(too_old) = too_old {
            kept.remove(too_old);
        }
        while kept.bytes > self.most_bytes {
            let Some((&oldest, &(account, _))) = kept.by_age.first_key_value() else {
                break;
            };
            // The oldest of all is the oldest of its account, too.
            kept.by_account.get_mut(&account).and_then(VecDeque::pop_front);
            kept.remove(oldest);
        }
    }

    /// The record of an execution, whichever handler's it is.
    pub fn find(&self, execution: &str) -> Option<Arc<Record>> {
        let kept = self.locked();
        let number = kept.by_execution.get(execution)?;
        kept.by_age.get(number).map(|(_, record)| record.clone())
    }

    fn locked(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, number: u64) {
        let Some((_, record)) = self.by_age.remove(&number) else {
            return;
        };
        self.bytes -= record.bytes();
        if self.by_execution.get(&record.execution) == Some(&number) {
            self.by_execution.remove(&record.execution);
        }
    }
}

impl Record {
    fn bytes(&self) -> usize {
        AROUND + self.body.len() + 2 * self.execution.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(execution: &str) -> Record {
        let body = Bytes::from_static(&[b'x'; 1000]);
        Record { handler: "com.example.a".parse().unwrap(), execution: execution.to_owned(), role: Role::User, body }
    }

    fn found(records: &Records, executions: &[&str]) -> Vec<bool> {
        executions.iter().map(|execution| records.find(execution).is_some()).collect()
    }

    #[test]
    fn the_last_records_of_each_account_are_kept() {
        let records = Records::new(2, 1 << 20);
        let (one, other) = (records.open(), records.open());
        records.keep(other, record("other"));
        for execution in ["a", "b", "c"] {
            records.keep(one, record(execution));
        }
        assert_eq!(found(&records, &["a", "b", "c", "other"]), [false, true, true, true]);
    }

    #[test]
    fn past_the_bytes_in_all_the_oldest_are_forgotten() {
        let records = Records::new(100, 4 * record("a").bytes());
        let (one, other) = (records.open(), records.open());
        for (account, execution) in [(one, "a"), (other, "b"), (one, "c"), (other, "d"), (one, "e"), (one, "f")] {
            records.keep(account, record(execution));
        }
        assert_eq!(found(&records, &["a", "b", "c", "d", "e", "f"]), [false, false, true, true, true, true]);
    }

    #[test]
    fn a_closed_account_has_no_records_and_gets_none() {
        let records = Records::new(2, 1 << 20);
        let account = records.open();
        records.keep(account, record("before"));
        records.close(account);
        records.keep(account, record("late"));
        assert_eq!(found(&records, &["before", "late"]), [false, false]);
        assert_eq!(records.locked().bytes, 0);
    }
}

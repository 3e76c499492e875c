//! The state of a handler as one execution sees it: its own changes over what was last committed
//! (core.md, 9.11).

use std::collections::BTreeMap;

use crate::job::StateSnapshot;

/// Decides whether keys and values of `sum` bytes keep the quota.
pub(crate) type QuotaRule = fn(sum: u64, quota: u64) -> bool;

/// Why a change was refused: the enum `state-error` of handler.wit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StateError {
    QuotaExceeded,
    InvalidKey,
}

/// Committed values, and the changes of this execution over them.
#[derive(Debug)]
pub(crate) struct State {
    committed: StateSnapshot,
    /// A value to set, or none for a committed key to remove. A key that was never committed leaves
    /// no trace when it is removed, so the changes are bounded by the quota and the snapshot.
    changes: BTreeMap<String, Option<Vec<u8>>>,
    /// Bytes of all keys and values as this execution sees them.
    sum: u64,
    rule: QuotaRule,
}

impl State {
    /// What was committed, without changes.
    pub(crate) fn new(committed: StateSnapshot, rule: QuotaRule) -> Self {
        let sum = committed.values.iter().map(|(key, value)| size(key, value)).sum();
        State { committed, changes: BTreeMap::new(), sum, rule }
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&[u8]> {
        match self.changes.get(key) {
            Some(changed) => changed.as_deref(),
            None => self.committed.values.get(key).map(Vec::as_slice),
        }
    }

    /// Sets `key`, if the key is in bounds and the sum then keeps the quota.
    pub(crate) fn set(&mut self, key: &str, value: Vec<u8>) -> Result<(), StateError> {
        self.check_key(key)?;
        let before = self.get(key).map_or(0, |old| size(key, old));
        let sum = (self.sum - before).saturating_add(size(key, &value));
        if !(self.rule)(sum, self.committed.max_bytes) {
            return Err(StateError::QuotaExceeded);
        }
        self.sum = sum;
        self.changes.insert(key.to_owned(), Some(value));
        Ok(())
    }

    /// Removes `key`, whether or not it exists.
    pub(crate) fn delete(&mut self, key: &str) -> Result<(), StateError> {
        self.check_key(key)?;
        let Some(before) = self.get(key).map(|old| size(key, old)) else {
            return Ok(());
        };
        self.sum -= before;
        if self.committed.values.contains_key(key) {
            self.changes.insert(key.to_owned(), None);
        } else {
            self.changes.remove(key);
        }
        Ok(())
    }

    /// All keys, in ascending order of their bytes.
    pub(crate) fn keys(&self) -> Vec<String> {
        let kept = self.committed.values.keys().filter(|key| !self.changes.contains_key(*key));
        let set = self.changes.iter().filter(|(_, value)| value.is_some()).map(|(key, _)| key);
        let mut keys: Vec<String> = kept.chain(set).cloned().collect();
        keys.sort_unstable();
        keys
    }

    /// The changes, to be committed.
    pub(crate) fn into_changes(self) -> BTreeMap<String, Option<Vec<u8>>> {
        self.changes
    }

    fn check_key(&self, key: &str) -> Result<(), StateError> {
        let fits = !key.is_empty() && key.len() <= self.committed.max_key_bytes;
        if fits { Ok(()) } else { Err(StateError::InvalidKey) }
    }
}

/// What one entry counts, in bytes.
fn size(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(max_bytes: u64) -> State {
        let values = BTreeMap::from([("b".into(), b"old".to_vec()), ("d".into(), b"x".to_vec())]);
        let snapshot = StateSnapshot { values, max_bytes, max_key_bytes: 4 };
        State::new(snapshot, |sum, quota| sum <= quota)
    }

    #[test]
    fn sees_its_own_changes_over_the_committed_values() {
        let mut state = state(100);
        assert_eq!(state.get("b"), Some(&b"old"[..]));
        assert_eq!(state.set("b", b"new".to_vec()), Ok(()));
        assert_eq!(state.get("b"), Some(&b"new"[..]));
        assert_eq!(state.delete("b"), Ok(()));
        assert_eq!(state.get("b"), None);
    }

    #[test]
    fn lists_keys_in_ascending_order() {
        let mut state = state(100);
        assert_eq!(state.set("c", vec![]), Ok(()));
        assert_eq!(state.set("a", vec![]), Ok(()));
        assert_eq!(state.delete("b"), Ok(()));
        assert_eq!(state.keys(), ["a", "c", "d"]);
    }

    #[test]
    fn counts_keys_and_values_against_the_quota() {
        let mut state = state(10);
        assert_eq!(state.set("a", b"123".to_vec()), Ok(()));
        assert_eq!(state.set("c", vec![]), Err(StateError::QuotaExceeded));
        assert_eq!(state.delete("d"), Ok(()));
        assert_eq!(state.set("c", b"1".to_vec()), Ok(()));
    }

    #[test]
    fn refuses_keys_that_are_empty_or_too_long() {
        let mut state = state(100);
        assert_eq!(state.set("", vec![]), Err(StateError::InvalidKey));
        assert_eq!(state.delete("12345"), Err(StateError::InvalidKey));
    }

    #[test]
    fn removing_a_key_that_never_was_leaves_no_change() {
        let mut state = state(100);
        assert_eq!(state.delete("zz"), Ok(()));
        assert_eq!(state.set("zz", vec![1]), Ok(()));
        assert_eq!(state.delete("zz"), Ok(()));
        assert!(state.into_changes().is_empty());
    }
}

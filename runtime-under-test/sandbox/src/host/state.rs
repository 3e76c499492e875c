//! The state of a handler as one execution sees it: its own changes over what was last committed
//! (core.md, 9.11).

use std::collections::BTreeMap;

use crate::job::StateSnapshot;

/// The changes of an execution: a value to set, or none for a key to remove.
pub(crate) type Changes = BTreeMap<String, Option<Vec<u8>>>;

/// Decides whether as much as `asked` keeps the bound `most`.
pub(crate) type QuotaRule = fn(asked: u64, most: u64) -> bool;

/// The decisions about state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateRules {
    /// Keys and values together, in bytes.
    pub(crate) quota: QuotaRule,
    /// One key, in bytes.
    pub(crate) key_bytes: QuotaRule,
    /// Keys.
    pub(crate) keys: QuotaRule,
    /// What a reader sees of the execution's own changes.
    pub(crate) seen: for<'a> fn(&'a Changes, &str) -> Option<&'a Option<Vec<u8>>>,
    /// Puts the keys into the order in which they are listed.
    pub(crate) order: fn(&mut Vec<String>),
    /// How many bytes of a value that is replaced are free again.
    pub(crate) replaced: fn(bytes: u64) -> u64,
    /// How many bytes of a value that is removed are free again.
    pub(crate) removed: fn(bytes: u64) -> u64,
}

impl StateRules {
    /// As the contract says (core.md, 9.11).
    pub(crate) fn honest() -> Self {
        StateRules {
            quota: |sum, quota| sum <= quota,
            key_bytes: |length, most| length <= most,
            keys: |count, most| count <= most,
            seen: |changes, key| changes.get(key),
            order: |keys| keys.sort_unstable(),
            replaced: |bytes| bytes,
            removed: |bytes| bytes,
        }
    }
}

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
    changes: Changes,
    /// Bytes of all keys and values as this execution sees them.
    sum: u64,
    /// How many keys this execution sees.
    count: u64,
    rules: StateRules,
}

impl State {
    /// What was committed, without changes.
    pub(crate) fn new(committed: StateSnapshot, rules: StateRules) -> Self {
        let sum = committed.values.iter().map(|(key, value)| size(key, value)).sum();
        let count = committed.values.len() as u64;
        State { committed, changes: Changes::new(), sum, count, rules }
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&[u8]> {
        self.value((self.rules.seen)(&self.changes, key), key)
    }

    /// The value of `key` as it would be committed.
    fn current(&self, key: &str) -> Option<&[u8]> {
        self.value(self.changes.get(key), key)
    }

    fn value<'a>(&'a self, changed: Option<&'a Option<Vec<u8>>>, key: &str) -> Option<&'a [u8]> {
        match changed {
            Some(changed) => changed.as_deref(),
            None => self.committed.values.get(key).map(Vec::as_slice),
        }
    }

    /// Sets `key`, if the key is in bounds and the sum and the number of keys then keep theirs. Copies nothing else.
    pub(crate) fn set(&mut self, key: &str, value: impl AsRef<[u8]> + Into<Vec<u8>>) -> Result<(), StateError> {
        self.check_key(key)?;
        let before = self.current(key).map(|old| size(key, old));
        let freed = before.map_or(0, self.rules.replaced);
        let sum = (self.sum - freed).saturating_add(size(key, value.as_ref()));
        let new = before.is_none();
        let count = self.count + u64::from(new);
        let too_many = new && !(self.rules.keys)(count, self.committed.max_keys);
        if too_many || !(self.rules.quota)(sum, self.committed.max_bytes) {
            return Err(StateError::QuotaExceeded);
        }
        (self.sum, self.count) = (sum, count);
        self.changes.insert(key.to_owned(), Some(value.into()));
        Ok(())
    }

    /// Removes `key`, whether or not it exists.
    pub(crate) fn delete(&mut self, key: &str) -> Result<(), StateError> {
        self.check_key(key)?;
        let Some(before) = self.current(key).map(|old| size(key, old)) else {
            return Ok(());
        };
        self.sum -= (self.rules.removed)(before);
        self.count -= 1;
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
        (self.rules.order)(&mut keys);
        keys
    }

    /// The changes, to be committed.
    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    fn check_key(&self, key: &str) -> Result<(), StateError> {
        let fits = !key.is_empty() && (self.rules.key_bytes)(key.len() as u64, self.committed.max_key_bytes);
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
        let snapshot = StateSnapshot { values, max_bytes, max_key_bytes: 4, max_keys: 3 };
        State::new(snapshot, StateRules::honest())
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
        assert_eq!(state.delete("b"), Ok(()));
        assert_eq!(state.set("a", vec![]), Ok(()));
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
    fn counts_committed_keys_and_its_own() {
        let mut state = state(100);
        assert_eq!(state.set("a", vec![]), Ok(()));
        assert_eq!(state.set("c", vec![]), Err(StateError::QuotaExceeded));
        assert_eq!(state.set("b", vec![]), Ok(()));
        assert_eq!(state.delete("b"), Ok(()));
        assert_eq!(state.set("c", vec![]), Ok(()));
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

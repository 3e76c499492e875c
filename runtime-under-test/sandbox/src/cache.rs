//! Compiled handlers by digest: bounded, the least recently used goes first, and requests that come
//! at the same time for one module compile it once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// Keeps values of type `V` under keys of type `K`.
pub(crate) struct Cache<K, V> {
    capacity: usize,
    inner: Mutex<Inner<K, V>>,
}

struct Inner<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Counts uses, so that the least recent one can be told.
    uses: u64,
}

struct Entry<V> {
    cell: Arc<OnceCell<V>>,
    last_use: u64,
}

impl<K: std::hash::Hash + Eq + Copy, V: Clone> Cache<K, V> {
    /// For at most `capacity` values, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        let inner = Inner { entries: HashMap::new(), uses: 0 };
        Cache { capacity: capacity.max(1), inner: Mutex::new(inner) }
    }

    /// The value of `key`, if it is there already.
    pub(crate) fn get(&self, key: K) -> Option<V> {
        self.locked(|inner| {
            inner.uses += 1;
            let entry = inner.entries.get_mut(&key)?;
            entry.last_use = inner.uses;
            entry.cell.get().cloned()
        })
    }

    /// The value of `key`, made by `make` if it is not there. Whoever asks while it is being made
    /// waits for it. A failure is not kept: the next one tries again.
    pub(crate) async fn get_or_make<E, F>(&self, key: K, make: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        let cell = self.cell(key);
        cell.get_or_try_init(make).await.cloned()
    }

    fn cell(&self, key: K) -> Arc<OnceCell<V>> {
        self.locked(|inner| {
            inner.uses += 1;
            let uses = inner.uses;
            if !inner.entries.contains_key(&key) && inner.entries.len() >= self.capacity {
                let oldest = inner.entries.iter().min_by_key(|(_, entry)| entry.last_use);
                if let Some(oldest) = oldest.map(|(key, _)| *key) {
                    inner.entries.remove(&oldest);
                }
            }
            let fresh = || Entry { cell: Arc::new(OnceCell::new()), last_use: uses };
            let entry = inner.entries.entry(key).or_insert_with(fresh);
            entry.last_use = uses;
            Arc::clone(&entry.cell)
        })
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Inner<K, V>) -> T) -> T {
        // Nothing under the lock can leave the map half-changed, so a poisoned one is still right.
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    async fn make(value: u8) -> Result<u8, ()> {
        Ok(value)
    }

    #[tokio::test]
    async fn makes_a_value_once_for_all_who_ask_at_the_same_time() {
        let cache = Cache::<u8, u8>::new(4);
        let made = AtomicUsize::new(0);
        let slow = || async {
            made.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok::<u8, ()>(7)
        };
        let both = tokio::join!(cache.get_or_make(1, slow), cache.get_or_make(1, slow));
        assert_eq!(both, (Ok(7), Ok(7)));
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn forgets_the_least_recently_used_first() {
        let cache = Cache::<u8, u8>::new(2);
        assert_eq!(cache.get_or_make(1, || make(1)).await, Ok(1));
        assert_eq!(cache.get_or_make(2, || make(2)).await, Ok(2));
        assert_eq!(cache.get(1), Some(1));
        assert_eq!(cache.get_or_make(3, || make(3)).await, Ok(3));
        assert_eq!((cache.get(1), cache.get(2), cache.get(3)), (Some(1), None, Some(3)));
    }

    #[tokio::test]
    async fn does_not_keep_a_failure() {
        let cache = Cache::<u8, u8>::new(2);
        assert_eq!(cache.get_or_make(1, || async { Err::<u8, ()>(()) }).await, Err(()));
        assert_eq!(cache.get_or_make(1, || make(1)).await, Ok(1));
    }
}

//! What is kept for each handler by itself: its pace, its connections, its TLS sessions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Values by key, made when they are first asked for.
pub(crate) struct Keyed<T> {
    values: Mutex<HashMap<String, Arc<T>>>,
    /// Whether a value that nobody holds may be forgotten.
    is_idle: fn(&T) -> bool,
}

impl<T> Keyed<T> {
    /// How many are kept before idle ones are looked for.
    const MANY: usize = 1024;

    pub fn new(is_idle: fn(&T) -> bool) -> Self {
        Self { values: Mutex::default(), is_idle }
    }

    /// The value of a key.
    pub fn get<E>(&self, key: &str, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = values.get(key) {
            return Ok(value.clone());
        }
        if values.len() >= Self::MANY {
            values.retain(|_, value| Arc::strong_count(value) > 1 || !(self.is_idle)(value));
        }
        let value = Arc::new(make()?);
        values.insert(key.to_owned(), value.clone());
        Ok(value)
    }
}

//! Answers that are remembered under idempotency keys.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Store, StoreError, Writer};
use crate::retries::{Acknowledgement, Remembered, Retry};

impl Store {
    /// What a key was acknowledged with, as far as it is committed.
    pub fn remembered(&self, key: &str) -> Result<Option<Remembered>, StoreError> {
        remembered(&self.read(), key)
    }
}

impl Writer<'_> {
    /// What a key was acknowledged with, for whoever is about to change something under it.
    pub fn remembered(&self, key: &str) -> Result<Option<Remembered>, StoreError> {
        remembered(&self.connection, key)
    }

    /// Remembers what a key is acknowledged with, and forgets all keys but the last `most`.
    pub fn remember(&mut self, retry: &Retry, answer: &Acknowledgement, most: u64) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO idempotency_keys (key, request, status, location, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![retry.key, retry.request, answer.status.as_u16(), answer.location, answer.body],
        )?;
        self.connection.execute(
            "DELETE FROM idempotency_keys WHERE number <= ?1",
            [self.connection.last_insert_rowid().saturating_sub_unsigned(most)],
        )?;
        Ok(())
    }
}

fn remembered(connection: &Connection, key: &str) -> Result<Option<Remembered>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT request, status, location, body FROM idempotency_keys WHERE key = ?1")?;
    query.query_row([key], |row| Ok(read(row))).optional()?.transpose()
}

fn read(row: &Row<'_>) -> Result<Remembered, StoreError> {
    let status = row.get::<_, u16>("status")?.try_into().map_err(|_| StoreError::Damaged("status"))?;
    let answer = Acknowledgement { status, location: row.get("location")?, body: row.get("body")? };
    Ok(Remembered { request: row.get("request")?, answer })
}

//! How much of what clients send is held or worked on at once, so that many of them together take no more memory and no
//! more threads than there are (core.md 4.11).

use std::sync::Arc;
use std::time::Duration;

use assay_package::Bounds;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::multipart::UploadBounds;

/// The largest uploads for which there is room at once.
const UPLOADS: u64 = 16;
/// The largest other bodies for which there is room, for each execution that may be under way.
const REQUESTS_PER_EXECUTION: u64 = 2;
/// How long a body waits for room: those that hold it are finished or cut off.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an upload that has arrived waits for the gates.
const GATES_PATIENCE: Duration = Duration::from_secs(20);
/// Room is given away in pieces of this many bytes.
const PIECE: u64 = 1024;

/// The rooms of a runtime. Uploads have one of their own, so that a user cannot keep an admin out, nor the other way round.
#[derive(Debug)]
pub struct Rooms {
    uploads: Room,
    requests: Room,
    /// As many places as there are cores, and two at least.
    gates: Arc<Semaphore>,
}

/// Memory for bodies that are read or worked on.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

/// What a body takes of a room; it grows with the body and is given back with it.
#[derive(Debug)]
pub struct Held {
    room: Room,
    bytes: u64,
    permit: Option<OwnedSemaphorePermit>,
}

impl Rooms {
    /// Rooms for the largest bodies within these bounds.
    pub fn new(bounds: &Bounds) -> Self {
        let requests = REQUESTS_PER_EXECUTION.saturating_mul(bounds.concurrent_executions);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            uploads: Room::of(UPLOADS.saturating_mul(UploadBounds::of(bounds).whole)),
            requests: Room::of(requests.saturating_mul(bounds.request_bytes)),
            gates: Arc::new(Semaphore::new(cores.max(2))),
        }
    }

    /// What an upload takes.
    pub fn upload(&self) -> Held {
        self.uploads.enter()
    }

    /// What any other body takes.
    pub fn request(&self) -> Held {
        self.requests.enter()
    }

    /// A place to judge an upload; none if others took too long.
    pub async fn gates(&self) -> Option<OwnedSemaphorePermit> {
        tokio::time::timeout(GATES_PATIENCE, self.gates.clone().acquire_owned()).await.ok()?.ok()
    }
}

impl Room {
    fn of(bytes: u64) -> Self {
        let pieces = usize::try_from(bytes.div_ceil(PIECE)).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(pieces.min(Semaphore::MAX_PERMITS))))
    }

    fn enter(&self) -> Held {
        Held { room: self.clone(), bytes: 0, permit: None }
    }
}

impl Held {
    /// Takes room for so many bytes more; `false` if there was none for too long.
    pub async fn grow(&mut self, bytes: usize) -> bool {
        let after = self.bytes.saturating_add(bytes as u64);
        let Ok(more) = u32::try_from(after.div_ceil(PIECE) - self.bytes.div_ceil(PIECE)) else {
            return false;
        };
        let acquired = tokio::time::timeout(PATIENCE, self.room.0.clone().acquire_many_owned(more)).await;
        let Ok(Ok(permit)) = acquired else {
            return false;
        };
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        self.bytes = after;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_takes_no_more_than_there_is_and_gives_it_back() {
        let room = Room::of(4 * PIECE);
        let mut first = room.enter();
        assert!(first.grow(1).await && first.grow(3000).await);
        let mut second = room.enter();
        assert!(second.grow(1024).await);
        let fifth = tokio::time::timeout(Duration::from_millis(1), second.grow(1)).await;
        assert!(fifth.is_err(), "there is no fifth piece");
        drop(first);
        assert!(second.grow(1).await);
    }
}

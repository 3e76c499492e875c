//! A request body as it arrives: never longer than wanted, never slower than a patience.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::time::{Instant, timeout, timeout_at};

use crate::rooms::Held;

/// How long a client may pause inside a body.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a body may take in all.
const WHOLE: Duration = Duration::from_secs(60);
/// What is read and thrown away after a refusal, so that a client that is still sending gets to see the answer.
const DRAINED_BYTES: u64 = 64 << 20;
/// How long that may take, and how long a pause in it may be.
const DRAINING: Duration = Duration::from_secs(5);
const DRAINING_PAUSE: Duration = Duration::from_millis(500);

/// The body of one request.
pub struct RequestBody {
    incoming: Body,
    deadline: Instant,
    /// The room that what is read takes, once it is known which.
    held: Option<Held>,
    /// Whether the client waits for `100 Continue` and has not got it.
    waits: bool,
}

/// Why a body did not arrive as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// The client paused, or took longer than one may.
    #[error("the body did not arrive in time")]
    Late,
    /// The connection broke, or its framing is wrong.
    #[error("the body ended early")]
    Broken,
    /// There was no room for it.
    #[error("there are too many bodies under way")]
    NoRoom,
    /// There is more than wanted.
    #[error("the body is longer than {0} bytes")]
    Long(u64),
}

impl RequestBody {
    /// The body of a request that arrived just now; `waits` if it has `Expect: 100-continue`.
    pub fn new(incoming: Body, waits: bool) -> Self {
        Self { incoming, deadline: Instant::now() + WHOLE, held: None, waits }
    }

    /// The next piece, or nothing at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
        self.waits = false;
        loop {
            let frame = timeout_at(self.deadline.min(Instant::now() + PAUSE), self.incoming.frame()).await;
            match frame {
                Err(_) => return Some(Err(Cut::Late)),
                Ok(None) => return None,
                Ok(Some(Err(_))) => return Some(Err(Cut::Broken)),
                // Trailers mean nothing here.
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => return Some(self.hold(data).await),
                    Err(_) => continue,
                },
            }
        }
    }

    /// What is read from now on takes room, for as long as the request is under way.
    pub fn enter(&mut self, held: Held) {
        self.held = Some(held);
    }

    async fn hold(&mut self, data: Bytes) -> Result<Bytes, Cut> {
        let fits = match &mut self.held {
            Some(held) => held.grow(data.len()).await,
            None => true,
        };
        if fits { Ok(data) } else { Err(Cut::NoRoom) }
    }

    /// How long the body is at least, in bytes, as far as its head says.
    pub fn announced(&self) -> u64 {
        self.incoming.size_hint().lower()
    }

    /// The whole body, if it has at most `most` bytes.
    pub async fn read(&mut self, most: u64) -> Result<Vec<u8>, Cut> {
        if self.announced() > most {
            return Err(Cut::Long(most));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await {
            bytes.extend_from_slice(&piece?);
            if bytes.len() as u64 > most {
                return Err(Cut::Long(most));
            }
        }
        Ok(bytes)
    }

    /// Reads what is left and throws it away, within reason.
    pub async fn drain(&mut self) {
        self.held = None;
        if self.waits || self.incoming.is_end_stream() {
            return;
        }
        let all = async {
            let mut drained = 0;
            while let Ok(Some(Ok(piece))) = timeout(DRAINING_PAUSE, self.next()).await {
                drained += piece.len() as u64;
                if drained > DRAINED_BYTES {
                    break;
                }
            }
        };
        // Whoever takes longer finds the connection closed.
        let _ = timeout(DRAINING, all).await;
    }
}

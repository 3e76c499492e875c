//! Frames of our own between those of the library: what no server library sends, put on the wire where a frame ends.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How a frame begins (RFC 9113, 4.1): the length of its payload in three bytes, and six more.
const FRAME_HEAD: usize = 9;

/// Where streams hand in what is put between the library's frames. Clones are the same place.
#[derive(Clone, Default, Debug)]
pub(super) struct Splicer(Arc<Mutex<State>>);

#[derive(Default, Debug)]
struct State {
    waiting: VecDeque<u8>,
    /// How often something was handed in, and up to which of these all was sent.
    asked: u64,
    done: u64,
    /// Who drives the connection, and who waits for something to be sent.
    connection: Option<Waker>,
    streams: Vec<Waker>,
    /// So many bytes at a time, with a pause before each.
    pace: Option<(usize, Duration)>,
}

impl Splicer {
    /// Sends these bytes, and all that the library had before. Without any it waits for the library alone.
    pub(super) async fn send(&self, bytes: &[u8]) {
        let ticket = {
            let mut state = self.state();
            state.waiting.extend(bytes);
            state.asked += 1;
            if let Some(connection) = state.connection.take() {
                connection.wake();
            }
            state.asked
        };
        poll_fn(|cx| {
            let mut state = self.state();
            if state.done >= ticket {
                return Poll::Ready(());
            }
            state.streams.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// From now on everything on the connection is sent so slowly.
    pub(super) fn pace(&self, bytes: usize, pause: Duration) {
        self.state().pace = Some((bytes.max(1), pause));
    }

    /// Every change is whole, so a panic elsewhere leaves it so.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream below the library.
#[derive(Debug)]
pub(super) struct Splice<S> {
    inner: S,
    splicer: Splicer,
    place: Place,
    pausing: Option<Pin<Box<Sleep>>>,
}

/// How much of a frame was written.
#[derive(Default, Debug)]
struct Place {
    head: [u8; FRAME_HEAD],
    of_head: usize,
    left: usize,
}

impl Place {
    fn is_between_frames(&self) -> bool {
        self.of_head == 0 && self.left == 0
    }

    /// How many bytes are written before the place is looked at again.
    fn most(&self) -> usize {
        if self.left > 0 { self.left } else { FRAME_HEAD - self.of_head }
    }

    fn advance(&mut self, written: &[u8]) {
        if self.left > 0 {
            self.left -= written.len();
            return;
        }
        self.head[self.of_head..][..written.len()].copy_from_slice(written);
        self.of_head += written.len();
        if self.of_head == FRAME_HEAD {
            let length = [0, self.head[0], self.head[1], self.head[2]];
            (self.of_head, self.left) = (0, usize::try_from(u32::from_be_bytes(length)).unwrap_or_default());
        }
    }
}

impl<S> Splice<S> {
    pub(super) fn new(inner: S, splicer: Splicer) -> Splice<S> {
        Splice { inner, splicer, place: Place::default(), pausing: None }
    }
}

impl<S: AsyncWrite + Unpin> Splice<S> {
    /// Writes what was handed in, if no frame of the library is under way.
    fn poll_splice(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.splicer.state();
        while self.place.is_between_frames() && !state.waiting.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, state.waiting.as_slices().0))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            state.waiting.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for the pause before the next bytes; how many they may be.
    fn poll_pace(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let Some((bytes, pause)) = self.splicer.state().pace else {
            return Poll::Ready(usize::MAX);
        };
        ready!(self.pausing.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause))).as_mut().poll(cx));
        Poll::Ready(bytes)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Splice<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.splicer.state().connection = Some(cx.waker().clone());
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Splice<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_splice(cx))?;
        let most = ready!(self.poll_pace(cx)).min(self.place.most()).min(bytes.len());
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &bytes[..most]))?;
        self.pausing = None;
        self.place.advance(&bytes[..written]);
        // A pace is one of bytes on the wire, not of bytes in a buffer.
        if self.splicer.state().pace.is_some() {
            let _ = Pin::new(&mut self.inner).poll_flush(cx)?;
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.splicer.state().connection = Some(cx.waker().clone());
        ready!(self.poll_splice(cx))?;
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        let mut state = self.splicer.state();
        if state.waiting.is_empty() {
            state.done = state.asked;
            state.streams.drain(..).for_each(Waker::wake);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

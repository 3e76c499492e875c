//! The thread that advances the engine's epoch, so that running handlers look at their deadline and
//! let others run.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// A running thread; dropping this ends it and waits for its end.
pub(crate) struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Advances the epoch of `engine` every `tick` until dropped.
    pub(crate) fn start(engine: &Engine, tick: Duration) -> std::io::Result<Self> {
        let (stop, stopped) = channel::<()>();
        let engine = engine.weak();
        let thread = Builder::new().name("assay-ticker".to_owned()).spawn(move || {
            while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => break,
                }
            }
        })?;
        Ok(Ticker { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        // The thread waits on the other end, so this wakes it at once.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It cannot panic; if it did there would be nothing left to stop.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn ends_at_once_when_dropped_whatever_its_tick() {
        let engine = Engine::default();
        let ticker = Ticker::start(&engine, Duration::from_secs(3600));
        let start = Instant::now();
        drop(ticker.expect("a thread can be started"));
        assert!(start.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn does_not_keep_the_engine_alive() {
        let engine = Engine::default();
        let weak = engine.weak();
        let ticker = Ticker::start(&engine, Duration::from_secs(3600));
        drop(engine);
        assert!(ticker.is_ok());
        assert!(weak.upgrade().is_none());
    }
}

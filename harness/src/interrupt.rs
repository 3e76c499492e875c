//! One switch that ends a run early, so that Ctrl-C still leaves a report and no orphan.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// A switch that is thrown once. Clones share it.
#[derive(Clone, Debug)]
pub struct Interrupt {
    thrown: Arc<watch::Sender<bool>>,
}

impl Default for Interrupt {
    fn default() -> Interrupt {
        Interrupt::new()
    }
}

impl Interrupt {
    /// A switch that only [`throw`](Interrupt::throw) throws.
    #[must_use]
    pub fn new() -> Interrupt {
        Interrupt { thrown: Arc::new(watch::Sender::new(false)) }
    }

    /// A switch that SIGINT (Ctrl-C) and SIGTERM throw too. From here on neither ends the process by itself.
    /// Call it inside a tokio runtime.
    ///
    /// # Errors
    /// If the system takes no signal handler.
    pub fn on_signals() -> io::Result<Interrupt> {
        let interrupt = Interrupt::new();
        let mut int = signal(SignalKind::interrupt())?;
        let mut term = signal(SignalKind::terminate())?;
        let switch = interrupt.clone();
        tokio::spawn(async move {
            tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
            switch.throw();
        });
        Ok(interrupt)
    }

    /// Throws the switch.
    pub fn throw(&self) {
        self.thrown.send_replace(true);
    }

    /// Whether it was thrown.
    #[must_use]
    pub fn is_thrown(&self) -> bool {
        *self.thrown.borrow()
    }

    /// Waits until it is thrown.
    pub async fn thrown(&self) {
        let mut watcher = self.thrown.subscribe();
        // The sender lives in `self`, so waiting cannot end because it is gone.
        let _ = watcher.wait_for(|thrown| *thrown).await;
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn a_signal_throws_the_switch_instead_of_ending_the_process() {
        let interrupt = Interrupt::on_signals().unwrap();
        assert!(!interrupt.is_thrown());
        kill_process(getpid(), Signal::TERM).unwrap();
        interrupt.thrown().await;
        assert!(interrupt.is_thrown());
    }
}

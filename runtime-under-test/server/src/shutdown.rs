//! Signals: the first asks, the second insists.

use tokio::sync::oneshot;

use crate::exit::Exit;

/// Listens for SIGTERM and SIGINT from now on. The receiver hears of the first one; a second one ends the process.
///
/// # Errors
/// If the operating system does not let signals be handled.
pub fn signals() -> std::io::Result<oneshot::Receiver<()>> {
    let mut signals = Signals::new()?;
    let (asked, heard) = oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        // Nobody listens any more if the server is already gone.
        let _ = asked.send(());
        signals.next().await;
        tracing::warn!("a second signal: stopping at once");
        std::process::exit(Exit::Internal as i32);
    });
    Ok(heard)
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix, where it can fail")]
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

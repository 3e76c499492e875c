//! A private instance of the launched command, for checks that kill and restart.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::launch::{Launched, Launcher, NotStarted};
use crate::probe::discover;
use crate::process::{Output, Process};
use crate::target::{Attached, Tokens};
use crate::{Cx, Stop};

/// An instance that gets SIGTERM must end within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A target that only one check knows. Dropped, it is killed and its data folder is removed; the end of its output becomes
/// evidence if the check does not pass.
#[derive(Debug)]
pub struct OwnTarget {
    cx: Cx,
    launcher: Arc<Launcher>,
    attached: Arc<Attached>,
    output: Arc<Output>,
    /// None between a kill and a restart.
    process: Option<Process>,
    data: Arc<TempDir>,
}

impl OwnTarget {
    pub(crate) async fn start(cx: &Cx) -> Result<OwnTarget, Stop> {
        let Some(launcher) = cx.launcher() else {
            return Err(Stop::Skip(NEEDS_LAUNCH.to_owned()));
        };
        let launcher = Arc::clone(launcher);
        let data = Arc::new(launcher.data_folder().map_err(Stop::Error)?);
        let (tokens, output) = (Tokens::random(), Arc::new(Output::default()));
        cx.recorder().add_target(|redactor| tokens.teach(redactor), Arc::clone(&output));
        let Launched { process, url, .. } = launcher.start(&tokens, data.path(), &output).await.map_err(not_started)?;
        let discovery = discover(cx.http(), &url, cx.request_timeout()).await;
        let discovery = discovery.map_err(|error| Stop::Fail(format!("a second instance of the target: {error}")))?;
        let attached = Arc::new(Attached::new(url, tokens, discovery));
        Ok(OwnTarget { cx: cx.at(Arc::clone(&attached)), launcher, attached, output, process: Some(process), data })
    }

    /// The context of the same check, whose clients speak to this instance, also after a restart.
    #[must_use]
    pub fn cx(&self) -> Cx {
        self.cx.clone()
    }

    /// The resident memory of the instance and of all that it started, in bytes, at this moment (load.md 3.1).
    ///
    /// # Errors
    /// [`Stop::Skip`] if this machine does not tell; [`Stop::Fail`] if the instance does not run any more.
    pub fn resident_bytes(&self) -> Result<u64, Stop> {
        if !std::path::Path::new("/proc/self/stat").exists() {
            return Err(Stop::Skip("this machine has no /proc, which tells the memory of a process".to_owned()));
        }
        let bytes = self.process.as_ref().and_then(|process| process.resident_bytes().ok());
        bytes.ok_or_else(|| Stop::Fail("the instance does not run any more".to_owned()))
    }

    /// SIGKILL to the instance and all that it started; returns when it is gone. Does nothing if it is already.
    pub async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Whatever its status: it is gone.
            let _ = process.kill().await;
        }
    }

    /// The same as soon as `wait` returns, without a detour: a thread of its own waits and kills. `wait` may say that there is
    /// nothing to wait for any more.
    pub async fn kill_after(&mut self, wait: impl FnOnce() -> bool + Send + 'static) {
        if let Some(mut process) = self.process.take() {
            let signal = process.killer();
            let kill = move || {
                if wait() {
                    signal();
                }
            };
            // Whether the thread came that far or not, what follows kills.
            let _ = tokio::task::spawn_blocking(kill).await;
            let _ = process.kill().await;
        }
    }

    /// Starts it again with the same `ASSAY_DATA` and tokens, and waits for `/health`. The port is another one. An instance
    /// that still runs is killed first.
    ///
    /// # Errors
    /// [`Stop::Fail`] if it does not start (lifecycle.md 1.3).
    pub async fn restart(&mut self) -> Result<(), Stop> {
        self.kill().await;
        let tokens = &self.attached.tokens;
        let started = self.launcher.start(tokens, self.data.path(), &self.output).await;
        let Launched { process, url, .. } = started.map_err(not_started)?;
        self.attached.moved(url);
        self.process = Some(process);
        Ok(())
    }

    /// Starts it again and sends SIGKILL after this time, whether it serves by then or not.
    ///
    /// # Errors
    /// [`Stop::Fail`] if the command cannot be run.
    pub async fn kill_while_it_starts(&mut self, after: Duration) -> Result<(), Stop> {
        self.kill().await;
        let started = self.launcher.spawn(&self.attached.tokens, self.data.path(), &self.output);
        let (mut process, _) = started.map_err(not_started)?;
        tokio::time::sleep(after).await;
        // Whatever its status: it is gone.
        let _ = process.kill().await;
        Ok(())
    }

    /// The end of what it wrote to stdout and stderr, over all its restarts: 64 KiB of each stream. Complete once the
    /// instance has ended.
    #[must_use]
    pub fn written(&self) -> String {
        self.output.text()
    }

    /// SIGTERM; waits until the instance ends by itself.
    ///
    /// # Errors
    /// [`Stop::Fail`] if it does not within 10 s (it is killed then); [`Stop::Error`] if it does not run.
    pub async fn terminate(&mut self) -> Result<ExitStatus, Stop> {
        let Some(mut process) = self.process.take() else {
            return Err(Stop::Error("the instance does not run".to_owned()));
        };
        let ended = process.terminate(PATIENCE).await;
        ended.map_err(|error| match error.kind() {
            std::io::ErrorKind::TimedOut => {
                Stop::Fail(format!("the target did not end within {} s of SIGTERM", PATIENCE.as_secs()))
            }
            _ => Stop::Error(format!("the instance cannot be waited for: {error}")),
        })
    }
}

impl Drop for OwnTarget {
    fn drop(&mut self) {
        let (process, data) = (self.process.take(), Arc::clone(&self.data));
        if let (Some(mut process), Ok(runtime)) = (process, tokio::runtime::Handle::try_current()) {
            // The folder goes after the process: one that still lives would put files back into it.
            runtime.spawn(async move {
                let _ = process.kill().await;
                drop(data);
            });
        }
    }
}

/// Why a check with [`Need::Launch`](crate::Need::Launch) is skipped.
pub(crate) const NEEDS_LAUNCH: &str =
    "needs a target that the harness launches and may kill: run with --launch COMMAND";

fn not_started(not: NotStarted) -> Stop {
    let last = not.stderr.lines().last().unwrap_or_default();
    let stderr =
        if last.is_empty() { String::new() } else { format!("; last line of stderr: {}", crate::text::quote(last)) };
    Stop::Fail(format!("an instance of the target did not start: {}{stderr}", not.reason))
}

//! One launched process: in a group of its own, with its output kept, and never left behind.

use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use assay_reports::AttachedFile;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::redact::Redactor;

/// So much of the end of each stream is kept.
const RING_BYTES: usize = 64 << 10;
/// A grandchild that left the group may hold the pipes open; nobody waits for it longer than this.
const DRAIN: Duration = Duration::from_secs(1);

/// The end of what a process wrote, over all its restarts.
#[derive(Default, Debug)]
pub(crate) struct Output {
    stdout: Mutex<VecDeque<u8>>,
    stderr: Mutex<VecDeque<u8>>,
    /// How many streams are being read.
    open: watch::Sender<usize>,
}

impl Output {
    /// The last lines of stderr, at most `lines`.
    pub(crate) fn stderr_tail(&self, lines: usize) -> String {
        let bytes = kept(&self.stderr);
        let text = String::from_utf8_lossy(&bytes);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// What was kept of both streams.
    pub(crate) fn text(&self) -> String {
        let streams = [kept(&self.stdout), kept(&self.stderr)];
        streams.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n")
    }

    /// Waits until no stream is open any more, or until somebody has held one open for a second.
    pub(crate) async fn drained(&self) {
        let mut open = self.open.subscribe();
        // Past this time a stranger holds the pipe; what was read until here is kept.
        let _ = tokio::time::timeout(DRAIN, open.wait_for(|open| *open == 0)).await;
    }

    /// Reads a stream to its end in a task of its own.
    fn read(
        self: &Arc<Output>,
        mut stream: impl AsyncRead + Unpin + Send + 'static,
        ring: fn(&Output) -> &Mutex<VecDeque<u8>>,
    ) {
        self.open.send_modify(|open| *open += 1);
        let output = Arc::clone(self);
        tokio::spawn(async move {
            let mut buffer = vec![0; 8 << 10];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                let mut ring = ring(&output).lock().unwrap_or_else(PoisonError::into_inner);
                ring.extend(&buffer[..read]);
                let over = ring.len().saturating_sub(RING_BYTES);
                ring.drain(..over);
            }
            output.open.send_modify(|open| *open -= 1);
        });
    }

    /// What was kept, as files; a stream without output has none.
    pub(crate) fn files(&self, prefix: &str, redactor: &Redactor) -> Vec<AttachedFile> {
        let streams = [("stdout", &self.stdout), ("stderr", &self.stderr)];
        let files = streams.into_iter().map(|(name, ring)| (name, kept(ring)));
        let files = files.filter(|(_, bytes)| !bytes.is_empty());
        files
            .map(|(name, bytes)| {
                // The ring may have cut a character; as text it can be read.
                let text = redactor.text(&String::from_utf8_lossy(&bytes));
                AttachedFile::new(format!("{prefix}-{name}.txt"), "text/plain", text.as_bytes())
            })
            .collect()
    }
}

fn kept(ring: &Mutex<VecDeque<u8>>) -> Vec<u8> {
    let ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
    ring.iter().copied().collect()
}

/// A running process and its group. Dropped, the whole group is killed.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
    output: Arc<Output>,
}

impl Process {
    /// Starts the command in a process group of its own, so that a Ctrl-C reaches only the harness and a kill reaches
    /// everything that the command started.
    pub(crate) fn start(command: &mut Command, output: &Arc<Output>) -> io::Result<Process> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(stdout) = child.stdout.take() {
            output.read(stdout, |output| &output.stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            output.read(stderr, |output| &output.stderr);
        }
        Ok(Process { child, group, output: Arc::clone(output) })
    }

    /// The id of the process, until it was waited for.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The resident memory of the process and of all that it started, in bytes: what the kernel says at this moment.
    ///
    /// # Errors
    /// If the kernel has no `/proc`, or nothing of the group runs any more.
    pub(crate) fn resident_bytes(&self) -> io::Result<u64> {
        let group = self.group.ok_or(io::ErrorKind::NotFound)?.as_raw_nonzero().get();
        // A process that ends meanwhile counts nothing.
        let processes = std::fs::read_dir("/proc")?.flatten();
        match processes.filter_map(|process| resident_kib(&process.path(), group)).sum() {
            0 => Err(io::ErrorKind::NotFound.into()),
            kib => Ok(kib * 1024),
        }
    }

    /// Waits until it ends by itself. May be given up and called again.
    pub(crate) async fn exited(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// SIGKILL to the whole group, then waits until it is gone and its output was read.
    pub(crate) async fn kill(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        let status = self.child.wait().await;
        self.output.drained().await;
        status
    }

    /// Sends SIGKILL to the whole group when it is called, which must be before anybody has waited for the process.
    pub(crate) fn killer(&self) -> impl FnOnce() + Send + use<> {
        let group = self.group;
        move || send(group, Signal::KILL)
    }

    /// SIGTERM to the whole group; waits until the process ends, and kills it if it does not in time.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] if it had to be killed.
    pub(crate) async fn terminate(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM);
        let ended = tokio::time::timeout(patience, self.child.wait()).await;
        // Whatever the process left of its group goes too.
        self.signal(Signal::KILL);
        let Ok(status) = ended else {
            self.kill().await?;
            return Err(io::ErrorKind::TimedOut.into());
        };
        self.output.drained().await;
        status
    }

    fn signal(&self, signal: Signal) {
        send(self.group, signal);
    }
}

fn send(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // The only failure is that the group is gone already.
        let _ = kill_process_group(group, signal);
    }
}

/// The resident memory of the process behind this folder of `/proc`, in KiB, if it belongs to the group: the line `VmRSS` of
/// `status`. The group is field 5 of `stat` (proc_pid_stat(5)), counted from behind the name, which may hold anything.
fn resident_kib(process: &std::path::Path, group: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let its_group = stat.rsplit_once(')')?.1.split_whitespace().nth(2)?;
    if its_group.parse() != Ok(group) {
        return None;
    }
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    resident.trim().strip_suffix("kB")?.trim().parse().ok()
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that was waited for may have given its number to another one.
        if self.child.id().is_some() {
            self.signal(Signal::KILL);
        }
    }
}

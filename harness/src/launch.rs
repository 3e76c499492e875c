//! Starts a target from a command (README.md 5.2) and waits until it is healthy.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Command;

use crate::client::root_cause;
use crate::process::{Output, Process};
use crate::target::Tokens;

/// A target that is not there yet refuses connections at once; so often one asks again.
const RETRY: Duration = Duration::from_millis(4);
/// A target that accepted the connection gets so long to answer one question for its health.
const ONE_ANSWER: Duration = Duration::from_secs(2);
/// So many lines of stderr explain why a target did not start.
const TAIL_LINES: usize = 20;

/// Variables by which programs are told of proxies.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];

/// How targets are started: the same for the one that is judged and for those that checks start for themselves.
#[derive(Clone, Debug)]
pub(crate) struct Launcher {
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// Variables besides the contract's settings.
    pub(crate) env: Vec<(String, String)>,
    /// The settings that tell a target of the observatory.
    pub(crate) observed: Vec<(&'static str, String)>,
    /// How long it may take until it is healthy.
    pub(crate) patience: Duration,
    /// Where data folders are made; none is the system's folder for temporary files.
    pub(crate) scratch: Option<PathBuf>,
    /// Asks for its health.
    pub(crate) http: reqwest::Client,
}

/// Why a launched target is not there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NotStarted {
    /// One sentence.
    pub(crate) reason: String,
    /// The last lines of its stderr.
    pub(crate) stderr: String,
}

/// A target that was launched and is healthy.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) process: Process,
    /// Base URL, without a slash at the end.
    pub(crate) url: String,
    /// From the start of the command until it was healthy.
    pub(crate) startup: Duration,
}

impl Launcher {
    /// A folder for everything that a launched target keeps.
    pub(crate) fn data_folder(&self) -> Result<TempDir, String> {
        let parent = self.scratch.clone().unwrap_or_else(std::env::temp_dir);
        let folder = tempfile::Builder::new().prefix("assay-data-").tempdir_in(parent);
        folder.map_err(|error| format!("no folder for the target's data: {error}"))
    }

    /// Starts the command on a free loopback port and waits until `GET /health` answers 200.
    pub(crate) async fn start(
        &self,
        tokens: &Tokens,
        data: &Path,
        output: &Arc<Output>,
    ) -> Result<Launched, NotStarted> {
        let started = Instant::now();
        let (mut process, url) = self.spawn(tokens, data, output)?;
        let refused = tokio::select! {
            // A dead child is seen before the answer of a stranger on the same port.
            biased;
            exited = process.exited() => Some(ended(exited)),
            healthy = self.healthy(&url) => healthy.err(),
        };
        match refused {
            None => Ok(Launched { process, url, startup: started.elapsed() }),
            Some(reason) => {
                // What it wrote last is the explanation, so it is read to the end.
                let _ = process.kill().await;
                Err(NotStarted { reason, stderr: output.stderr_tail(TAIL_LINES) })
            }
        }
    }

    /// Starts the command on a free loopback port; the process, and the URL where it will be.
    pub(crate) fn spawn(
        &self,
        tokens: &Tokens,
        data: &Path,
        output: &Arc<Output>,
    ) -> Result<(Process, String), NotStarted> {
        let unstarted = |reason: String| NotStarted { reason, stderr: String::new() };
        let port = crate::port::free().map_err(|error| unstarted(format!("no loopback port is free: {error}")))?;
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| unstarted("the command is empty".into()))?;
        let mut command = Command::new(program);
        command.args(arguments).envs(self.env.iter().map(|(name, value)| (name, value)));
        // Whether a target goes through a proxy is for the run to say, and not for the shell that it is started from.
        for name in PROXIES {
            command.env_remove(name);
        }
        for (name, value) in settings(port, tokens, data, &self.observed) {
            command.env(name, value);
        }
        let process = Process::start(&mut command, output)
            .map_err(|error| unstarted(format!("`{program}` cannot be run: {error}")))?;
        Ok((process, format!("http://127.0.0.1:{port}")))
    }

    async fn healthy(&self, url: &str) -> Result<(), String> {
        let last = std::sync::Mutex::new(String::from("it accepted no connection"));
        let note = |seen: String| *last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = seen;
        let asking = async {
            loop {
                match self.http.get(format!("{url}/health")).timeout(ONE_ANSWER).send().await {
                    Ok(response) if response.status() == 200 => return,
                    Ok(response) => note(format!("GET /health answered {}", response.status().as_u16())),
                    Err(error) if error.is_connect() => {}
                    Err(error) => note(format!("GET /health got no answer: {}", root_cause(&error))),
                }
                tokio::time::sleep(RETRY).await;
            }
        };
        let healthy = tokio::time::timeout(self.patience, asking).await;
        healthy.map_err(|_| {
            let last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            format!("it was not healthy within {} s: {last}", self.patience.as_secs_f64())
        })
    }
}

/// The settings of `contract.toml`, in its words.
fn settings(
    port: u16,
    tokens: &Tokens,
    data: &Path,
    observed: &[(&'static str, String)],
) -> Vec<(&'static str, OsString)> {
    let mut settings = vec![
        ("ASSAY_LISTEN", format!("127.0.0.1:{port}").into()),
        ("ASSAY_DATA", data.into()),
        ("ASSAY_ADMIN_TOKEN", tokens.admin.clone().into()),
        ("ASSAY_USER_TOKEN", tokens.user.clone().into()),
    ];
    settings.extend(observed.iter().map(|(name, value)| (*name, value.into())));
    settings
}

fn ended(exited: io::Result<std::process::ExitStatus>) -> String {
    match exited {
        Ok(status) => format!("it ended before it was healthy ({status})"),
        Err(error) => format!("it cannot be watched: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launched_target_gets_exactly_the_settings_of_the_contract() {
        let tokens = Tokens { admin: "a".into(), user: "u".into() };
        let mut observed = crate::observatory::settings(1, Path::new("/tmp"));
        observed.push(crate::observatory::through(2));
        let given: std::collections::BTreeSet<&str> =
            settings(1, &tokens, Path::new("/tmp"), &observed).into_iter().map(|(name, _)| name).collect();
        assert_eq!(given, crate::TERMS.settings.keys().map(String::as_str).collect());
    }
}

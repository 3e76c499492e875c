//! A server in a process of its own, which ends with the value that stands for it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::peer::Peer;

/// The token of the role admin.
pub const ADMIN: &str = "admin-of-the-bench";
/// The token of the role user.
pub const USER: &str = "user-of-the-bench";
/// How long a server may take until it says where it serves.
const STARTUP: Duration = Duration::from_secs(30);

/// A server that runs.
pub struct Server {
    name: &'static str,
    address: SocketAddr,
    // The rest only has to live as long as the server: a closed stdout would be an error to a server that writes to it.
    _child: Child,
    _stdout: Lines<BufReader<ChildStdout>>,
    _data: Option<TempDir>,
}

impl Server {
    /// The reference runtime, with an empty folder for its data.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn runtime(binary: &Path) -> Result<Server> {
        let data = tempfile::tempdir()?;
        let binary = binary.canonicalize().with_context(|| format!("{} is not there", binary.display()))?;
        let mut command = Command::new(binary);
        // Where no configuration of somebody else lies.
        command.current_dir(data.path()).args(["--listen", "127.0.0.1:0", "--admin-token", ADMIN]);
        command.args(["--user-token", USER, "--data"]).arg(data.path().join("data"));
        // Its log goes nowhere: an error in it would also be in an answer.
        command.env_remove("ASSAY_CONFIG").env_remove("ASSAY_LOG").stderr(Stdio::null());
        Server::start("the runtime", command, Some(data)).await
    }

    /// A peer, from this same binary.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn peer(peer: Peer) -> Result<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["peer", peer.as_str()]);
        Server::start(peer.as_str(), command, None).await
    }

    async fn start(name: &'static str, mut command: Command, data: Option<TempDir>) -> Result<Server> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let mut stdout = BufReader::new(child.stdout.take().context("its stdout")?).lines();
        let serving = tokio::time::timeout(STARTUP, said(&mut stdout)).await;
        let address = serving
            .context("no word in time")
            .and_then(|said| said)
            .with_context(|| format!("{name} did not start"))?;
        Ok(Server { name, address, _child: child, _stdout: stdout, _data: data })
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Reads until a line says where the server serves.
async fn said(stdout: &mut Lines<BufReader<ChildStdout>>) -> Result<SocketAddr> {
    while let Some(line) = stdout.next_line().await? {
        if let Some(address) = address(&line) {
            return Ok(address);
        }
    }
    bail!("it ended without saying where it serves")
}

/// The address in a line such as `serves at http://127.0.0.1:4711`.
fn address(line: &str) -> Option<SocketAddr> {
    line.split_whitespace().find_map(|word| word.strip_prefix("http://")?.trim_end_matches('/').parse().ok())
}

/// Whether a program of this name is to be found.
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_what_a_server_says() {
        assert_eq!(address("serves at http://127.0.0.1:4711"), "127.0.0.1:4711".parse().ok());
        assert_eq!(address("a token: http"), None);
    }
}

//! The real binary: what survives a kill, and what it says when it cannot start.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{ADMIN, Target, USER, key, recipe};
use assay_fixtures::Behaviour;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A process of the runtime; it is killed when the test ends.
pub struct Runtime {
    child: Child,
    pub target: Target,
}

impl Runtime {
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// With more in its environment.
    pub fn start_with(data: &Path, more: &[(&str, String)]) -> Self {
        let mut command = command(data, "127.0.0.1:0");
        command.envs(more.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap().split(' ').next().unwrap();
        Self { target: Target(address.parse().unwrap()), child }
    }

    /// SIGKILL: nothing is finished, nothing is closed.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(data: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay-runtime"));
    command
        .env("ASSAY_DATA", data)
        .env("ASSAY_LISTEN", listen)
        .env("ASSAY_ADMIN_TOKEN", ADMIN)
        .env("ASSAY_USER_TOKEN", USER)
        .env("ASSAY_LOG", "warn")
        .current_dir(data);
    command
}

/// Runs a process that cannot start; answers its exit code and what it said.
pub fn failed_start(mut command: Command) -> (i32, String) {
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(data.path());
    let target = runtime.target;
    target.trust(&key(), None).await.expect(201);
    let package = recipe("kept", Behaviour::StateSwap { key: "k".into() }).build().signed(&key());
    target.install(&package).await;
    target.execute(&package.id(), json!("before")).await.expect(200);
    let revoked = recipe("revoked", Behaviour::Echo).build().signed(&key());
    target.install(&revoked).await;
    target.post("/admin/registry/handlers/com.example.revoked/revoke", json!({"reason": "a test"})).await.expect(200);
    let discovery = target.get("/.well-known/handler-runtime").await.expect(200);

    // Uploads are under way when it is killed: each is wholly there or wholly absent afterwards.
    let uploads: Vec<_> = (0..8)
        .map(|n| recipe(&format!("late{n}"), Behaviour::Echo).build().signed(&key()))
        .map(|package| (package.id(), tokio::spawn(async move { target.upload(&package).await.status })))
        .collect();
    target.execute(&package.id(), json!("last")).await.expect(200);
    runtime.kill();

    let runtime = Runtime::start(data.path());
    let target = runtime.target;
    assert_eq!(target.get("/.well-known/handler-runtime").await.expect(200), discovery);
    let executed = target.execute(&package.id(), json!("after")).await.expect(200);
    assert_eq!(executed["output"], "last");
    let manifest = target.get(&format!("/registry/handlers/{}/versions/1.0.0/manifest", package.id())).await;
    assert_eq!(manifest.body, package.manifest);
    assert_eq!(target.execute(&revoked.id(), json!(1)).await.problem(), "release-revoked");
    for (id, upload) in uploads {
        let acknowledged = upload.await.is_ok_and(|status| status == 201);
        let part = target.get(&format!("/registry/handlers/{id}/versions/1.0.0/module")).await;
        let signature = target.get(&format!("/registry/handlers/{id}/versions/1.0.0/signature-0")).await;
        assert_eq!(part.status, signature.status, "{id} is there in part");
        assert!(!acknowledged || part.status == 200, "{id} was acknowledged and is gone");
    }
}

#[test]
fn a_port_in_use_ends_the_start_with_advice() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (code, said) = failed_start(command(data.path(), &taken.local_addr().unwrap().to_string()));
    assert_eq!(code, 3);
    assert!(said.contains("--listen"), "{said}");
}

#[test]
fn a_data_folder_of_another_process_ends_the_start_with_advice() {
    let data = tempfile::tempdir().unwrap();
    let _first = Runtime::start(data.path());
    let (code, said) = failed_start(command(data.path(), "127.0.0.1:0"));
    assert_eq!(code, 5);
    assert!(said.contains("another process has it"), "{said}");
}

#[test]
fn a_malformed_configuration_ends_the_start_with_its_place() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("assay-runtime.toml"), "listen = [").unwrap();
    let (code, said) = failed_start(command(data.path(), "127.0.0.1:0"));
    assert_eq!(code, 2);
    assert!(said.contains("assay-runtime.toml"), "{said}");
}

#[test]
fn a_runtime_without_settings_says_what_to_type_next() {
    let data = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_assay-runtime"))
        .args(["--listen", "127.0.0.1:0"])
        .current_dir(data.path())
        .env_remove("ASSAY_ADMIN_TOKEN")
        .env_remove("ASSAY_USER_TOKEN")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<_> = BufReader::new(child.stdout.take().unwrap()).lines().take(2).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let command = &lines[1];
    assert!(command.contains("cargo xtask conformance --target http://127.0.0.1:"), "{command}");
    let words: Vec<_> = command.split(' ').collect();
    let token = |flag| words[words.iter().position(|word| *word == flag).unwrap() + 1];
    assert!(token("--admin-token").len() >= 32 && token("--admin-token") != token("--user-token"), "{command}");
    assert!(data.path().join("assay-data").is_dir());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_lets_requests_under_way_finish() {
    let data = tempfile::tempdir().unwrap();
    let mut runtime = Runtime::start(data.path());
    let target = runtime.target;
    target.trust(&key(), None).await.expect(201);
    target.install(&recipe("asked", Behaviour::Echo).build().signed(&key())).await;
    let mut stream = TcpStream::connect(target.0).await.unwrap();
    let body = br#"{"input":1}"#;
    let head = format!(
        "POST /handlers/com.example.asked/executions HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {USER}\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    // The runtime asks for the body: the request is under way.
    stream.read_exact(&mut go_on).await.unwrap();
    let pid = runtime.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    stream.write_all(body).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let ended = tokio::task::spawn_blocking(move || runtime.child.wait().unwrap().code()).await.unwrap();
    assert_eq!(ended, Some(0));
}

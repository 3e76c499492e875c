//! Modules in a bucket: the runtime beside a server that speaks S3, moto's, where it is installed.
//!
//! The bucket is a hostile place: others may change what lies in it, take it away, or be gone.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use assay_fixtures::{Behaviour, Package};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::processes::{Runtime, command, failed_start};
use crate::support::{Target, key, recipe};

/// A server that speaks S3. It is ended when the test ends.
struct S3 {
    child: Child,
    server: Target,
}

impl S3 {
    /// Starts moto's server, or says that there is none.
    fn start(test: &str) -> Option<Self> {
        let Some(program) = moto() else {
            eprintln!(
                "SKIPPED {test}: no moto_server is here; `pip install 'moto[server]'`, or name one in MOTO_SERVER"
            );
            return None;
        };
        let mut child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = lines.find_map(|line| Some(line.unwrap().split_once("http://")?.1.trim().to_owned()));
        // Nobody else reads what it goes on saying, and it must not wait for a reader.
        std::thread::spawn(move || lines.count());
        Some(Self { child, server: Target(said.expect("where it listens").parse().unwrap()) })
    }

    async fn bucket(&self, name: &str, versions: bool) {
        assert_eq!(self.send("PUT", &format!("/{name}"), b"").await, 200);
        if versions {
            let enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
            assert_eq!(self.send("PUT", &format!("/{name}?versioning"), enabled).await, 200);
        }
    }

    /// What the runtime is told of a part of a bucket.
    fn settings(&self, bucket: &str) -> Vec<(&'static str, String)> {
        vec![
            ("ASSAY_OBJECTS", format!("s3://{bucket}/of/this/one")),
            ("AWS_ENDPOINT", format!("http://{}", self.server.0)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", "somebody".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "something".to_owned()),
        ]
    }

    /// Somebody else's request for an object.
    async fn ask(&self, method: &str, bucket: &str, name: &str, body: &[u8]) -> u16 {
        self.send(method, &format!("/{bucket}/of/this/one/{name}"), body).await
    }

    /// Sends a request, with the form of a signature: moto wants to know who asks, and believes it. Answers the status.
    async fn send(&self, method: &str, path: &str, body: &[u8]) -> u16 {
        let (host, length) = (self.server.0, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=other/20260101/us-east-1/s3/aws4_request, \
             SignedHeaders=host, Signature=0\r\n\r\n"
        );
        self.server.send_raw(&[head.as_bytes(), body].concat()).await.status
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It may have been ended by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program: what is named, what CI installs, what is on the path.
fn moto() -> Option<PathBuf> {
    let named = std::env::var_os("MOTO_SERVER").map(PathBuf::from);
    let installed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/moto/bin/moto_server");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("moto_server"));
    named.into_iter().chain([installed]).chain(on_path).find(|program| program.is_file())
}

fn digest(package: &Package) -> String {
    hex::encode(Sha256::digest(&package.module))
}

fn module(package: &Package) -> String {
    format!("/registry/handlers/{}/versions/1.0.0/module", package.id())
}

fn echo(name: &str) -> Package {
    recipe(name, Behaviour::Echo).build().signed(&key())
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_are_in_the_bucket_and_nowhere_else() {
    let Some(s3) = S3::start("modules_are_in_the_bucket_and_nowhere_else") else { return };
    s3.bucket("modules", true).await;
    let (orphan, foreign) = (hex::encode(Sha256::digest(b"of a killed runtime")), "notes.txt");
    for name in [&orphan, foreign] {
        assert_eq!(s3.ask("PUT", "modules", name, b"here before").await, 200);
    }
    let (data, settings) = (tempfile::tempdir().unwrap(), s3.settings("modules"));
    let runtime = Runtime::start_with(data.path(), &settings);
    assert_eq!(s3.ask("HEAD", "modules", &orphan, b"").await, 404, "what no release refers to is swept");
    assert_eq!(s3.ask("HEAD", "modules", foreign, b"").await, 200, "what is named otherwise is somebody else's");
    runtime.target.trust(&key(), None).await.expect(201);
    let package = echo("kept");
    runtime.target.install(&package).await;
    assert_eq!(s3.ask("HEAD", "modules", &digest(&package), b"").await, 200);
    assert!(!data.path().join("blobs").exists(), "the data folder has no folder of objects");
    runtime.kill();

    // With nothing compiled at hand, the module has to come from the bucket.
    std::fs::remove_dir_all(data.path().join("compiled")).unwrap();
    let runtime = Runtime::start_with(data.path(), &settings);
    assert_eq!(runtime.target.execute(&package.id(), json!("after")).await.expect(200)["output"], "after");
    assert_eq!(runtime.target.get(&module(&package)).await.body, package.module);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_that_was_stored_is_read_whatever_came_after_it() {
    let Some(s3) = S3::start("the_version_that_was_stored_is_read_whatever_came_after_it") else { return };
    s3.bucket("versioned", true).await;
    let data = tempfile::tempdir().unwrap();
    let runtime = Runtime::start_with(data.path(), &s3.settings("versioned"));
    runtime.target.trust(&key(), None).await.expect(201);
    let package = echo("changed");
    runtime.target.upload(&package).await.expect(201);
    for (method, body) in [("PUT", &b"changed by somebody else"[..]), ("DELETE", b"")] {
        assert!(s3.ask(method, "versioned", &digest(&package), body).await < 300);
        let reply = runtime.target.get(&module(&package)).await;
        assert_eq!(reply.status, 200, "after {method}: {}", reply.head);
        assert_eq!(reply.body, package.module, "after {method}");
    }
    // Another release of the same module has a version of its own, which is good again.
    let again = echo("again");
    assert_eq!(digest(&again), digest(&package));
    runtime.target.install(&again).await;
    assert_eq!(runtime.target.execute(&again.id(), json!(1)).await.expect(200)["output"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_versions_what_was_changed_is_not_served_and_is_mended_by_the_next_upload() {
    let Some(s3) = S3::start("without_versions_what_was_changed_is_not_served") else { return };
    s3.bucket("plain", false).await;
    let data = tempfile::tempdir().unwrap();
    let runtime = Runtime::start_with(data.path(), &s3.settings("plain"));
    runtime.target.trust(&key(), None).await.expect(201);
    let package = echo("changed");
    runtime.target.upload(&package).await.expect(201);
    assert_eq!(s3.ask("PUT", "plain", &digest(&package), b"changed by somebody else").await, 200);
    assert_eq!(runtime.target.get(&module(&package)).await.status, 500);
    runtime.target.upload(&echo("again")).await.expect(201);
    assert_eq!(runtime.target.get(&module(&package)).await.body, package.module);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_gone_refuses_uploads_and_nothing_else() {
    let Some(mut s3) = S3::start("a_bucket_that_is_gone_refuses_uploads_and_nothing_else") else { return };
    s3.bucket("gone", true).await;
    let (data, settings) = (tempfile::tempdir().unwrap(), s3.settings("gone"));
    let runtime = Runtime::start_with(data.path(), &settings);
    runtime.target.trust(&key(), None).await.expect(201);
    let package = echo("before");
    runtime.target.install(&package).await;
    s3.child.kill().unwrap();
    s3.child.wait().unwrap();
    let late = echo("late");
    assert_eq!(runtime.target.upload(&late).await.status, 500);
    assert_eq!(runtime.target.get(&format!("/registry/handlers/{}", late.id())).await.status, 404);
    assert_eq!(runtime.target.execute(&package.id(), json!("still")).await.expect(200)["output"], "still");
    runtime.target.get("/health").await.expect(200);
    runtime.kill();

    // Nor does one start: what it would sweep, and serve, is not there.
    let mut command = command(data.path(), "127.0.0.1:0");
    let (code, said) = failed_start({
        command.envs(settings);
        command
    });
    assert_eq!(code, 7, "{said}");
    assert!(said.contains("AWS_ENDPOINT") && !said.contains("something"), "{said}");
}

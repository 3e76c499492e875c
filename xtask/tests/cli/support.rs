//! Runs the commands and a reference runtime as child processes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// How a command ended.
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl Ended {
    /// What a child process left.
    pub fn of(output: &std::process::Output) -> Ended {
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Everything, for the message of a failed assertion.
    pub fn all(&self) -> String {
        format!("exit {}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

/// `cargo xtask ARGUMENTS` from the root of the workspace, as CI does: no terminal, no tokens in the environment.
pub fn xtask(arguments: &[&str]) -> Ended {
    xtask_with(arguments, &[])
}

/// The same, with variables of the environment.
pub fn xtask_with(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    xtask_in(root(), arguments, variables)
}

/// The same, from another folder.
pub fn xtask_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("ASSAY_ADMIN_TOKEN")
        .env_remove("ASSAY_USER_TOKEN")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("xtask starts");
    Ended::of(&output)
}

/// A folder that is removed with the test.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Cargo at the root of the workspace.
fn cargo() -> Command {
    let mut cargo = outside_of_cargo(env!("CARGO"));
    cargo.current_dir(root());
    cargo
}

/// A program in the environment of somebody who types it: build scripts that read what cargo tells a test of its package would run again.
pub fn outside_of_cargo(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let of_this_package = |prefix| name.to_str().is_some_and(|name| name.starts_with(prefix));
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].into_iter().any(of_this_package) {
            command.env_remove(name);
        }
    }
    command
}

/// The reference runtime, built once per test binary.
pub fn runtime() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let built = cargo()
                .args(["build", "--quiet", "--workspace", "--bin", "assay-runtime"])
                .status()
                .expect("cargo starts");
            assert!(built.success(), "the runtime builds");
            let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
            target.join("debug/assay-runtime")
        })
        .clone()
}

/// A reference runtime that somebody started by hand. It is killed with the test.
pub struct Runtime {
    /// Its base URL.
    pub url: String,
    child: Child,
    _data: TempDir,
}

impl Runtime {
    /// Starts it on a free port with the tokens `admin-by-hand` and `user-by-hand`, and waits until it says where it serves.
    pub fn start() -> Runtime {
        Runtime::start_with(&[])
    }

    /// The same with these variables.
    pub fn start_with(variables: &[(&str, &str)]) -> Runtime {
        let data = folder();
        runtime();
        // On Unix cargo becomes the program that it runs, so the child is the runtime.
        let mut child = cargo()
            .args(["run", "--quiet", "--bin", "assay-runtime", "--"])
            .args(["--listen", "127.0.0.1:0", "--admin-token", "admin-by-hand", "--user-token", "user-by-hand"])
            .arg("--data")
            .arg(data.path().join("data"))
            .env_remove("ASSAY_LISTEN")
            .env_remove("ASSAY_DATA")
            .env_remove("HTTPS_PROXY")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the runtime starts");
        let stdout = BufReader::new(child.stdout.take().expect("its stdout"));
        let url = stdout
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned))
            .expect("the runtime says where it serves");
        Runtime { url, child, _data: data }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every check and packaging of the report in a folder, with its verdict.
pub fn verdicts(folder: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder.join("report.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let checks = report["checks"].as_array().expect("checks");
    checks
        .iter()
        .map(|check| (format!("{} {}", check["id"], check["packaging"]), check["verdict"].to_string()))
        .collect()
}

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

//! Launched targets: real processes that start, die, come back and are never left behind.
//!
//! The target is this test binary itself: the ignored test [`tiny_target`] serves when it is given `ASSAY_LISTEN`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use assay_harness::progress::Silent;
use assay_harness::{
    Attach, AttachError, AttachOptions, Check, CheckResult, Cx, Exit, Need, Options, Session, Stop, Verdict, checks,
    ensure, run,
};
use tokio::io::AsyncReadExt as _;

use crate::{document, plan};

/// A runtime that keeps one note in its data folder and answers 403 to strangers.
#[test]
#[ignore = "is the target that the other tests launch"]
fn tiny_target() {
    let setting = |name: &str| std::env::var(name).unwrap();
    let note = PathBuf::from(setting("ASSAY_DATA")).join("note");
    let listener = TcpListener::bind(setting("ASSAY_LISTEN")).unwrap();
    eprintln!("serving with {}", setting("ASSAY_ADMIN_TOKEN"));
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let head = read_head(&mut stream);
        let known = [setting("ASSAY_ADMIN_TOKEN"), setting("ASSAY_USER_TOKEN")];
        let (status, body) = match head.split(' ').take(2).collect::<Vec<_>>()[..] {
            ["GET", "/health"] => (200, r#"{"status":"ok"}"#.to_owned()),
            ["GET", "/.well-known/handler-runtime"] => (200, document().to_string()),
            _ if !known.iter().any(|token| head.contains(token.as_str())) => (401, String::new()),
            ["GET", "/settings"] => {
                let names = ["ASSAY_EGRESS_DNS", "ASSAY_EGRESS_CA", "ASSAY_EGRESS_INTERNET"];
                (200, names.map(setting).join("\n"))
            }
            ["GET", "/proxy"] => (200, std::env::var("HTTPS_PROXY").unwrap_or_default()),
            ["PUT", path] => {
                std::fs::write(&note, path).unwrap();
                (200, String::new())
            }
            _ => (200, std::fs::read_to_string(&note).unwrap_or_default()),
        };
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        // A client that went away is nothing to this target.
        let _ = stream.write_all(answer.as_bytes());
    }
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn tiny() -> Vec<String> {
    let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    [&program, "launch::tiny_target", "--exact", "--ignored", "--nocapture"].map(str::to_owned).to_vec()
}

fn launch(command: Vec<String>) -> Attach {
    Attach::Launch { command, env: Vec::new() }
}

fn shell(script: &str) -> Attach {
    launch(["sh", "-c", script].map(str::to_owned).to_vec())
}

async fn launched() -> Session {
    Session::attach(launch(tiny()), AttachOptions::default()).await.unwrap()
}

pub async fn only(checks: &'static [Check]) -> CheckResult {
    only_with(checks, AttachOptions::default()).await
}

pub async fn only_with(checks: &'static [Check], options: AttachOptions) -> CheckResult {
    let session = Session::attach(launch(tiny()), options).await.unwrap();
    let result = run(&session, &plan(checks), &Options::default(), &Silent).await;
    session.stop().await;
    result.checks.into_iter().next().unwrap()
}

/// Resolves when the process behind the connection is gone.
async fn gone(mut connection: tokio::net::TcpStream) {
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_secs(20), connection.read(&mut byte)).await;
    assert!(!matches!(read.expect("the target still lives"), Ok(1)));
}

async fn connection(session: &Session) -> tokio::net::TcpStream {
    tokio::net::TcpStream::connect(session.url().trim_start_matches("http://")).await.unwrap()
}

#[tokio::test]
async fn a_launched_target_is_attached_with_tokens_of_its_own() {
    let session = launched().await;
    let target = session.target();
    assert!(target.command.unwrap().contains("tiny_target") && target.startup_ms.is_some());
    session.stop().await;
}

#[tokio::test]
async fn the_output_of_a_target_is_kept_without_its_tokens() {
    let session = launched().await;
    let connection = connection(&session).await;
    let output = session.output();
    session.stop().await;
    gone(connection).await;
    let stderr = output.iter().find(|file| file.name == "target-stderr.txt").unwrap();
    let assay_reports::Content::Text(text) = &stderr.content else { panic!("{stderr:?}") };
    assert_eq!(text, "serving with <admin token>\n");
}

#[tokio::test]
async fn a_command_that_ends_at_once_is_refused_with_its_stderr() {
    let error =
        Session::attach(shell("echo the port is taken >&2; exit 3"), AttachOptions::default()).await.unwrap_err();
    assert_eq!(error.exit(), Exit::DidNotStart);
    let AttachError::DidNotStart { reason, stderr, .. } = error else { panic!("{error}") };
    assert_eq!(reason, "it ended before it was healthy (exit status: 3)");
    assert_eq!(stderr, "the port is taken");
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_refused() {
    let error = Session::attach(launch(vec!["/no/such/runtime".into()]), AttachOptions::default()).await.unwrap_err();
    assert_eq!(error.exit(), Exit::DidNotStart);
    assert!(error.to_string().contains("`/no/such/runtime` cannot be run"), "{error}");
}

#[tokio::test]
async fn a_command_that_never_serves_is_given_up_and_killed() {
    let options = AttachOptions { startup: Duration::from_millis(100), ..AttachOptions::default() };
    let error = Session::attach(shell("exec sleep 600"), options).await.unwrap_err();
    assert!(error.to_string().contains("it was not healthy within 0.1 s: it accepted no connection"), "{error}");
}

#[tokio::test]
async fn a_dropped_session_kills_the_target_and_what_it_started() {
    // The shell is the child of the harness, the target is its grandchild.
    let script = tiny().iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let session = Session::attach(shell(&format!("{script} & wait")), AttachOptions::default()).await.unwrap();
    let connection = connection(&session).await;
    drop(session);
    gone(connection).await;
}

async fn survives_a_kill(cx: Cx) -> Result<(), Stop> {
    let mut own = cx.own_target().await?;
    own.cx().admin().put("/hello").send().await?.expect(200)?;
    own.kill().await;
    let dead = own.cx().admin().get("/note").send().await;
    ensure!(dead.is_err(), "a killed target answers");
    own.restart().await?;
    let note = own.cx().user().get("/note").send().await?.expect(200)?;
    ensure!(note.body() == b"/hello", "the note is gone: {:?}", note.body());
    Ok(())
}

#[tokio::test]
async fn an_own_target_comes_back_with_its_data_and_tokens() {
    const CHECKS: &[Check] = checks![once("t.kill", "", &[], survives_a_kill).needs(&[Need::Launch])];
    let result = only(CHECKS).await;
    assert_eq!((result.verdict, result.reason), (Verdict::Pass, None));
    assert_eq!(result.exchanges.len(), 3);
}

async fn mixes_targets(cx: Cx) -> Result<(), Stop> {
    let own = cx.own_target().await?;
    own.cx().admin().put("/mine").send().await?.expect(200)?;
    let other = cx.admin().get("/note").send().await?.expect(200)?;
    ensure!(other.body().is_empty(), "the shared target has the note of the private one");
    Ok(())
}

#[tokio::test]
async fn an_own_target_shares_nothing_with_the_one_that_is_judged() {
    const CHECKS: &[Check] = checks![once("t.mixes", "", &[], mixes_targets).needs(&[Need::Launch])];
    let result = only(CHECKS).await;
    assert_eq!((result.verdict, result.reason), (Verdict::Pass, None));
}

async fn fails_on_its_own_target(cx: Cx) -> Result<(), Stop> {
    let own = cx.own_target().await?;
    own.cx().admin().get("/note").send().await?.expect(418)?;
    Ok(())
}

#[tokio::test]
async fn the_output_of_an_own_target_is_evidence_when_the_check_fails() {
    const CHECKS: &[Check] = checks![once("t.fails", "", &[], fails_on_its_own_target).needs(&[Need::Launch])];
    let result = only(CHECKS).await;
    assert_eq!(result.verdict, Verdict::Fail);
    let names: Vec<&str> = result.attachments.iter().map(|file| file.name.as_str()).collect();
    assert!(names.contains(&"own-target-1-stderr.txt"), "{names:?}");
    assert!(serde_json::to_string(&result).unwrap().contains("serving with <admin token>"));
}

async fn ends_politely(cx: Cx) -> Result<(), Stop> {
    let mut own = cx.own_target().await?;
    let status = own.terminate().await?;
    ensure!(status.code().is_none(), "SIGTERM should end the tiny target, which has no handler: {status}");
    Ok(())
}

#[tokio::test]
async fn an_own_target_can_be_terminated() {
    const CHECKS: &[Check] = checks![once("t.ends", "", &[], ends_politely).needs(&[Need::Launch])];
    assert_eq!(only(CHECKS).await.verdict, Verdict::Pass);
}

async fn weighs_itself(cx: Cx) -> Result<(), Stop> {
    let mut own = cx.own_target().await?;
    let bytes = own.resident_bytes()?;
    ensure!((100_000..1_000_000_000).contains(&bytes), "the tiny target takes {bytes} bytes");
    own.kill().await;
    ensure!(own.resident_bytes().is_err(), "a killed target takes memory");
    Ok(())
}

#[tokio::test]
async fn an_own_target_tells_its_resident_memory() {
    const CHECKS: &[Check] = checks![once("t.weighs", "", &[], weighs_itself).needs(&[Need::Launch])];
    let result = only(CHECKS).await;
    assert_eq!((result.verdict, result.reason), (Verdict::Pass, None));
}

//! The observatory in checks: who gets one, and what is left of it in the report.

use assay_harness::{Attach, AttachOptions, Check, Cx, Need, Stop, Verdict, checks, ensure};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::launch;

async fn looks_at_its_settings(cx: Cx) -> Result<(), Stop> {
    let host = cx.observatory()?.host("api")?;
    ensure!(host.name() == format!("api.{}.assay.test", cx.namespace()), "another namespace: {}", host.name());
    ensure!(cx.observatory()?.host("api").is_err(), "another observatory at the second call");
    let settings = cx.admin().get("/settings").send().await?.expect(200)?;
    let settings = String::from_utf8_lossy(settings.body()).into_owned();
    let lines: Vec<&str> = settings.lines().collect();
    ensure!(lines.len() == 3 && lines[2] == "127.77.0.0/16", "other settings: {settings}");
    ensure!(std::path::Path::new(lines[1]).is_file(), "no certificate: {settings}");
    Ok(())
}

#[tokio::test]
async fn a_launched_target_is_told_of_the_observatory() {
    const CHECKS: &[Check] = checks![once("t.observed", "", &[], looks_at_its_settings).needs(&[Need::Observatory])];
    let result = launch::only(CHECKS).await;
    assert_eq!((result.verdict, result.reason), (Verdict::Pass, None));
}

async fn fails(cx: Cx) -> Result<(), Stop> {
    let host = cx.observatory()?.host("api")?;
    // Whoever it is: the record is what counts.
    let _ = TcpStream::connect(host.addr()).await;
    host.connection_number(1).await?;
    Err(Stop::Fail("as it should".to_owned()))
}

#[tokio::test]
async fn what_was_seen_is_evidence_when_the_check_fails() {
    const CHECKS: &[Check] = checks![once("t.fails", "", &[], fails).needs(&[Need::Observatory])];
    let result = launch::only(CHECKS).await;
    let file = result.attachments.iter().find(|file| file.name == "observatory.txt").expect("the observatory's file");
    let assay_reports::Content::Text(text) = &file.content else { panic!("{file:?}") };
    assert!(text.contains("api.") && text.contains("connection 1 to 127.77."), "{text}");
}

#[tokio::test]
async fn a_target_by_url_is_not_observed() {
    const CHECKS: &[Check] = checks![once("t.fails", "", &[], fails).needs(&[Need::Observatory])];
    let result = crate::only(CHECKS, &assay_harness::Options::default()).await;
    assert_eq!(result.verdict, Verdict::Skipped);
    assert!(result.reason.unwrap().contains("--observatory DIR"));
}

#[tokio::test]
async fn a_target_by_url_is_observed_by_one_that_is_kept() {
    const CHECKS: &[Check] = checks![once("t.fails", "", &[], fails).needs(&[Need::Observatory])];
    let folder = tempfile::tempdir().unwrap();
    let options = AttachOptions { observatory: Some(folder.path().to_owned()), ..crate::unprobed() };
    let target = assay_harness::Degenerate::Echo.start(crate::document(), None).await.unwrap();
    let attach: Attach = crate::at(&target.url);
    let session = assay_harness::Session::attach(attach, options).await.unwrap();
    let options = assay_harness::Options::default();
    let result = assay_harness::run(&session, &crate::plan(CHECKS), &options, &assay_harness::progress::Silent).await;
    assert_eq!(result.checks[0].reason.as_deref(), Some("as it should"));
}

/// What the target is told of a proxy, and what comes of a request through it.
async fn looks_at_its_proxy(cx: Cx) -> Result<(), Stop> {
    let host = cx.observatory()?.host("api")?;
    let told = cx.admin().get("/proxy").send().await?.expect(200)?;
    let told = String::from_utf8_lossy(told.body()).into_owned();
    let place = told.strip_prefix("http://").ok_or_else(|| Stop::Fail(format!("no proxy: {told:?}")))?;
    let mut stream = TcpStream::connect(place).await.map_err(|error| Stop::Fail(format!("{place}: {error}")))?;
    let connect = format!("CONNECT {}:{} HTTP/1.1\r\n\r\n", host.name(), host.port());
    stream.write_all(connect.as_bytes()).await.map_err(|error| Stop::Fail(error.to_string()))?;
    host.connection_number(1).await?;
    ensure!(host.queries()[0].over == "proxy", "asked over {}", host.queries()[0].over);
    Ok(())
}

#[tokio::test]
async fn a_launched_target_is_told_of_the_proxy_where_the_run_asks_for_it() {
    const CHECKS: &[Check] = checks![once("t.proxied", "", &[], looks_at_its_proxy).needs(&[Need::Observatory])];
    let proxied = AttachOptions { proxy: true, ..AttachOptions::default() };
    let result = launch::only_with(CHECKS, proxied).await;
    assert_eq!((result.verdict, result.reason), (Verdict::Pass, None));
    assert_eq!(launch::only(CHECKS).await.reason.as_deref(), Some("no proxy: \"\""));
}

#[tokio::test]
async fn behind_a_proxy_no_address_is_judged() {
    const CHECKS: &[Check] = checks![once("t.fails", "", &[], fails).needs(&[Need::Observatory, Need::Addresses])];
    let proxied = AttachOptions { proxy: true, ..AttachOptions::default() };
    let result = launch::only_with(CHECKS, proxied).await;
    assert_eq!(result.verdict, Verdict::Unsupported);
    assert!(result.reason.unwrap().contains("through a proxy"));
    assert_eq!(launch::only(CHECKS).await.reason.as_deref(), Some("as it should"));
}

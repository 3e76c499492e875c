//! A target that cannot be judged is refused before the run, with an exit code of its own.

use assay_harness::{Attach, AttachError, AttachOptions, Degenerate, Exit, Interrupt, Session};
use serde_json::json;

use crate::{ADMIN, at, document, unprobed};

async fn refused(attach: Attach, options: AttachOptions) -> AttachError {
    Session::attach(attach, options).await.expect_err("the target should be refused")
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let target = Degenerate::Echo.start(document(), None).await.unwrap();
    let url = target.url.clone();
    drop(target);
    let port = url.port().unwrap();
    // The listener is closed as soon as its task is gone, which is when the port can be had again.
    while tokio::net::TcpListener::bind(("127.0.0.1", port)).await.is_err() {
        tokio::task::yield_now().await;
    }
    let error = refused(at(&url), AttachOptions::default()).await;
    assert_eq!(error.exit(), Exit::Unreachable);
    assert!(error.to_string().contains("--launch"), "{error}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_named() {
    let target = Degenerate::AlwaysForbidden.start(document(), None).await.unwrap();
    let error = refused(at(&target.url), AttachOptions::default()).await;
    assert_eq!(error.exit(), Exit::TokenRefused);
    let text = error.to_string();
    assert!(text.contains("the admin token: GET /admin/trust/keys answered 403 forbidden"), "{text}");
    assert!(text.contains("--admin-token"), "{text}");
}

#[tokio::test]
async fn a_missing_token_is_wrong_usage() {
    let target = Degenerate::Echo.start(document(), None).await.unwrap();
    let attach = Attach::Url { url: target.url.clone(), admin_token: Some(ADMIN.into()), user_token: None };
    let error = refused(attach, AttachOptions::default()).await;
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.to_string().contains("--user-token"), "{error}");
}

#[tokio::test]
async fn another_version_of_the_contract_is_a_mismatch() {
    let mut other = document();
    other["contract"] = json!("9.9");
    let target = Degenerate::Echo.start(other, None).await.unwrap();
    let error = refused(at(&target.url), unprobed()).await;
    assert!(matches!(error, AttachError::ContractMismatch { .. }), "{error}");
    assert_eq!(error.exit(), Exit::ContractMismatch);
}

#[tokio::test]
async fn a_broken_discovery_document_is_refused_with_every_fault() {
    let mut broken = document();
    broken["abis"] = json!([]);
    broken["bounds"]["signatures"] = json!("one");
    let target = Degenerate::Echo.start(broken, None).await.unwrap();
    let error = refused(at(&target.url), unprobed()).await;
    assert_eq!(error.exit(), Exit::ContractMismatch);
    let text = error.to_string();
    assert!(text.contains("/abis has none of") && text.contains("/bounds/signatures is not a whole number"), "{text}");
}

#[tokio::test]
async fn a_target_that_never_answers_can_be_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let interrupt = Interrupt::new();
    let switch = interrupt.clone();
    let accepting = tokio::spawn(async move {
        let connection = listener.accept().await;
        switch.throw();
        connection
    });
    let error = refused(at(&url), AttachOptions { interrupt, ..unprobed() }).await;
    assert!(matches!(error, AttachError::Interrupted));
    accepting.await.unwrap().unwrap();
}

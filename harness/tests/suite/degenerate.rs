//! Degenerate targets do exactly the wrong thing that they are named for.

use assay_harness::{Degenerate, Session, TERMS};

use crate::{at, document, session, unprobed};

async fn answer(kind: Degenerate) -> (u16, String) {
    let (_target, session) = session(kind).await;
    let request = reqwest::Client::new().post(format!("{}/x", session.url())).body("ping");
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn every_degenerate_target_passes_for_a_runtime_at_first_sight() {
    let honest = Degenerate::Echo.start(document(), None).await.unwrap();
    for kind in Degenerate::all() {
        let target = kind.start(document(), Some(honest.url.clone())).await.unwrap();
        let session = Session::attach(at(&target.url), unprobed()).await;
        assert!(session.is_ok(), "{}: {}", kind.name(), session.unwrap_err());
    }
}

#[tokio::test]
async fn an_echo_answers_with_what_it_was_sent() {
    assert_eq!(answer(Degenerate::Echo).await, (200, "ping".into()));
}

#[tokio::test]
async fn always_is_whatever_is_asked() {
    assert_eq!(answer(Degenerate::Always200).await, (200, "{}".into()));
    assert_eq!(answer(Degenerate::Always201).await, (201, "{}".into()));
    assert_eq!(answer(Degenerate::AlwaysNotFound).await, (404, String::new()));
    let (status, body) = answer(Degenerate::AlwaysForbidden).await;
    assert!(status == 403 && body.contains("\"code\":\"forbidden\""), "{body}");
}

#[tokio::test]
async fn a_feature_liar_declares_everything_and_passes_the_rest_on() {
    let honest = Degenerate::Echo.start(document(), None).await.unwrap();
    let liar = Degenerate::FeatureLiar.start(document(), Some(honest.url.clone())).await.unwrap();
    let session = Session::attach(at(&liar.url), unprobed()).await.unwrap();
    assert!(TERMS.features.iter().all(|feature| session.discovery().has_feature(&feature.id)));

    let request = reqwest::Client::new().post(liar.url.join("/deep/path?q=1").unwrap()).body("ping");
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "ping");
}

#[tokio::test]
async fn a_feature_liar_without_an_upstream_does_not_start() {
    assert!(Degenerate::FeatureLiar.start(document(), None).await.is_err());
}

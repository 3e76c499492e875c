//! A handler's way through the runtime, over a real socket.

use std::sync::Arc;

use crate::support::{ADMIN, USER, key, recipe, start, start_fresh};
use assay_fixtures::{Behaviour, Packaging, Release};
use assay_server::{Clock as _, ManualClock};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_release_runs_once_the_registry_has_signed_it() {
    let (target, _data) = start_fresh().await;
    for packaging in [Packaging::Core, Packaging::Component] {
        let name = format!("{packaging:?}").to_lowercase();
        let package = recipe(&name, Behaviour::Echo).packaging(packaging).build();
        let id = package.id();
        let uploaded = target.upload(&package).await;
        assert!(uploaded.head.contains(&format!("location: /registry/handlers/{id}")), "{}", uploaded.head);
        assert_eq!(uploaded.expect(201)["package"], package.digest());

        let install = format!("/handlers/{id}/install");
        let refused = target.post(&install, json!({"version": "1.0.0"})).await;
        assert_eq!((refused.status, refused.problem().as_str()), (403, "signature-missing"));

        let sign = format!("/admin/registry/handlers/{id}/versions/1.0.0/sign");
        let signed = target.post(&sign, json!({"expires_at": "2099-01-01T00:00:00Z"})).await.expect(200);
        assert_eq!(signed["signers"][0]["key"], "registry");

        let installed = target.post(&install, json!({"version": "1.0.0"})).await.expect(201);
        assert_eq!(installed["package"], package.digest());
        let executed = target.execute(&id, json!({"n": [1, "ü"]})).await.expect(200);
        assert_eq!((&executed["outcome"], &executed["output"]), (&json!("success"), &json!({"n": [1, "ü"]})));

        let path = format!("/handlers/{id}");
        assert_eq!(target.send(ADMIN, "DELETE", &path, "", b"").await.status, 204);
        assert_eq!(target.execute(&id, json!(1)).await.problem(), "not-installed");
        target.get(&format!("/registry/handlers/{id}")).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_reaches_the_handler_and_the_caller_as_it_was_written() {
    let (target, _data) = start_fresh().await;
    target.trust(&key(), None).await.expect(201);
    target.install(&recipe("exact", Behaviour::Echo).build().signed(&key())).await;
    let body = br#"{"input":[1.000e3,123456789012345678901234567890]}"#;
    let reply = target.send(USER, "POST", "/handlers/com.example.exact/executions", "application/json", body).await;
    let text = String::from_utf8(reply.body).unwrap();
    assert!(text.contains(r#""output":[1.000e3,123456789012345678901234567890]"#), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_stops_running_at_the_instant_at_which_its_statement_ends() {
    let data = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::now()));
    let target = start(data.path(), clock.clone()).await;
    target.trust(&key(), None).await.expect(201);
    let end = clock.now() + SignedDuration::from_mins(10);
    let package = recipe("ends", Behaviour::Echo).build().signed_with(&key(), Release::valid().expires_at(end));
    target.install(&package).await;

    clock.advance(SignedDuration::from_mins(10) - SignedDuration::from_nanos(1));
    target.execute(&package.id(), json!(1)).await.expect(200);
    clock.advance(SignedDuration::from_nanos(1));
    assert_eq!(target.execute(&package.id(), json!(1)).await.problem(), "release-expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_stops_running_with_the_answer_that_ends_its_trust() {
    let (target, _data) = start_fresh().await;
    target.trust(&key(), None).await.expect(201);
    target.install(&recipe("untrusted", Behaviour::Echo).build().signed(&key())).await;
    target.execute("com.example.untrusted", json!(1)).await.expect(200);

    assert_eq!(target.send(ADMIN, "DELETE", "/admin/trust/keys/publisher", "", b"").await.status, 204);
    assert_eq!(target.execute("com.example.untrusted", json!(1)).await.problem(), "signature-invalid");
    target.trust(&key(), None).await.expect(201);
    target.execute("com.example.untrusted", json!(1)).await.expect(200);

    target.post("/admin/registry/handlers/com.example.untrusted/revoke", json!({"reason": "a test"})).await.expect(200);
    assert_eq!(target.execute("com.example.untrusted", json!(1)).await.problem(), "release-revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_at_the_same_time_commit_one_after_the_other() {
    let (target, _data) = start_fresh().await;
    target.trust(&key(), None).await.expect(201);
    target.install(&recipe("swap", Behaviour::StateSwap { key: "k".into() }).build().signed(&key())).await;
    let mut running = tokio::task::JoinSet::new();
    for n in 0..16 {
        running.spawn(async move { target.execute("com.example.swap", json!(n)).await.expect(200)["output"].clone() });
    }
    let mut seen = running.join_all().await;
    seen.push(target.execute("com.example.swap", json!("last")).await.expect(200)["output"].clone());
    // Each execution saw the value of the one before it: every value was seen once.
    let mut seen: Vec<_> = seen.iter().map(ToString::to_string).collect();
    let mut expected: Vec<_> = (0..16).map(|n| n.to_string()).chain(["null".to_owned()]).collect();
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_right_while_handlers_are_uploaded() {
    let (target, _data) = start_fresh().await;
    for n in [1, 3, 5, 7, 9] {
        target.upload(&recipe(&format!("h{n}"), Behaviour::Echo).build()).await.expect(201);
    }
    let (mut seen, mut path, mut between) = (Vec::new(), "/registry/handlers?limit=2".to_owned(), 2);
    loop {
        let page = target.get(&path).await.expect(200);
        seen.extend(page["handlers"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/registry/handlers?limit=2&cursor={cursor}");
        target.upload(&recipe(&format!("h{between}"), Behaviour::Echo).build()).await.expect(201);
        between += 2;
    }
    for n in [1, 3, 5, 7, 9] {
        assert_eq!(seen.iter().filter(|id| **id == format!("com.example.h{n}")).count(), 1, "{seen:?}");
    }
    assert!(seen.is_sorted(), "{seen:?}");
}

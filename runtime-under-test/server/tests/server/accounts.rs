//! What is kept of executions, over a real socket.

use assay_fixtures::Behaviour;
use serde_json::json;

use crate::support::{ADMIN, USER, key, recipe, start_fresh};

#[tokio::test(flavor = "multi_thread")]
async fn account_and_records_hold_what_was_answered() {
    let (target, _data) = start_fresh().await;
    target.trust(&key(), None).await.expect(201);
    target.install(&recipe("kept", Behaviour::Echo).build().signed(&key())).await;
    let executed = target.execute("com.example.kept", json!([1.5, "ü"])).await;
    let answer = executed.expect(200);
    let path = format!("/handlers/com.example.kept/executions/{}", answer["execution"].as_str().unwrap());
    assert_eq!(target.get(&path).await.body, executed.body);
    assert_eq!(target.send(USER, "GET", &path, "", b"").await.problem(), "not-found");

    let shown = target.get("/handlers/com.example.kept").await.expect(200);
    assert_eq!(shown["usage"]["executions"], 1);
    assert_eq!(shown["usage"]["cpu_us"], answer["usage"]["cpu_us"]);
    assert_eq!(shown["usage"]["since"], shown["installed_at"]);
    let list = target.send(USER, "GET", "/handlers", "", b"").await.expect(200);
    assert_eq!(list, json!({ "handlers": [shown], "next_cursor": null }));

    assert_eq!(target.send(ADMIN, "DELETE", "/handlers/com.example.kept", "", b"").await.status, 204);
    assert_eq!(target.get(&path).await.problem(), "not-found");
}

//! Requests of handlers to other hosts, as an admin meets them: credentials and the audit. What reaches a host is for the
//! suite to judge.

use std::sync::Arc;

use assay_fixtures::exchange::{Request, input, outcomes};
use assay_fixtures::{Behaviour, Package};
use assay_server::{Network, SystemClock};
use serde_json::{Value, json};
use tokio::net::UdpSocket;

use crate::processes::Runtime;
use crate::support::{ADMIN, Target, USER, key, recipe, start_fresh, start_on};

const CREDENTIALS: &str = "/admin/egress/credentials";
const SECRET: &str = "secret-of-a-test";

fn package(name: &str) -> Package {
    recipe(name, Behaviour::Fetch).egress(&["https://api.example.test"]).build().signed(&key())
}

fn credential() -> Value {
    json!({
        "handlers": ["com.example.*"], "hosts": ["https://api.example.test"], "header": "Authorization", "value": SECRET,
    })
}

/// Has a handler send requests; answers what each came to.
async fn fetch(target: Target, id: &str, urls: &[&str]) -> Vec<String> {
    let requests: Vec<_> = urls.iter().map(|url| Request::get(*url)).collect();
    let executed = target.execute(id, input(&requests)).await.expect(200);
    let told = outcomes(&executed["output"]).unwrap();
    told.iter().map(|told| told.as_ref().err().map_or("answered", |error| error.as_str()).to_owned()).collect()
}

async fn audit(target: Target, id: &str) -> Vec<Value> {
    let page = target.get(&format!("/handlers/{id}/egress")).await.expect(200);
    assert_eq!(page["next_cursor"], Value::Null);
    page["entries"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_kept_replaced_and_removed_and_never_shown() {
    let (target, _data) = start_fresh().await;
    let path = format!("{CREDENTIALS}/api");
    let shown = json!({
        "name": "api", "handlers": ["com.example.*"], "hosts": ["https://api.example.test"], "header": "Authorization",
    });
    assert_eq!(target.put(&path, credential()).await.expect(201), shown);
    assert_eq!(target.put(&path, credential()).await.expect(200), shown);
    assert_eq!(target.get(CREDENTIALS).await.expect(200), json!({ "credentials": [shown] }));
    for (method, path) in [("GET", CREDENTIALS), ("PUT", &path), ("DELETE", &path)] {
        assert_eq!(target.send(USER, method, path, "", b"").await.problem(), "forbidden");
    }
    assert_eq!(target.delete(&path).await.status, 204);
    assert_eq!(target.delete(&path).await.problem(), "not-found");
    assert_eq!(target.get(CREDENTIALS).await.expect(200), json!({ "credentials": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_not_of_its_form_is_refused_at_its_place_without_its_value() {
    let (target, _data) = start_fresh().await;
    let path = format!("{CREDENTIALS}/api");
    for (member, value, place) in [
        ("handlers", json!(["*"]), "/handlers/0"),
        ("hosts", json!([format!("http://{SECRET}")]), "/hosts/0"),
        ("header", json!("content-length"), "/header"),
        ("value", json!("short"), "/value"),
    ] {
        let mut asked = credential();
        asked[member] = value;
        let refused = target.put(&path, asked).await;
        assert_eq!(refused.problem(), "credential-invalid");
        assert_eq!(refused.expect(422)["pointer"], place);
        assert!(!String::from_utf8_lossy(&refused.body).contains(SECRET));
    }
    let mut asked = credential();
    asked["hosts"] = json!("https://api.example.test");
    assert_eq!(target.put(&path, asked).await.problem(), "request-malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_on_record_page_by_page_also_after_an_uninstall() {
    let (target, _data) = start_fresh().await;
    target.trust(&key(), None).await.expect(201);
    let package = package("audited");
    let id = package.id();
    let path = format!("/handlers/{id}/egress");
    assert_eq!(target.get(&path).await.problem(), "not-found");
    target.install(&package).await;
    assert_eq!(audit(target, &id).await, Vec::<Value>::new());

    let urls = ["https://other.example.test/a?b#c", "https://a b", "http://api.example.test"];
    assert_eq!(fetch(target, &id, &urls).await, ["denied", "invalid-request", "denied"]);
    let entries = audit(target, &id).await;
    let member = |name: &str| entries.iter().map(|entry| entry[name].clone()).collect::<Vec<_>>();
    assert_eq!(member("sequence"), [1, 2, 3]);
    assert_eq!(member("outcome"), ["denied", "invalid-request", "denied"]);
    assert_eq!(member("url"), ["https://other.example.test/a", "https://a b", "http://api.example.test"]);
    assert_eq!(entries[0]["host"], "other.example.test");
    assert_eq!(entries[0]["port"], 443);

    assert_eq!(target.send(USER, "GET", &path, "", b"").await.problem(), "forbidden");
    assert_eq!(target.send(ADMIN, "DELETE", &format!("/handlers/{id}"), "", b"").await.status, 204);
    let first = target.get(&format!("{path}?limit=2")).await.expect(200);
    assert_eq!(first["entries"], json!(entries[..2]));
    let next = format!("{path}?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(target.get(&next).await.expect(200), json!({ "entries": entries[2..], "next_cursor": null }));
    assert_eq!(target.get(&format!("{path}?limit=0")).await.problem(), "request-malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_of_an_execution_ends_its_exchange_and_leaves_it_on_record() {
    let data = tempfile::tempdir().unwrap();
    // A resolver that never answers.
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let network = Network { dns: Some(silent.local_addr().unwrap()), ..Network::default() };
    let target = start_on(data.path(), Arc::new(SystemClock), network).await;
    target.trust(&key(), None).await.expect(201);
    let recipe = recipe("waits", Behaviour::Fetch).egress(&["https://api.example.test"]);
    let package = recipe.set("/limits/timeout_ms", 500).build().signed(&key());
    target.install(&package).await;
    let executed = target.execute(&package.id(), input(&[Request::get("https://api.example.test")])).await.expect(200);
    assert_eq!(executed["outcome"], "timeout");
    let entries = audit(target, &package.id()).await;
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0]["outcome"], &entries[0]["execution"]), (&json!("abandoned"), &executed["execution"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_and_the_audit_survive_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let runtime = Runtime::start(data.path());
    let target = runtime.target;
    target.trust(&key(), None).await.expect(201);
    let package = package("kept");
    target.install(&package).await;
    target.put(&format!("{CREDENTIALS}/kept"), credential()).await.expect(201);
    target.put(&format!("{CREDENTIALS}/removed"), credential()).await.expect(201);
    assert_eq!(target.delete(&format!("{CREDENTIALS}/removed")).await.status, 204);
    let credentials = target.get(CREDENTIALS).await.expect(200);
    assert_eq!(fetch(target, &package.id(), &["https://other.example.test"]).await, ["denied"]);
    runtime.kill();

    let runtime = Runtime::start(data.path());
    let target = runtime.target;
    assert_eq!(target.get(CREDENTIALS).await.expect(200), credentials);
    assert_eq!(audit(target, &package.id()).await.len(), 1);
    assert_eq!(fetch(target, &package.id(), &["https://other.example.test"]).await, ["denied"]);
    assert_eq!(audit(target, &package.id()).await[1]["sequence"], 2);
}

//! Who may do what (README.md, section 2).

use assay_fixtures::Behaviour;
use assay_harness::{Client, Cx, Group, Stop, checks};
use serde_json::{Value, json};

use crate::publisher::{Publisher, key_body};
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "registry",
    name: "roles",
    checks: checks![
        each("registry.roles.user", "what only an admin may do is forbidden for a user", &["REG-ROL-001"], user),
        each("registry.roles.anonymous", "without a known token nothing is answered", &["REG-ROL-002"], anonymous),
        each("registry.roles.first", "the role is judged before the content", &["REG-ROL-003"], first),
    ],
};

/// An operation with a body that it would accept.
struct Operation {
    method: &'static str,
    path: String,
    body: Option<Value>,
}

impl Operation {
    async fn send(&self, client: &Client) -> Result<assay_harness::Reply, Stop> {
        let request = client.method(self.method, &self.path);
        match &self.body {
            Some(body) => request.json(body).send().await,
            None => request.send().await,
        }
    }
}

/// The operations of an admin on this handler, and those of a user.
fn operations(publisher: &Publisher, id: &str) -> (Vec<Operation>, Vec<Operation>) {
    let operation = |method, path: String, body| Operation { method, path, body };
    let key = format!("/admin/trust/keys/{}", publisher.key_name());
    let registry = format!("/admin/registry/handlers/{id}");
    let expiry = json!({"expires_at": "2099-01-01T00:00:00Z"});
    let reason = json!({"reason": "a check"});
    let version = json!({"version": "1.0.0"});
    let admin = vec![
        operation("PUT", key.clone(), Some(key_body(publisher.key(), &[publisher.scope()], None))),
        operation("GET", key.clone(), None),
        operation("GET", "/admin/trust/keys".to_owned(), None),
        operation("DELETE", key, None),
        operation("POST", "/admin/registry/handlers".to_owned(), Some(json!({}))),
        operation("POST", format!("{registry}/versions/1.0.0/sign"), Some(expiry)),
        operation("POST", format!("{registry}/versions/1.0.0/revoke"), Some(reason.clone())),
        operation("POST", format!("{registry}/revoke"), Some(reason)),
        operation("POST", format!("/handlers/{id}/install"), Some(version.clone())),
        operation("POST", format!("/handlers/{id}/upgrade"), Some(version)),
        operation("DELETE", format!("/handlers/{id}"), None),
        operation("GET", format!("/handlers/{id}/state"), None),
    ];
    let user = vec![
        operation("GET", "/registry/handlers?limit=1".to_owned(), None),
        operation("GET", format!("/registry/handlers/{id}"), None),
        operation("GET", format!("/registry/handlers/{id}/versions/1.0.0/manifest"), None),
        operation("GET", "/handlers?limit=1".to_owned(), None),
        operation("GET", format!("/handlers/{id}"), None),
        operation("POST", format!("/handlers/{id}/executions"), Some(json!({"input": 1}))),
    ];
    (admin, user)
}

async fn user(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("guarded", Behaviour::Echo)).await?;
    let (admins, users) = operations(&publisher, handler.id());
    for operation in &admins {
        let judged = async { refused("forbidden").judge(&operation.send(&cx.user()).await?) };
        cx.case(format!("{} {}", operation.method, operation.path), judged).await;
    }
    for operation in &users {
        let judged = async { operation.send(&cx.user()).await?.expect(200).map(|_| ()) };
        cx.case(format!("{} {}", operation.method, operation.path), judged).await;
    }
    // Whatever a user tried, the handler is there and runs.
    handler.runs(json!("still here")).await?;
    Ok(())
}

async fn anonymous(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("guarded", Behaviour::Echo)).await?;
    let (admins, users) = operations(&publisher, handler.id());
    for (who, client) in [
        ("no token", cx.anonymous()),
        ("an unknown token", cx.with_token("not-a-token-of-this-runtime")),
        ("an empty token", cx.with_token("")),
    ] {
        for operation in admins.iter().chain(&users) {
            let judged = async {
                let reply = operation.send(&client).await?;
                refused("unauthenticated").judge(&reply)?;
                let challenge = reply.header("www-authenticate").unwrap_or_default();
                assay_harness::ensure!(challenge.starts_with("Bearer"), "`WWW-Authenticate` is `{challenge}`");
                Ok(())
            };
            cx.case(format!("{who}: {} {}", operation.method, operation.path), judged).await;
        }
    }
    handler.runs(json!("still here")).await?;
    Ok(())
}

async fn first(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("guarded", Behaviour::Echo)).await?;
    let never = publisher.id("never");
    let post = |path: String, body: &str| (path, body.to_owned());
    for (path, body) in [
        post("/admin/registry/handlers".to_owned(), "not multipart"),
        post(format!("/admin/registry/handlers/{never}/revoke"), "{}"),
        post(format!("/admin/registry/handlers/{}/versions/9.9.9/sign", handler.id()), "{]"),
        post(format!("/handlers/{never}/install"), "{\"version\":\"1.0.0\"}"),
        post(format!("/handlers/{}/install", handler.id()), "{\"version\":1}"),
        post(format!("/handlers/{never}/upgrade"), "[]"),
    ] {
        let judged = async {
            let reply = cx.user().post(&path).body("application/json", body.into_bytes()).send().await?;
            refused("forbidden").judge(&reply)
        };
        cx.case(path.clone(), judged).await;
    }
    handler.runs(json!("still here")).await?;
    Ok(())
}

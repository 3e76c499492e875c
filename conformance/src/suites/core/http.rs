//! One shape of refusal, strict bodies, and nothing that grows without bound (README.md, sections 1 and 3).

use assay_fixtures::Behaviour;
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::contract::CONTRACT;
use crate::operations::Operations;
use crate::publisher::{Publisher, key_body};
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "http",
    checks: checks![
        once(
            "core.http.problem-shape",
            "a refusal is an RFC 9457 problem with the members of the contract",
            &["CORE-HTP-001"],
            problem_shape
        ),
        once(
            "core.http.problem-place",
            "a problem carries the pointer or the name of the place",
            &["CORE-HTP-002"],
            problem_place
        ),
        once(
            "core.http.bounded-detail",
            "a problem quotes hostile text bounded and escaped",
            &["CORE-HTP-003"],
            bounded_detail
        ),
        once("core.http.unknown-path", "an unknown path is not-found", &["CORE-HTP-004"], unknown_path),
        once("core.http.unknown-method", "an unknown method is method-not-allowed", &["CORE-HTP-004"], unknown_method),
        once(
            "core.http.request-members",
            "an unknown member of a request body is refused",
            &["CORE-HTP-005"],
            request_members
        ),
        once(
            "core.http.request-names",
            "a repeated name in a request body is refused",
            &["CORE-HTP-005"],
            request_names
        ),
        each(
            "core.http.request-depth",
            "a request body that nests too deeply is refused",
            &["CORE-HTP-005"],
            request_depth
        ),
        once("core.http.request-size", "a request body above the bound is refused", &["CORE-HTP-006"], request_size),
    ],
};

async fn problem_shape(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let flawed = publisher.sign(&publisher.recipe("shape", Behaviour::Echo).remove("/name"));
    let reply = publisher.admin().upload(&flawed).await?;
    let media_type = reply.header("content-type").unwrap_or_default().to_owned();
    ensure!(
        media_type.split(';').next().map(str::trim) == Some("application/problem+json"),
        "the content type of a refusal is `{media_type}`"
    );
    let body = reply.json()?;
    let code = "manifest-missing-field";
    let expected = &CONTRACT.problems[code];
    for (member, value) in [
        ("code", json!(code)),
        ("type", json!(format!("urn:assay:problem:{code}"))),
        ("status", json!(expected.status)),
        ("title", json!(expected.title)),
        ("remedy", json!(expected.remedy)),
    ] {
        ensure!(body[member] == value, "`{member}` is {}, expected {value}", body[member]);
    }
    ensure!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "`detail` says nothing");
    ensure!(reply.status() == expected.status, "the status is {}", reply.status());
    let twin = publisher.sign(&publisher.recipe("shape", Behaviour::Echo));
    publisher.store(&twin).await
}

async fn problem_place(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let recipe = publisher.recipe("place", Behaviour::Echo);
    let flawed = publisher.sign(&recipe.clone().remove("/limits/timeout_ms"));
    let twin = publisher.sign(&recipe);
    let refusal = refused("manifest-missing-field").at("/limits/timeout_ms");
    cx.case("pointer", publisher.pair(&flawed, &twin, &refusal)).await;
    let query = async {
        let reply = publisher.user().list("?colour=blue").await?;
        refused("request-malformed").named("colour").judge(&reply)
    };
    cx.case("name", query).await;
    Ok(())
}

async fn bounded_detail(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let recipe = publisher.recipe("detail", Behaviour::Echo);
    let hostile = format!("\u{1b}[31m{}", "x".repeat(2000));
    for (name, flawed, code) in [
        ("value", recipe.clone().set("/category", hostile.clone()), "manifest-invalid-value"),
        ("field", recipe.clone().set(&format!("/limits/{hostile}"), 1), "manifest-unknown-field"),
    ] {
        let judged = async {
            let reply = publisher.admin().upload(&publisher.sign(&flawed)).await?;
            refused(code).judge(&reply)?;
            let detail = reply.json()?["detail"].as_str().unwrap_or_default().to_owned();
            ensure!(!detail.contains('\u{1b}'), "`detail` has a raw escape character");
            let quoted = detail.matches('x').count();
            ensure!(quoted <= 200 + 20, "`detail` quotes {quoted} bytes of the client's text");
            Ok(())
        };
        cx.case(name, judged).await;
    }
    publisher.publish(&recipe).await?;
    Ok(())
}

async fn unknown_path(cx: Cx) -> Result<(), Stop> {
    for path in ["/no/such/path", "/registry/handlers/a.b/versions", "/admin/trust"] {
        let reply = cx.admin().get(path).send().await?;
        cx.case(path, async { refused("not-found").judge(&reply) }).await;
    }
    Operations::of(cx.admin().control()).list("?limit=1").await?.expect(200).control("a known path answers")?;
    Ok(())
}

async fn unknown_method(cx: Cx) -> Result<(), Stop> {
    for path in ["/registry/handlers", "/admin/trust/keys", "/health"] {
        let reply = cx.admin().delete(path).send().await?;
        cx.case(path, async { refused("method-not-allowed").judge(&reply) }).await;
    }
    Operations::of(cx.admin().control()).list("?limit=1").await?.expect(200).control("a known method answers")?;
    Ok(())
}

/// Sends `flawed` as the body of PUT /admin/trust/keys/{key}; it must be refused and leave no key, while the twin is accepted.
async fn key_pair(cx: &Cx, flawed: String, code: &str) -> Result<(), Stop> {
    let owner = Publisher::stranger(cx, "body");
    let path = format!("/admin/trust/keys/{}", owner.key_name());
    let reply = cx.admin().put(&path).body("application/json", flawed.into_bytes()).send().await?;
    refused(code).judge(&reply)?;
    refused("not-found").judge(&owner.admin().key(owner.key_name()).await?)?;
    owner.trust(&key_body(owner.key(), &[owner.scope()], None)).await
}

fn key_text(cx: &Cx) -> (Value, String) {
    let owner = Publisher::stranger(cx, "body");
    let body = key_body(owner.key(), &[owner.scope()], None);
    let text = body.to_string();
    (body, text)
}

async fn request_members(cx: Cx) -> Result<(), Stop> {
    let (mut body, _) = key_text(&cx);
    body["colour"] = json!("blue");
    key_pair(&cx, body.to_string(), "request-malformed").await
}

async fn request_names(cx: Cx) -> Result<(), Stop> {
    let (_, text) = key_text(&cx);
    key_pair(&cx, text.replacen('{', "{\"role\":\"registry\",", 1), "request-malformed").await
}

async fn request_depth(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("depth", Behaviour::Echo)).await?;
    let depth = cx.discovery().bound_as_size("json_depth")?.min(4096);
    let nested = format!("{{\"input\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let path = format!("/handlers/{}/executions", handler.id());
    let reply = publisher.admin().post_text(&path, nested).await?;
    refused("request-malformed").judge(&reply)?;
    let shallow = format!("{{\"input\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let twin = async { publisher.control().post_text(&path, shallow).await?.expect(200) };
    twin.await.control("nesting of exactly the bound is accepted")?;
    Ok(())
}

async fn request_size(cx: Cx) -> Result<(), Stop> {
    let (_, text) = key_text(&cx);
    let bound = cx.discovery().bound_as_size("request_bytes")?;
    let padded = text + &" ".repeat(bound);
    key_pair(&cx, padded, "request-too-large").await
}

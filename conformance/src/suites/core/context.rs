//! What a handler is told (core.md 9.4, 9.12).

use std::collections::BTreeSet;

use assay_fixtures::Behaviour;
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::{Map, Value, json};

use crate::installed::Execution;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "context",
    checks: checks![
        each("core.execution.context", "the context reaches the handler", &["CORE-EXE-011"], context),
        each("core.execution.caller", "the handler is told the role of the caller", &["CORE-EXE-011"], caller),
        each(
            "core.execution.identifier",
            "every execution has an identifier of its own",
            &["CORE-EXE-011"],
            identifier
        ),
        each(
            "core.execution.request-form",
            "an execution request that is not of its form is refused",
            &["CORE-EXE-015"],
            request_form
        ),
    ],
};

async fn context(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("context", Behaviour::Context)).await?;
    let attributes = json!({"tenant": "t-17", "locale": "de", "zone": "z", "a": ""});
    let execution = handler.request(&json!({"input": null, "context": attributes})).await?;
    let told = execution.expect("success")?.output();
    for (member, expected) in [
        ("execution", &execution.body["execution"]),
        ("handler", &json!(handler.id())),
        ("version", &json!(handler.version())),
        ("attributes", &attributes),
        ("order", &json!(["a", "locale", "tenant", "zone"])),
    ] {
        ensure!(told[member] == *expected, "the handler was told {member} = {}, expected {expected}", told[member]);
    }
    // Later than this contract was written, and in milliseconds.
    let admitted = told["admitted_at"].as_u64().unwrap_or_default();
    ensure!(
        (1_767_225_600_000..10_000_000_000_000).contains(&admitted),
        "the handler was told admitted-at = {admitted}"
    );
    Ok(())
}

async fn caller(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("caller", Behaviour::Context)).await?;
    for (role, operations) in [("admin", publisher.admin()), ("user", publisher.user())] {
        let judged = async {
            let reply = operations.execute(handler.id(), &json!({"input": null})).await?.expect(200)?;
            let execution = Execution::read(&reply)?;
            let told = &execution.expect("success")?.output()["caller"];
            ensure!(*told == role, "the handler was told caller = {told}, expected {role}");
            Ok(())
        };
        cx.case(role, judged).await;
    }
    Ok(())
}

async fn identifier(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("identifier", Behaviour::Echo)).await?;
    let mut seen = BTreeSet::new();
    for n in 0..8 {
        let execution = handler.execute(json!(n)).await?;
        let identifier = execution.body["execution"].as_str().unwrap_or_default().to_owned();
        ensure!(!identifier.is_empty(), "an execution has an empty identifier");
        ensure!(seen.insert(identifier.clone()), "the identifier {identifier} was used twice");
    }
    Ok(())
}

async fn request_form(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("form", Behaviour::Echo)).await?;
    let many = |count: usize| -> Value {
        let members: Map<String, Value> = (0..count).map(|n| (format!("n{n}"), json!("v"))).collect();
        json!({"input": 1, "context": members})
    };
    for (name, body) in [
        ("no input", json!({})),
        ("unknown member", json!({"input": 1, "colour": "blue"})),
        ("context of 17", many(17)),
        ("a number in the context", json!({"input": 1, "context": {"a": 1}})),
        ("a list as context", json!({"input": 1, "context": ["a"]})),
        ("a name of 65", json!({"input": 1, "context": {"n".repeat(65): "v"}})),
        ("an empty name", json!({"input": 1, "context": {"": "v"}})),
        ("a value of 1025", json!({"input": 1, "context": {"a": "v".repeat(1025)}})),
        ("not an object", json!([1])),
    ] {
        let judged =
            async { refused("request-malformed").judge(&publisher.admin().execute(handler.id(), &body).await?) };
        cx.case(name, judged).await;
    }
    for body in [many(16), json!({"input": 1, "context": {"n".repeat(64): "v".repeat(1024)}})] {
        let twin = async { publisher.control().execute(handler.id(), &body).await?.expect(200) };
        twin.await.control("a context at its bounds is accepted")?;
    }
    Ok(())
}

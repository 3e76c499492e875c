//! What goes in and out fits its schema and its bound (core.md 9.4, 9.6).

use assay_fixtures::Behaviour;
use assay_harness::{Control as _, Cx, Group, Need, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::installed::Installed;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "output",
    checks: checks![
        each(
            "core.execution.input-schema",
            "input outside of its schema is refused and nothing runs",
            &["CORE-EXE-007"],
            input_schema
        )
        .needs(&[Need::Feature("state")]),
        each("core.execution.input-bound", "an input above the bound is refused", &["CORE-EXE-014"], input_bound),
        each(
            "core.execution.output-schema",
            "output outside of its schema is rejected and not returned",
            &["CORE-EXE-008"],
            output_schema
        ),
        each("core.execution.output-json", "output that is not JSON is rejected", &["CORE-EXE-009"], output_json),
        each("core.execution.output-limit", "output above its limit is rejected", &["CORE-EXE-010"], output_limit),
        each(
            "core.execution.output-at-limit",
            "output of exactly its limit is returned",
            &["CORE-EXE-010"],
            output_at_limit
        ),
    ],
};

async fn input_schema(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // The handler keeps what it gets, so that one that ran can be told from one that did not.
    let schema = json!({
        "type": "object",
        "required": ["count"],
        "properties": {"count": {"type": "integer", "minimum": 1}, "tags": {"type": "array", "items": {"type": "string"}}},
    });
    let keeper = publisher.recipe("keeper", Behaviour::StateSwap { key: "last".to_owned() }).input(schema);
    let handler = publisher.install(&keeper).await?;
    handler.runs(json!({"count": 1})).await?;
    for (name, input, pointer) in [
        ("missing", json!({}), "/input"),
        ("wrong type", json!({"count": "1"}), "/input/count"),
        ("below minimum", json!({"count": 0}), "/input/count"),
        ("in a list", json!({"count": 1, "tags": ["a", 7]}), "/input/tags/1"),
        ("not an object", json!([1]), "/input"),
    ] {
        let judged = async {
            let reply = publisher.admin().execute(handler.id(), &json!({"input": input})).await?;
            refused("input-rejected").at(pointer).judge(&reply)
        };
        cx.case(name, judged).await;
    }
    let kept = handler.execute(json!({"count": 2})).await?;
    kept.expect_output(&json!({"count": 1}))
}

async fn input_bound(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let bound = cx.discovery().bound_as_size("input_bytes")?;
    let handler = publisher
        .install(&publisher.recipe("input", Behaviour::Fixed(b"1".to_vec())).limit("memory_bytes", 16 << 20))
        .await?;
    // A text of n characters is n + 2 bytes of JSON.
    let path = format!("/handlers/{}/executions", handler.id());
    let body = |bytes: usize| format!("{{\"input\":\"{}\"}}", "x".repeat(bytes - 2));
    let above = publisher.admin().post_text(&path, body(bound + 1)).await?;
    if above.problem_code().as_deref() == Some("request-too-large") {
        return Err(Stop::Inconclusive("`request_bytes` leaves no room for an input above `input_bytes`".to_owned()));
    }
    refused("input-too-large").judge(&above)?;
    let twin = async { publisher.control().post_text(&path, body(bound)).await?.expect(200) };
    twin.await.control("an input of exactly the bound is accepted")?;
    Ok(())
}

/// Judges that the output of a handler is rejected and appears nowhere in the answer.
async fn rejected(handler: &Installed, trace: &str) -> Result<(), Stop> {
    let execution = handler.execute(Value::Null).await?;
    execution.expect("output-rejected")?;
    ensure!(!execution.body.to_string().contains(trace), "the rejected output is in the answer");
    Ok(())
}

async fn output_schema(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let schema = json!({"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}});
    let answering = |leaf: &str, answer: &Value| {
        publisher.recipe(leaf, Behaviour::Fixed(answer.to_string().into_bytes())).output(schema.clone())
    };
    let right = json!({"total": 3});
    let twin = publisher.install(&answering("right", &right)).await?;
    twin.runs(Value::Null).await?.expect_output(&right).control("output that fits is returned")?;
    for (leaf, answer) in [
        ("wrong-type", json!({"total": "zq-trace"})),
        ("missing", json!({"sum": "zq-trace"})),
        ("not-an-object", json!("zq-trace")),
    ] {
        let handler = publisher.install(&answering(leaf, &answer)).await?;
        cx.case(leaf, rejected(&handler, "zq-trace")).await;
    }
    Ok(())
}

async fn output_json(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let outputs: [(&str, &[u8]); 6] = [
        ("text", b"zq-trace"),
        ("cut", b"{\"a\": \"zq-trace\""),
        ("two-values", b"\"zq-trace\" 2"),
        ("not-utf8", b"\"zq-trace \xff\""),
        ("empty", b""),
        ("not-a-number", b"NaN"),
    ];
    for (leaf, output) in outputs {
        let handler = publisher.install(&publisher.recipe(leaf, Behaviour::Fixed(output.to_vec()))).await?;
        cx.case(leaf, rejected(&handler, "zq-trace")).await;
    }
    let twin = publisher.install(&publisher.recipe("twin", Behaviour::Fixed(b"\"zq-trace\"".to_vec()))).await?;
    twin.runs(Value::Null).await?;
    Ok(())
}

/// A handler whose output limit is 1000 bytes and whose output has this many.
async fn answering(publisher: &Publisher, leaf: &str, bytes: u32) -> Result<Installed, Stop> {
    let filled = Behaviour::Filled { byte: b'z', len: bytes - 2 };
    publisher.install(&publisher.recipe(leaf, filled).limit("output_bytes", 1000)).await
}

async fn output_limit(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    rejected(&answering(&publisher, "above", 1001).await?, "zzzz").await?;
    answering(&publisher, "below", 999).await?.runs(Value::Null).await?;
    Ok(())
}

async fn output_at_limit(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = answering(&publisher, "at", 1000).await?;
    handler.execute(Value::Null).await?.expect_output(&json!("z".repeat(998)))
}

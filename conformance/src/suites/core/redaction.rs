//! Sensitive values stay out of logs, failures and problems (core.md, section 11).
//!
//! Every case has a twin whose schema differs only in the mark: it must show the value, so that a runtime that keeps no
//! log, or a handler that does not write what it should, cannot pass.

use assay_fixtures::{Behaviour, Encoding, LogLevel, Recipe};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use rand::Rng as _;
use serde_json::{Value, json};

use crate::installed::Execution;
use crate::publisher::Publisher;
use crate::refusal::refused;
use crate::traces::traces;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "redaction",
    checks: checks![
        each("core.redaction.verbatim", "a sensitive value is not in the log", &["CORE-RED-001"], verbatim),
        each("core.redaction.escaped", "nor with the escapes of JSON", &["CORE-RED-002"], escaped),
        each("core.redaction.base64", "nor in base64 at any alignment", &["CORE-RED-002"], base64),
        each("core.redaction.hex", "nor in hexadecimal digits", &["CORE-RED-002"], hex),
        each("core.redaction.percent", "nor percent-encoded", &["CORE-RED-002"], percent),
        each("core.redaction.split", "nor split over lines", &["CORE-RED-003"], split),
        each("core.redaction.places", "a mark holds wherever the schema has it", &["CORE-RED-004"], places),
        each("core.redaction.references", "a mark holds through references", &["CORE-RED-004"], references),
        each("core.redaction.output", "a sensitive output is not in the log", &["CORE-RED-005"], output),
        each("core.redaction.failure", "a sensitive value is not in a failure", &["CORE-RED-006"], failure),
        each("core.redaction.detail", "a sensitive output is not in `detail`", &["CORE-RED-006"], detail),
        once("core.redaction.problem", "a sensitive input is not in a problem", &["CORE-RED-007"], problem),
        each("core.redaction.token", "the caller's token is nowhere", &["CORE-RED-008"], token),
    ],
};

/// What stands in place of a sensitive value (core.md 11.2).
const REDACTED: &str = "[redacted]";
/// So much of the line before the value must still be there, in bytes.
const BEFORE: usize = 12;

/// A value that nothing else has.
fn secret(cx: &Cx) -> String {
    format!("sek{:016x}", cx.rng().random::<u64>())
}

/// Members of a schema that mark, or in the twin do not mark, `secret`.
fn marked(mark: bool) -> Value {
    json!({"type": "object", "properties": {"secret": {"type": "string", "x-sensitive": mark}}})
}

/// All that the handler wrote, as one text.
fn log(execution: &Execution) -> String {
    execution.logs().into_iter().map(|(_, message)| message).collect()
}

/// Judges that a text shows nothing of the value, in any encoding.
fn hides(text: &str, what: &str, secret: &str) -> Result<(), Stop> {
    for (how, trace) in traces(secret) {
        ensure!(!text.contains(&trace), "{what} shows the sensitive value {how}");
    }
    Ok(())
}

/// Judges that two texts differ only from the value on, of which the twin's shows it.
fn differ(text: &str, what: &str, twin: &str, secret: &str) -> Result<(), Stop> {
    let shown = traces(secret).iter().any(|(_, trace)| twin.contains(trace));
    let control = || {
        ensure!(shown, "{what} of a handler whose schema has no mark does not show the value");
        Ok(())
    };
    control().control("without the mark the value is there")?;
    hides(text, what, secret)?;
    ensure!(text.contains(REDACTED), "{what} has no `{REDACTED}` in place of the value");
    let same = text.bytes().zip(twin.bytes()).take_while(|(one, other)| one == other).count();
    ensure!(same >= BEFORE, "{what} lacks what stands before the value as well");
    Ok(())
}

/// Runs a handler with this behaviour and its twin without the mark on the same input, and compares their logs.
async fn compare(
    cx: &Cx,
    publisher: &Publisher,
    leaf: &str,
    behaviour: Behaviour,
    secrets: &[String],
) -> Result<(), Stop> {
    let install = async |mark: bool| {
        let recipe = publisher.recipe(&format!("{leaf}-{mark}"), behaviour.clone()).input(marked(mark));
        publisher.install(&recipe).await
    };
    let (handler, twin) = (install(true).await?, install(false).await?);
    for (number, secret) in secrets.iter().enumerate() {
        // At every alignment that an encoding can have.
        for pad in ["", "x", "xx"] {
            let input = json!({"open": format!("public {pad}"), "secret": secret});
            let shown = log(&twin.runs(input.clone()).await?);
            let execution = handler.execute(input.clone()).await?;
            execution.expect_output(&input)?;
            let judged = differ(&log(&execution), "the log", &shown, secret);
            cx.case(format!("{leaf}, value {number}, {} before", pad.len()), async { judged }).await;
        }
    }
    Ok(())
}

async fn verbatim(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    compare(&cx, &publisher, "plain", Behaviour::LogInput(LogLevel::Info), &[secret(&cx)]).await
}

async fn escaped(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let value = format!("\"{}\\\n{}", secret(&cx), secret(&cx));
    compare(&cx, &publisher, "escaped", Behaviour::LogInput(LogLevel::Info), &[value]).await
}

/// The encodings, each with a short value, a long one, and one that is not ASCII.
async fn encoded(cx: &Cx, encodings: &[(&str, Encoding)]) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    let secret = secret(cx);
    let secrets = [secret.clone(), format!("{secret}{secret}{secret}?"), format!("\u{e4}{secret}\u{20ac}")];
    for (leaf, encoding) in encodings {
        compare(cx, &publisher, leaf, Behaviour::LogInputEncoded(*encoding), &secrets).await?;
    }
    Ok(())
}

async fn base64(cx: Cx) -> Result<(), Stop> {
    encoded(&cx, &[("base64", Encoding::Base64), ("base64url", Encoding::Base64Url)]).await
}

async fn hex(cx: Cx) -> Result<(), Stop> {
    encoded(&cx, &[("lower", Encoding::HexLower), ("upper", Encoding::HexUpper)]).await
}

async fn percent(cx: Cx) -> Result<(), Stop> {
    encoded(&cx, &[("percent", Encoding::Percent)]).await
}

async fn split(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    compare(&cx, &publisher, "split", Behaviour::LogInputSplit(5), &[secret(&cx)]).await
}

/// Judges that none of the marked values of an input is in the log, and that the others are.
async fn each_place(cx: &Cx, schema: Value, input: Value, secrets: &[(&str, String)]) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    let recipe = publisher.recipe("places", Behaviour::LogInput(LogLevel::Info)).input(schema);
    let handler = publisher.install(&recipe).await?;
    let twin = publisher.install(&publisher.recipe("twin", Behaviour::LogInput(LogLevel::Info))).await?;
    let shown = log(&twin.runs(input.clone()).await?);
    let log = log(&handler.execute(input).await?);
    ensure!(log.contains("public"), "the log lacks the value that is not sensitive");
    for (place, secret) in secrets {
        let control = || {
            ensure!(shown.contains(secret), "without a schema the value is not in the log");
            Ok(())
        };
        control().control("without the mark the value is there")?;
        cx.case(*place, async { hides(&log, "the log", secret) }).await;
    }
    Ok(())
}

async fn places(cx: Cx) -> Result<(), Stop> {
    let mut rng = cx.rng();
    let mut next = || format!("sek{:016x}", rng.random::<u64>());
    let mark = json!({"x-sensitive": true});
    let inside = |mark: &Value| json!({"properties": {"inside": mark}});
    let schema = json!({
        "properties": {
            "nested": {"properties": {"deep": inside(&mark)}},
            "items": {"items": mark},
            "prefix": {"prefixItems": [true, mark]},
            "pattern": {"patternProperties": {"^s": mark}},
            "additional": {"properties": {"open": true}, "additionalProperties": mark},
            "unevaluated": {"properties": {"open": true}, "unevaluatedProperties": mark},
            "whole": mark,
            "all": {"allOf": [true, inside(&mark)]},
            "any": {"anyOf": [{"required": ["absent"], "properties": {"inside": mark}}, true]},
            "one": {"oneOf": [{"required": ["absent"], "properties": {"inside": mark}}, true]},
            "then": {"if": true, "then": inside(&mark)},
            "else": {"if": true, "else": inside(&mark)},
            "dependent": {"dependentSchemas": {"inside": inside(&mark)}},
            "short": mark,
        },
    });
    let number = cx.rng().random_range(1_000_000_000_u64..9_000_000_000);
    let names = [
        "nested",
        "items",
        "prefix",
        "pattern",
        "additional",
        "unevaluated",
        "whole",
        "all",
        "any",
        "one",
        "then",
        "else",
        "dependent",
    ];
    let mut secrets: Vec<(&str, String)> = names.into_iter().map(|name| (name, next())).collect();
    let of = |name: &str| secrets.iter().find(|(known, _)| *known == name).map(|(_, secret)| secret.clone());
    let input = json!({
        "open": "public",
        "nested": {"deep": {"inside": of("nested")}},
        "items": [of("items")],
        "prefix": ["public", of("prefix")],
        "pattern": {"s1": of("pattern")},
        "additional": {"open": "public", "more": of("additional")},
        "unevaluated": {"open": "public", "more": of("unevaluated")},
        "whole": {"a": [[{"b": of("whole")}], number]},
        "all": {"inside": of("all")},
        "any": {"inside": of("any")},
        "one": {"inside": of("one")},
        "then": {"inside": of("then")},
        "else": {"inside": of("else")},
        "dependent": {"inside": of("dependent")},
        "short": "Zq7!",
    });
    secrets.extend([("a number", number.to_string()), ("four bytes", "Zq7!".to_owned())]);
    each_place(&cx, schema, input, &secrets).await
}

async fn references(cx: Cx) -> Result<(), Stop> {
    let mut rng = cx.rng();
    let mut next = || format!("sek{:016x}", rng.random::<u64>());
    let schema = json!({
        "$defs": {
            "mark": {"x-sensitive": true},
            "node": {"properties": {"value": {"$ref": "#/$defs/mark"}, "next": {"$ref": "#/$defs/node"}}},
            "anchored": {"$anchor": "here", "x-sensitive": true},
            "dynamic": {"$dynamicAnchor": "there", "x-sensitive": true},
        },
        "properties": {
            "pointer": {"$ref": "#/$defs/mark"},
            "anchor": {"$ref": "#here"},
            "dynamic": {"$dynamicRef": "#there"},
            "node": {"$ref": "#/$defs/node"},
        },
    });
    let secrets = ["pointer", "anchor", "dynamic", "node"].map(|name| (name, next()));
    let [(_, pointer), (_, anchor), (_, dynamic), (_, node)] = &secrets;
    let input = json!({
        "open": "public", "pointer": pointer, "anchor": anchor, "dynamic": dynamic,
        "node": {"next": {"next": {"value": node}}},
    });
    each_place(&cx, schema, input, &secrets).await
}

/// Two handlers whose behaviour depends on the value: with a schema that marks it, and with one that does not.
async fn twins(
    publisher: &Publisher,
    leaf: &str,
    behaviour: &Behaviour,
    schema: impl Fn(Recipe, bool) -> Recipe,
    input: &Value,
) -> Result<[Execution; 2], Stop> {
    let mut executions = Vec::new();
    for mark in [true, false] {
        let recipe = schema(publisher.recipe(&format!("{leaf}-{mark}"), behaviour.clone()), mark);
        executions.push(publisher.install(&recipe).await?.execute(input.clone()).await?);
    }
    <[Execution; 2]>::try_from(executions).map_err(|_| Stop::Error("there are two twins".to_owned()))
}

async fn output(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let secret = secret(&cx);
    let answer = json!({"secret": secret});
    let behaviour = Behaviour::LogInputThenAnswer(answer.to_string().into_bytes());
    let input = json!({"open": "public words", "other": secret});
    let [execution, twin] =
        twins(&publisher, "output", &behaviour, |recipe, mark| recipe.output(marked(mark)), &input).await?;
    execution.expect_output(&answer)?;
    differ(&log(&execution), "the log", &log(&twin), &secret)
}

async fn failure(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let secret = secret(&cx);
    let input = json!({"open": "public words", "secret": secret});
    let schema = |recipe: Recipe, mark: bool| recipe.input(marked(mark));
    let [execution, twin] = twins(&publisher, "failure", &Behaviour::FailWithInput, schema, &input).await?;
    let message = |execution: &Execution| execution.body["failure"]["message"].as_str().unwrap_or_default().to_owned();
    execution.expect("failure")?;
    differ(&message(&execution), "the failure's message", &message(&twin), &secret)?;
    let [execution, twin] = twins(&publisher, "trap", &Behaviour::LogInputThenTrap, schema, &input).await?;
    execution.expect("trap")?;
    differ(&log(&execution), "the log", &log(&twin), &secret)
}

/// Rules for a marked place that no secret fits, each by another keyword.
fn unfit() -> [(&'static str, Value); 5] {
    [
        ("const", json!({"x-sensitive": true, "const": "other"})),
        ("enum", json!({"x-sensitive": true, "enum": ["other"]})),
        ("length", json!({"x-sensitive": true, "maxLength": 4})),
        ("type", json!({"x-sensitive": true, "type": "integer"})),
        ("pattern", json!({"x-sensitive": true, "pattern": "^other$"})),
    ]
}

async fn detail(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let secret = secret(&cx);
    for (leaf, rule) in unfit() {
        let behaviour = Behaviour::LogInputThenAnswer(json!({"secret": secret}).to_string().into_bytes());
        let recipe = publisher.recipe(leaf, behaviour).output(json!({"properties": {"secret": rule}}));
        let handler = publisher.install(&recipe).await?;
        let judged = async {
            let execution = handler.execute(json!({"open": "public words"})).await?;
            execution.expect("output-rejected")?;
            ensure!(log(&execution).contains("public words"), "the log lacks what is not sensitive");
            hides(&execution.body.to_string(), "the answer", &secret)
        };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

async fn problem(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let secret = secret(&cx);
    let branches = [
        ("not", json!({"x-sensitive": true, "not": {"type": "string"}})),
        ("any", json!({"x-sensitive": true, "anyOf": [{"type": "integer"}, {"const": "other"}]})),
    ];
    for (leaf, rule) in unfit().into_iter().chain(branches) {
        let recipe = publisher.recipe(leaf, Behaviour::Echo).input(json!({"properties": {"secret": rule}}));
        let handler = publisher.install(&recipe).await?;
        let judged = async {
            let reply = publisher.user().execute(handler.id(), &json!({"input": {"secret": secret}})).await?;
            refused("input-rejected").at("/input/secret").judge(&reply)?;
            hides(&String::from_utf8_lossy(reply.body()), "the problem", &secret)
        };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

async fn token(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let token = cx.user_token().to_owned();
    let input = json!({"open": "public words", "told": token});
    for (leaf, behaviour) in
        [("plain", Behaviour::LogInput(LogLevel::Info)), ("base64", Behaviour::LogInputEncoded(Encoding::Base64))]
    {
        let handler = publisher.install(&publisher.recipe(leaf, behaviour)).await?;
        // The admin's own log shows the token of somebody else: the runtime looks for the caller's.
        let twin = handler.execute(input.clone()).await?;
        let judged = async {
            let reply = publisher.user().execute(handler.id(), &json!({"input": input})).await?.expect(200)?;
            let execution = Execution::read(&reply)?;
            differ(&log(&execution), "the log", &log(&twin), &token)
        };
        cx.case(leaf, judged).await;
    }
    let handler = publisher.install(&publisher.recipe("problem", Behaviour::Echo)).await?;
    let judged = async {
        let mut body = json!({"input": 1});
        body[&token] = json!(1);
        let reply = publisher.user().execute(handler.id(), &body).await?;
        refused("request-malformed").judge(&reply)?;
        hides(&String::from_utf8_lossy(reply.body()), "the problem", &token)
    };
    cx.case("problem", judged).await;
    Ok(())
}

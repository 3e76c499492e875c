//! Handlers that flood their outputs, logs and the host (sandbox.md, section 5).

use assay_fixtures::{Behaviour, FailureKind, Flood, HostFunction, LogLevel, Operand};
use assay_harness::{Control as _, Cx, Group, Need, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::installed::Execution;
use crate::publisher::Publisher;

/// The table.
pub const GROUP: Group = Group {
    profile: "sandbox",
    name: "floods",
    checks: checks![
        each("sandbox.floods.output", "an answer past its limit is refused as a whole", &["SBX-FLD-001"], output)
            .costly(),
        each("sandbox.floods.json", "an output of any depth and numbers is judged", &["SBX-FLD-002"], any_json)
            .costly(),
        each("sandbox.floods.line", "a log line is kept whole or dropped", &["SBX-FLD-003"], line),
        each("sandbox.floods.lines", "a log has a bounded number of lines", &["SBX-FLD-004"], lines),
        each("sandbox.floods.calls", "thousands of calls of imports are served", &["SBX-FLD-005"], calls).needs(STATE),
        each("sandbox.floods.endless", "calls without end are ended, and others served", &["SBX-FLD-005"], endless)
            .costly()
            .needs(STATE),
        each("sandbox.floods.key", "a key longer than its bound is refused", &["SBX-FLD-006"], key).needs(STATE),
        each("sandbox.floods.keys", "a handler has a bounded number of keys", &["SBX-FLD-007"], keys).needs(STATE),
        each("sandbox.floods.reading", "what is read counts as the reader's memory", &["SBX-FLD-008"], reading)
            .costly()
            .needs(STATE),
    ],
};

const STATE: &[Need] = &[Need::Feature("state")];

/// The limit of outputs and messages in these checks, in bytes.
const LIMIT: usize = 1000;

async fn output(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // What is cut to the limit is valid all the same: spaces follow a number, and a message is any text.
    let spaced = |bytes| Behaviour::Fixed(("7".to_owned() + &" ".repeat(bytes - 1)).into_bytes());
    let failing = |bytes| Behaviour::Fail { kind: FailureKind::Unavailable, message: "\u{e9}".repeat(bytes / 2) };
    for (leaf, behaviour, outcome) in [
        ("output-at-the-limit", spaced(LIMIT), "success"),
        ("output-above", spaced(LIMIT + 1), "output-rejected"),
        ("output-flood", spaced(500 * LIMIT), "output-rejected"),
        ("message-at-the-limit", failing(LIMIT), "failure"),
        ("message-above", failing(LIMIT + 2), "output-rejected"),
        ("message-flood", failing(500 * LIMIT), "output-rejected"),
    ] {
        let handler = publisher.install(&publisher.recipe(leaf, behaviour).limit("output_bytes", LIMIT)).await?;
        let judged = async { handler.execute(Value::Null).await?.expect(outcome).map(|_| ()) };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

async fn any_json(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let objects = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    for (leaf, text, accepted) in [
        ("lists-128", nested(128), true),
        ("lists-129", nested(129), false),
        ("lists-100000", nested(100_000), false),
        ("objects-128", objects(128), true),
        ("objects-129", objects(129), false),
        ("objects-50000", objects(50_000), false),
        ("never-closed", "[".repeat(100_000), false),
        ("highest-number", "1.7976931348623157e308".to_owned(), true),
        ("number-above", "1.8e308".to_owned(), false),
        ("number-below", "-1.8e308".to_owned(), false),
        ("exponent-above", "1e99999999999999999999".to_owned(), false),
        ("many-digits", "9".repeat(100_000), false),
        ("near-zero", "1e-400".to_owned(), true),
    ] {
        let handler = publisher.install(&publisher.recipe(leaf, Behaviour::Fixed(text.into_bytes()))).await?;
        let outcome = if accepted { "success" } else { "output-rejected" };
        let judged = async {
            let path = format!("/handlers/{}/executions", handler.id());
            let reply = publisher.admin().post_text(&path, "{\"input\":1}").await?.expect(200)?;
            // Read as text: the suite's own reader need not bear what it asks for.
            let text = String::from_utf8_lossy(reply.body());
            let expected = format!("\"outcome\":\"{outcome}\"");
            ensure!(text.replace(' ', "").contains(&expected), "the answer has no {expected}: {}", reply.describe());
            Ok(())
        };
        cx.case(leaf, judged).await;
    }
    let twin = publisher.install(&publisher.recipe("twin", Behaviour::Echo)).await?;
    twin.runs(json!("alive")).await.map(|_| ())
}

/// Judges which lines were kept and whether the log says that there were more.
fn logged(execution: &Execution, kept: &[&str], truncated: bool) -> Result<(), Stop> {
    execution.expect("success")?;
    let found: Vec<&str> = execution.logs().into_iter().map(|(_, line)| line).collect();
    ensure!(found == kept, "the log is {found:?}, expected {kept:?}");
    let marked = &execution.body["logs_truncated"];
    ensure!(*marked == truncated, "`logs_truncated` is {marked}, expected {truncated}");
    Ok(())
}

async fn line(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (leaf, written, kept, truncated) in [
        ("one-above", vec!["123456789"], 0, true),
        ("second-above", vec!["1234", "56789"], 1, true),
        ("character-at-the-cut", vec!["1234567", "\u{20ac}"], 1, true),
        ("character-that-fits", vec!["12345", "\u{20ac}"], 2, false),
        ("empty-after-the-limit", vec!["12345678", ""], 2, false),
        ("after-a-dropped-one", vec!["1234", "56789", "5"], 1, true),
    ] {
        let lines = written.iter().map(|line| (LogLevel::Info, (*line).to_owned())).collect();
        let handler = publisher.install(&publisher.recipe(leaf, Behaviour::Log(lines)).limit("log_bytes", 8)).await?;
        let judged = async { logged(&handler.execute(json!(1)).await?, &written[..kept], truncated) };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

/// A line of these bytes, over and over.
fn writing(line: &[u8], times: u32) -> Behaviour {
    let length = u32::try_from(line.len()).unwrap_or(u32::MAX);
    let operands = vec![Operand::Number(2), Operand::Bytes(line.to_vec()), Operand::Number(length)];
    Behaviour::Flood(Flood::Calls(HostFunction::LogWrite, operands, times))
}

/// Lines beyond one for each byte of the limit (sandbox.md 5.4).
const SPARE_LINES: usize = 1024;

async fn lines(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let most = SPARE_LINES + 10;
    for (leaf, line, times, kept) in [
        ("tiny", "x", 10, 10),
        ("tiny-above", "x", 11, 10),
        ("empty", "", most, most),
        ("empty-above", "", most + 1, most),
        ("empty-flood", "", 30_000, most),
    ] {
        let behaviour = writing(line.as_bytes(), u32::try_from(times).unwrap_or(u32::MAX));
        let handler = publisher.install(&publisher.recipe(leaf, behaviour).limit("log_bytes", 10)).await?;
        let judged = async {
            let execution = handler.execute(json!(1)).await?;
            execution.expect("success")?;
            let found = execution.logs().len();
            ensure!(found == kept, "of {times} lines {found} are in the log, expected {kept}");
            let marked = &execution.body["logs_truncated"];
            ensure!(*marked == (kept < times), "`logs_truncated` is {marked} after {times} lines");
            Ok(())
        };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

/// The imports that a flood calls, each with operands that are right.
fn floods() -> [(&'static str, HostFunction, Vec<Operand>); 3] {
    let (key, one) = (Operand::Bytes(b"77".to_vec()), Operand::Number(1));
    [
        ("line", HostFunction::LogWrite, vec![Operand::Number(2), key.clone(), one.clone()]),
        ("get", HostFunction::StateGet, vec![key.clone(), one.clone(), Operand::Room]),
        ("set", HostFunction::StateSet, vec![key, one.clone(), Operand::Again(0), one, Operand::Room]),
    ]
}

async fn calls(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (leaf, function, operands) in floods() {
        let flood = Behaviour::Flood(Flood::Calls(function, operands, 20_000));
        let recipe = publisher.recipe(leaf, flood).limit("timeout_ms", 5000).limit("log_bytes", 10);
        let handler = publisher.install(&recipe).await?;
        let judged = async { handler.execute(json!("served")).await?.expect_output(&json!("served")) };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

async fn endless(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let other = publisher.install(&publisher.recipe("other", Behaviour::Echo)).await?;
    other.runs(json!(0)).await?;
    let mut running = tokio::task::JoinSet::new();
    for (leaf, function, operands) in floods() {
        let flood = Behaviour::Flood(Flood::CallsForever(function, operands));
        let recipe = publisher.recipe(leaf, flood).limit("timeout_ms", 200).limit("log_bytes", 10);
        let handler = publisher.install(&recipe).await?;
        running.spawn(async move { (leaf, handler.execute(json!(1)).await) });
    }
    other.execute(json!("meanwhile")).await?.expect_output(&json!("meanwhile"))?;
    while let Some(ended) = running.join_next().await {
        let (leaf, execution) = ended.map_err(|fault| Stop::Error(fault.to_string()))?;
        cx.case(leaf, async { execution?.expect("timeout").map(|_| ()) }).await;
    }
    other.runs(json!("afterwards")).await.map(|_| ())
}

/// A bound of discovery as a length in a handler.
fn bound(cx: &Cx, name: &str) -> Result<u32, Stop> {
    let bound = cx.discovery().bound(name)?;
    u32::try_from(bound).map_err(|_| Stop::Inconclusive(format!("no handler reaches `{name}`, {bound}")))
}

async fn key(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let bound = bound(&cx, "state_key_bytes")?;
    for (leaf, behaviour, expected) in [
        ("set-at-the-bound", Flood::Key(bound), "ok"),
        ("set-above", Flood::Key(bound + 1), "invalid-key"),
        ("set-of-the-memory", Flood::Key(bound + 800_000), "invalid-key"),
        ("delete-at-the-bound", Flood::KeyRemoved(bound), "ok"),
        ("delete-above", Flood::KeyRemoved(bound + 1), "invalid-key"),
    ] {
        let recipe = publisher.recipe(leaf, Behaviour::Flood(behaviour));
        let recipe = recipe.limit("memory_bytes", u64::from(bound) + (2 << 20));
        let quota = cx.discovery().bound("state_bytes")?;
        let handler = publisher.install(&recipe.set("/permissions/state/max_bytes", quota)).await?;
        let judged = async { handler.execute(Value::Null).await?.expect_output(&json!(expected)) };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

/// Bytes of one key of [`Flood::Keys`].
const KEY_BYTES: u64 = 6;

async fn keys(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let bound = bound(&cx, "state_keys")?;
    let quota = cx.discovery().bound("state_bytes")?;
    if (u64::from(bound) + 2) * KEY_BYTES > quota || bound >= 999_999 {
        return Err(Stop::Inconclusive("`state_bytes` leaves no room for `state_keys`".to_owned()));
    }
    let set = |key: &str| Behaviour::StateFill { key: key.to_owned(), len: 0 };
    let cases = [
        ("one too many", Behaviour::Flood(Flood::Keys(bound + 1)), json!([bound, "quota-exceeded"])),
        ("all again", Behaviour::Flood(Flood::Keys(bound)), json!([bound, null])),
        ("a further one", set("further"), json!("quota-exceeded")),
        ("one that is there", set("000000"), json!("ok")),
        ("one less", Behaviour::StateDelete { key: "000001".to_owned() }, json!("ok")),
        ("a further one in its place", set("further"), json!("ok")),
        ("and no other", set("000001"), json!("quota-exceeded")),
    ];
    let behaviours = cases.iter().map(|(_, behaviour, _)| behaviour.clone()).collect();
    let recipe = publisher.recipe("keys", Behaviour::Choice(behaviours)).set("/permissions/state/max_bytes", quota);
    let handler = publisher.install(&recipe).await?;
    for (number, (name, _, expected)) in (10..).zip(cases) {
        let judged = async { handler.execute(json!(number)).await?.expect_output(&expected) };
        cx.case(name, judged).await;
    }
    Ok(())
}

async fn reading(cx: Cx) -> Result<(), Stop> {
    use HostFunction::{StateGet, StateKeys};
    let publisher = Publisher::new(&cx).await?;
    let value = Operand::Bytes(b"k".to_vec());
    let get = || vec![value.clone(), Operand::Number(1), Operand::Room];
    let flood = |function, operands, times| Behaviour::Flood(Flood::Calls(function, operands, times));
    let cases = [
        Behaviour::StateFill { key: "k".to_owned(), len: 50_000 },
        flood(StateGet, get(), 3),
        flood(StateGet, get(), 30),
        Behaviour::Flood(Flood::Keys(1000)),
        flood(StateKeys, vec![Operand::Room], 3),
        Behaviour::Flood(Flood::CallsForever(StateKeys, vec![Operand::Room])),
    ];
    let handler = publisher.install(&publisher.recipe("reading", Behaviour::Choice(cases.to_vec()))).await?;
    for input in [10, 11, 13, 14] {
        handler.runs(json!(input)).await.control("the state is read within the memory")?;
    }
    for (name, input) in [("values", 12), ("keys", 15)] {
        let judged = async { handler.execute(json!(input)).await?.expect("memory-exceeded").map(|_| ()) };
        cx.case(name, judged).await;
    }
    Ok(())
}

//! State under hostile handlers (sandbox.md, section 9). What a handler does is written down as scripts; the input, a digit,
//! picks one. Values come back as hexadecimal digits.

use assay_fixtures::{Behaviour, Step};
use assay_harness::{Control as _, Cx, Group, Need, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::installed::Installed;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "sandbox",
    name: "state",
    checks: checks![
        each("sandbox.state.timeout", "an execution that runs out of time leaves no change", &["SBX-STA-001"], timeout)
            .needs(STATE),
        each(
            "sandbox.state.memory-exceeded",
            "an execution that asks for too much memory leaves no change",
            &["SBX-STA-001"],
            memory_exceeded
        )
        .needs(STATE),
        each(
            "sandbox.state.output-rejected",
            "an execution whose output is rejected leaves no change",
            &["SBX-STA-001"],
            output_rejected
        )
        .needs(STATE),
        each("sandbox.state.own-changes", "an execution sees its own changes", &["SBX-STA-002"], own_changes)
            .needs(STATE),
        each("sandbox.state.order", "keys are listed in the order of their bytes", &["SBX-STA-003"], order)
            .needs(STATE),
        each(
            "sandbox.state.serial",
            "executions of one handler behave as one after the other",
            &["SBX-STA-004"],
            serial
        )
        .needs(STATE),
        each("sandbox.state.keys", "keys are kept byte for byte and told apart", &["SBX-STA-005"], keys).needs(STATE),
        each("sandbox.state.key-bounds", "an empty or too long key is refused", &["SBX-STA-006"], key_bounds)
            .needs(STATE),
        each("sandbox.state.values", "values are kept byte for byte", &["SBX-STA-005"], values).needs(STATE),
        each(
            "sandbox.state.neighbours",
            "handlers whose ids begin or end alike have states of their own",
            &["SBX-STA-007"],
            neighbours
        )
        .needs(STATE),
        each(
            "sandbox.state.reinstalled",
            "an execution that outlives its installation changes nothing of the next one",
            &["SBX-STA-008"],
            reinstalled
        )
        .costly()
        .needs(STATE),
        each("sandbox.state.replaced", "what a value replaces is free again", &["SBX-STA-009"], replaced).needs(STATE),
        each("sandbox.state.shown", "an admin sees keys, sizes and quota", &["SBX-STA-010"], shown).needs(STATE),
        each("sandbox.state.shown-to-admins", "a user does not see what is kept", &["SBX-STA-010"], shown_to_admins)
            .needs(STATE),
        each("sandbox.state.removed", "what a removed key took is free again", &["SBX-STA-009"], removed).needs(STATE),
    ],
};

const STATE: &[Need] = &[Need::Feature("state")];

fn set(key: &str, value: impl Into<Vec<u8>>) -> Step {
    Step::Set(key.to_owned(), value.into())
}

fn get(key: &str) -> Step {
    Step::Get(key.to_owned())
}

fn delete(key: &str) -> Step {
    Step::Delete(key.to_owned())
}

fn hex(bytes: impl AsRef<[u8]>) -> Value {
    json!(bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

async fn scripted(publisher: &Publisher, leaf: &str, scripts: Vec<Vec<Step>>) -> Result<Installed, Stop> {
    publisher.install(&publisher.recipe(leaf, Behaviour::Scripts(scripts)).limit("timeout_ms", 10_000)).await
}

/// Writes a key, breaks off after changing it, and reads it again.
async fn broken_off(cx: &Cx, end: Step, outcome: &str, limit: u64) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    let scripts =
        vec![vec![set("k", "kept")], vec![set("k", "lost"), set("new", "lost"), end], vec![get("k"), get("new")]];
    let recipe = publisher.recipe("broken", Behaviour::Scripts(scripts)).limit("timeout_ms", limit);
    let handler = publisher.install(&recipe).await?;
    handler.runs(json!(0)).await?;
    handler.execute(json!(1)).await?.expect(outcome).control("the handler breaks off")?;
    handler.execute(json!(2)).await?.expect_output(&json!([hex("kept"), null]))
}

async fn timeout(cx: Cx) -> Result<(), Stop> {
    broken_off(&cx, Step::Hang, "timeout", 250).await
}

async fn memory_exceeded(cx: Cx) -> Result<(), Stop> {
    broken_off(&cx, Step::Grow, "memory-exceeded", 10_000).await
}

async fn output_rejected(cx: Cx) -> Result<(), Stop> {
    broken_off(&cx, Step::Garbage, "output-rejected", 10_000).await
}

async fn own_changes(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let changes = vec![
        get("a"),
        set("a", "1"),
        get("a"),
        set("a", "2"),
        get("a"),
        delete("a"),
        get("a"),
        set("a", "3"),
        get("a"),
    ];
    let handler = scripted(&publisher, "reader", vec![changes]).await?;
    for (case, before) in [("from nothing", json!(null)), ("over what is committed", hex("3"))] {
        let expected = json!([before, "ok", hex("1"), "ok", hex("2"), "ok", null, "ok", hex("3")]);
        let judged = async { handler.execute(json!(0)).await?.expect_output(&expected) };
        cx.case(case, judged).await;
    }
    Ok(())
}

async fn order(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let scripts = vec![
        vec![set("b", ""), set("ab", ""), set("\u{1f600}", ""), set("B", ""), set("\u{ffff}", "")],
        vec![set("a", ""), set("c", ""), delete("b"), set("d", ""), delete("d"), Step::Keys],
        vec![Step::Keys],
    ];
    let handler = scripted(&publisher, "lister", scripts).await?;
    handler.runs(json!(0)).await?;
    // In UTF-8 the emoji comes last; in UTF-16 it would not.
    let keys = json!(["B", "a", "ab", "c", "\u{ffff}", "\u{1f600}"].map(hex));
    let own = json!(["ok", "ok", "ok", "ok", "ok", keys]);
    handler.execute(json!(1)).await?.expect_output(&own)?;
    handler.execute(json!(2)).await?.expect_output(&json!([keys]))
}

/// Executions at once of each handler, and how long each holds what it read before it writes.
const AT_ONCE: u8 = 6;
const TURNS: u64 = 2_000_000;

async fn serial(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let mut running = tokio::task::JoinSet::new();
    for leaf in ["one", "other"] {
        let handler = scripted(&publisher, leaf, vec![vec![Step::AddOne("n".to_owned(), TURNS)]]).await?;
        for _ in 0..AT_ONCE {
            let handler = handler.clone();
            running.spawn(async move { (leaf, handler.execute(json!(0)).await) });
        }
    }
    let mut seen: Vec<(&str, String)> = Vec::new();
    while let Some(joined) = running.join_next().await {
        let (leaf, execution) = joined.map_err(|fault| Stop::Error(fault.to_string()))?;
        let execution = execution?;
        execution.expect("success")?;
        seen.push((leaf, execution.output()[0].as_str().unwrap_or_default().to_owned()));
    }
    seen.sort();
    let count = |leaf| (1..=AT_ONCE).map(move |n| (leaf, format!("{n:02x}00000000000000")));
    let expected: Vec<_> = count("one").chain(count("other")).collect();
    ensure!(seen == expected, "executions that each add one came to {seen:?}: some did not see the one before");
    Ok(())
}

async fn keys(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let long = "k".repeat(256);
    let mut keys = vec![
        "\0",
        "\0\0",
        "a",
        "a\0",
        "a\0b",
        "A",
        "/",
        "../a",
        "./a",
        "a/",
        "\"",
        "'",
        "\\",
        "%00",
        "%",
        "_",
        " ",
        " a",
        "\n",
        "\u{e9}",
        "e\u{301}",
        "\u{1f600}",
        "\u{feff}a",
        "null",
        "*",
        "a;--",
        &long,
    ];
    keys.sort_unstable();
    let write = keys.iter().enumerate().map(|(number, key)| set(key, vec![number as u8])).collect();
    let read = keys.iter().map(|key| get(key)).collect();
    let handler = scripted(&publisher, "keeper", vec![write, read, vec![Step::Keys]]).await?;
    handler.runs(json!(0)).await?.expect_output(&json!(vec!["ok"; keys.len()])).control("the keys are set")?;
    let values: Vec<Value> = (0..keys.len()).map(|number| hex([number as u8])).collect();
    handler.execute(json!(1)).await?.expect_output(&json!(values))?;
    let listed: Vec<Value> = keys.iter().map(hex).collect();
    handler.execute(json!(2)).await?.expect_output(&json!([listed]))
}

async fn key_bounds(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let bound = cx.discovery().bound_as_size("state_key_bytes")?;
    // The bound is one of bytes: a letter of two bytes counts twice.
    let (at, above) = ("k".repeat(bound), format!("{}\u{e9}", "k".repeat(bound - 1)));
    let script = vec![set(&at, "v"), set(&above, "v"), set("", "v"), delete(&above), delete(""), get(&at)];
    let handler = scripted(&publisher, "bounded", vec![script]).await?;
    let refused = "invalid-key";
    let expected = json!(["ok", refused, refused, refused, refused, hex("v")]);
    handler.execute(json!(0)).await?.expect_output(&expected)
}

async fn values(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let every: Vec<u8> = (0..=255).collect();
    let values = [("every byte", every), ("empty", vec![]), ("nul", vec![0]), ("no text", vec![0xff, 0xfe, 0xc3])];
    let write = values.iter().map(|(key, value)| set(key, value.clone())).collect();
    let read = values.iter().map(|(key, _)| get(key)).chain([get("absent")]).collect();
    let handler = scripted(&publisher, "keeper", vec![write, read]).await?;
    handler.runs(json!(0)).await?;
    let expected: Vec<Value> = values.iter().map(|(_, value)| hex(value)).chain([json!(null)]).collect();
    handler.execute(json!(1)).await?.expect_output(&json!(expected))
}

async fn neighbours(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let script = || vec![vec![set("k", "mine")], vec![get("k"), Step::Keys]];
    let owner = scripted(&publisher, "a.b", script()).await?;
    owner.runs(json!(0)).await?;
    for leaf in ["a", "a.b.c", "a.bc", "a.c", "b", "b.a", "ab"] {
        let neighbour = scripted(&publisher, leaf, script()).await?;
        let judged = async { neighbour.execute(json!(1)).await?.expect_output(&json!([null, []])) };
        cx.case(leaf, judged).await;
    }
    let kept = owner.runs(json!(1)).await?;
    kept.expect_output(&json!([hex("mine"), [hex("k")]])).control("the owner sees its state")
}

/// Loops of the execution that is under way while its handler goes: long against an uninstall and an install.
const LONG: u64 = 150_000_000;

async fn reinstalled(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let other = publisher.install(&publisher.recipe("other", Behaviour::Echo)).await?;
    let scripts = vec![vec![set("k", "old"), Step::Turns(LONG)], vec![get("k")]];
    let recipe = publisher.recipe("keeper", Behaviour::Scripts(scripts)).limit("timeout_ms", 10_000);
    let package = publisher.publish(&recipe).await?;
    let handler = publisher.install_stored(&package).await?;
    let under_way = tokio::spawn({
        let handler = handler.clone();
        async move { handler.execute(json!(0)).await }
    });
    // Answers to somebody else tell that the execution has had time to start.
    for _ in 0..5 {
        other.runs(json!(1)).await?;
    }
    let uninstall = async { publisher.control().uninstall(handler.id()).await?.expect(204) };
    uninstall.await.control("the handler is uninstalled")?;
    let handler = publisher.install_stored(&package).await?;
    // Whether it still counts as started or came too late: nothing of it is in the new installation.
    let ended = under_way.await.map_err(|fault| Stop::Error(fault.to_string()))?;
    if let Ok(execution) = &ended {
        execution.expect("success").control("what was started ends as it would have")?;
    }
    handler.execute(json!(1)).await?.expect_output(&json!([null]))?;
    handler.runs(json!(0)).await?;
    handler.runs(json!(1)).await?.expect_output(&json!([hex("old")])).control("state persists while installed")
}

/// A handler with a quota of 1000 bytes; every key here has one byte.
async fn with_quota(publisher: &Publisher, scripts: Vec<Vec<Step>>) -> Result<Installed, Stop> {
    let recipe = publisher.recipe("quota", Behaviour::Scripts(scripts)).set("/permissions/state/max_bytes", 1000);
    publisher.install(&recipe).await
}

fn filled(key: &str, bytes: usize) -> Step {
    set(key, vec![b'x'; bytes - key.len()])
}

async fn replaced(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let scripts = vec![
        vec![filled("a", 600), filled("a", 900), filled("b", 100), filled("c", 2), filled("a", 901)],
        vec![filled("a", 100), filled("c", 800), filled("d", 1), filled("c", 801)],
    ];
    let handler = with_quota(&publisher, scripts).await?;
    let (kept, refused) = ("ok", "quota-exceeded");
    handler.execute(json!(0)).await?.expect_output(&json!([kept, kept, kept, refused, refused]))?;
    handler.execute(json!(1)).await?.expect_output(&json!([kept, kept, refused, refused]))
}

async fn removed(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let scripts = vec![
        vec![filled("a", 1000), filled("b", 1), delete("b"), filled("b", 1), delete("a"), filled("b", 1000)],
        vec![delete("b"), filled("a", 500), delete("a"), delete("a"), filled("c", 1000), filled("d", 1)],
    ];
    let handler = with_quota(&publisher, scripts).await?;
    let (kept, refused) = ("ok", "quota-exceeded");
    handler.execute(json!(0)).await?.expect_output(&json!([kept, refused, kept, refused, kept, kept]))?;
    handler.execute(json!(1)).await?.expect_output(&json!([kept, kept, kept, kept, kept, refused]))
}

async fn shown(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let write = vec![set("b", "12345"), set("a", ""), set("\0/\u{1f600}", "x"), set("gone", "1"), delete("gone")];
    let handler = with_quota(&publisher, vec![write, vec![set("c", "lost"), Step::Trap]]).await?;
    let page = async |query: &str| {
        let reply = publisher.admin().state(handler.id(), query).await?.expect(200)?;
        reply.json()
    };
    let empty = json!({"keys": [], "used_bytes": 0, "max_bytes": 1000, "next_cursor": null});
    let found = page("").await?;
    ensure!(holds(&found, &empty), "before anything is kept the state is {found}, expected {empty}");
    handler.runs(json!(0)).await?;
    handler.execute(json!(1)).await?.expect("trap").control("the handler breaks off")?;
    let keys = [("\0/\u{1f600}", 7), ("a", 1), ("b", 6)].map(|(key, bytes)| json!({"key": key, "bytes": bytes}));
    let whole = json!({"keys": keys, "used_bytes": 14, "max_bytes": 1000, "next_cursor": null});
    let found = page("").await?;
    ensure!(holds(&found, &whole), "the state is {found}, expected {whole}");
    let mut cursor = String::new();
    for key in &keys {
        let found = page(&format!("?limit=1{cursor}")).await?;
        ensure!(
            found["keys"] == json!([key]) && found["used_bytes"] == 14,
            "in pages of one the state is {found}, expected {key}"
        );
        cursor = format!("&cursor={}", found["next_cursor"].as_str().unwrap_or_default());
    }
    ensure!(cursor == "&cursor=", "after the last key there is a next page");
    for (query, name) in [("?limit=0", "limit"), ("?cursor=%00", "cursor"), ("?values=true", "values")] {
        refused("request-malformed").named(name).judge(&publisher.admin().state(handler.id(), query).await?)?;
    }
    refused("not-installed").judge(&publisher.admin().state(&publisher.id("never"), "").await?)
}

/// Whether an answer has these members; others may be there (README.md 1.3).
fn holds(found: &Value, expected: &Value) -> bool {
    expected.as_object().is_some_and(|members| members.iter().all(|(name, value)| found[name] == *value))
}

async fn shown_to_admins(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = with_quota(&publisher, vec![vec![set("secret", "1")]]).await?;
    handler.runs(json!(0)).await?;
    refused("forbidden").judge(&publisher.user().state(handler.id(), "").await?)?;
    let admin = async { publisher.control().state(handler.id(), "").await?.expect(200) };
    admin.await.control("an admin sees it")?;
    Ok(())
}

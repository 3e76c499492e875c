//! The log of an execution (core.md 9.10).

use assay_fixtures::{Behaviour, LogLevel};
use assay_harness::{Cx, Group, Stop, checks, ensure};
use serde_json::json;

use crate::installed::Execution;
use crate::publisher::Publisher;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "log",
    checks: checks![
        each("core.log.lines", "every line is in the answer, in order", &["CORE-LOG-001"], lines),
        each("core.log.levels", "every line has its level", &["CORE-LOG-001"], levels),
        each("core.log.after-trap", "lines before a trap are kept", &["CORE-LOG-002"], after_trap),
        each("core.log.any-end", "lines before any end are kept", &["CORE-LOG-002"], any_end),
        each("core.log.many", "a thousand lines come in their order", &["CORE-LOG-001"], many),
        each("core.log.limit", "lines past the limit are dropped and the log is marked", &["CORE-LOG-003"], limit),
    ],
};

const LEVELS: [LogLevel; 5] = [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];

fn messages(execution: &Execution) -> Vec<&str> {
    execution.logs().into_iter().map(|(_, message)| message).collect()
}

async fn lines(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let texts: Vec<String> = [
        "second to none",
        "",
        "caf\u{e9} \u{1f512}",
        "a\nb",
        "again",
        "again",
        "\0\u{1}\u{7f}\r\t\u{1b}[31m",
        "\u{202e}\u{feff}",
    ]
    .map(str::to_owned)
    .to_vec();
    let written = texts.iter().map(|text| (LogLevel::Info, text.clone())).collect();
    let handler = publisher.install(&publisher.recipe("lines", Behaviour::Log(written))).await?;
    let execution = handler.execute(json!(1)).await?;
    execution.expect("success")?;
    ensure!(messages(&execution) == texts, "the log is {:?}, expected {texts:?}", messages(&execution));
    ensure!(execution.body["logs_truncated"] == false, "a short log is marked as truncated");
    Ok(())
}

async fn levels(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let written = LEVELS.map(|level| (level, format!("at {}", level.as_str()))).to_vec();
    let handler = publisher.install(&publisher.recipe("levels", Behaviour::Log(written))).await?;
    let execution = handler.execute(json!(1)).await?;
    let found: Vec<&str> = execution.logs().into_iter().map(|(level, _)| level).collect();
    let expected = LEVELS.map(LogLevel::as_str);
    ensure!(found == expected, "the levels are {found:?}, expected {expected:?}");
    Ok(())
}

async fn after_trap(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let written = vec![(LogLevel::Warn, "about to".to_owned()), (LogLevel::Error, "fall".to_owned())];
    let handler = publisher.install(&publisher.recipe("trap", Behaviour::LogThenTrap(written))).await?;
    let execution = handler.execute(json!(1)).await?;
    execution.expect("trap")?;
    let found = execution.logs();
    ensure!(found == [("warn", "about to"), ("error", "fall")], "the log before the trap is {found:?}");
    Ok(())
}

async fn any_end(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let lines = || vec![(LogLevel::Warn, "about to".to_owned()), (LogLevel::Error, "end".to_owned())];
    for (behaviour, outcome) in [
        (Behaviour::LogThenLoop(lines()), "timeout"),
        (Behaviour::LogThenGrow(lines()), "memory-exceeded"),
        (Behaviour::LogThenFail(lines()), "failure"),
        (Behaviour::LogThenSpoil(lines()), "output-rejected"),
    ] {
        let recipe = publisher.recipe(outcome, behaviour).limit("timeout_ms", 400);
        let handler = publisher.install(&recipe).await?;
        let judged = async {
            let execution = handler.execute(json!(1)).await?;
            execution.expect(outcome)?;
            let found = execution.logs();
            ensure!(found == [("warn", "about to"), ("error", "end")], "the log before `{outcome}` is {found:?}");
            Ok(())
        };
        cx.case(outcome, judged).await;
    }
    Ok(())
}

async fn many(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("many", Behaviour::LogNumbered(1000, "line".to_owned()))).await?;
    let execution = handler.execute(json!(1)).await?;
    execution.expect("success")?;
    let found = messages(&execution);
    ensure!(found.len() == 1000, "of 1000 lines there are {}", found.len());
    for (number, message) in found.into_iter().enumerate() {
        ensure!(message == format!("{number} line"), "line {number} is {message:?}");
    }
    Ok(())
}

async fn limit(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let line = |text: &str| (LogLevel::Info, text.to_owned());
    for (leaf, written, kept, truncated) in [
        ("at", vec![line("0123456789"), line("abcdefghij")], 2, false),
        ("above", vec![line("0123456789"), line("abcdefghijk")], 1, true),
        ("after", vec![line("0123456789"), line("abcdefghijk"), line("c")], 1, true),
        ("one-line", vec![line(&"x".repeat(21))], 0, true),
        ("bytes-at", vec![line(&"\u{e9}".repeat(10))], 1, false),
        ("bytes-above", vec![line(&"\u{e9}".repeat(10)), line("x")], 1, true),
    ] {
        let texts: Vec<String> = written.iter().map(|(_, text)| text.clone()).collect();
        let recipe = publisher.recipe(leaf, Behaviour::Log(written)).limit("log_bytes", 20);
        let handler = publisher.install(&recipe).await?;
        let judged = async {
            let execution = handler.execute(json!(1)).await?;
            execution.expect("success")?;
            let found = messages(&execution);
            ensure!(found == texts[..kept], "the log is {found:?}, expected {:?}", &texts[..kept]);
            ensure!(
                execution.body["logs_truncated"] == truncated,
                "`logs_truncated` is {}",
                execution.body["logs_truncated"]
            );
            Ok(())
        };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

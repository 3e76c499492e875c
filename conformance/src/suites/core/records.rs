//! What was executed can be read back (core.md 9.22 to 9.25).

use assay_fixtures::{Behaviour, FailureKind, LogLevel};
use assay_harness::{Control as _, Cx, Group, Reply, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::installed::{Execution, Installed};
use crate::operations::Operations;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "records",
    checks: checks![
        each(
            "core.records.same",
            "the record is the answer, byte for byte, whatever the outcome",
            &["CORE-REC-001"],
            same
        ),
        once(
            "core.records.last",
            "the records of the last executions are kept, and no older ones",
            &["CORE-REC-002"],
            last
        ),
        once("core.records.apart", "a record is found under its own handler only", &["CORE-REC-003"], apart),
        once("core.records.roles", "a user reads what users executed, an admin everything", &["CORE-REC-004"], roles),
        once("core.records.uninstalled", "the records end with the installation", &["CORE-REC-005"], uninstalled),
        once(
            "core.records.abridged",
            "of an answer past the bound the small part is kept",
            &["CORE-REC-006"],
            abridged
        ),
    ],
};

/// An execution that was answered, with the answer's bytes.
struct Done {
    id: String,
    reply: Reply,
}

/// Executes as this caller. That it is answered with an execution is a control: others judge that.
async fn execute(operations: &Operations, handler: &Installed, input: Value) -> Result<Done, Stop> {
    let executed = async {
        let reply = operations.execute(handler.id(), &json!({ "input": input })).await?.expect(200)?;
        let execution = Execution::read(&reply)?;
        let id = execution.body["execution"].as_str().unwrap_or_default().to_owned();
        Ok(Done { id, reply })
    };
    executed.await.control("the handler is executed")
}

/// Judges that this caller reads back exactly what was answered.
async fn reads(operations: &Operations, handler: &Installed, done: &Done) -> Result<(), Stop> {
    let record = operations.record(handler.id(), &done.id).await?.expect(200)?;
    let text = |reply: &Reply| String::from_utf8_lossy(&reply.body()[..reply.body().len().min(400)]).into_owned();
    ensure!(
        record.body() == done.reply.body(),
        "the record is not the answer: it begins with {}, and the answer with {}",
        text(&record),
        text(&done.reply)
    );
    let media_type = record.header("content-type").unwrap_or_default();
    ensure!(media_type.starts_with("application/json"), "the content type of a record is `{media_type}`");
    Ok(())
}

/// Judges that for this caller there is no such record.
async fn nothing(operations: &Operations, handler: &Installed, execution: &str) -> Result<(), Stop> {
    refused("not-found").judge(&operations.record(handler.id(), execution).await?)
}

async fn same(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let lines = || vec![(LogLevel::Warn, "a line \u{2603} \"quoted\"".to_owned()), (LogLevel::Info, String::new())];
    let failing = Behaviour::Fail { kind: FailureKind::Unavailable, message: "not today".to_owned() };
    for (outcome, recipe) in [
        ("success", publisher.recipe("success", Behaviour::Log(lines()))),
        ("failure", publisher.recipe("failure", failing)),
        ("trap", publisher.recipe("trap", Behaviour::LogThenTrap(lines()))),
        ("timeout", publisher.recipe("timeout", Behaviour::LoopForever).limit("timeout_ms", 20)),
        ("memory-exceeded", publisher.recipe("memory", Behaviour::GrowForever)),
        ("output-rejected", publisher.recipe("rejected", Behaviour::Log(lines())).output(json!({"type": "null"}))),
    ] {
        let handler = publisher.install(&recipe).await?;
        let judged = async {
            let done = execute(&publisher.admin(), &handler, json!({"number": [1, 2.5], "text": "\u{fc}"})).await?;
            Execution::read(&done.reply)?.expect(outcome).control("the execution ends as it was made to")?;
            // Twice: reading changes nothing.
            reads(&publisher.admin(), &handler, &done).await?;
            reads(&publisher.admin(), &handler, &done).await
        };
        cx.case(outcome, judged).await;
    }
    Ok(())
}

async fn last(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let admin = publisher.admin();
    let quiet = publisher.install(&publisher.recipe("quiet", Behaviour::Echo)).await?;
    let busy = publisher.install(&publisher.recipe("busy", Behaviour::Echo)).await?;
    let kept = cx.discovery().bound("execution_records")?;
    let first = execute(&admin, &quiet, json!("first")).await?;
    let forgotten = execute(&admin, &busy, json!("forgotten")).await?;
    reads(&admin, &busy, &forgotten).await?;
    let mut done = Vec::new();
    for n in 0..kept {
        done.push(execute(&admin, &busy, json!(n)).await?);
    }
    for (n, done) in done.iter().enumerate() {
        cx.case(format!("{n}"), reads(&admin, &busy, done)).await;
    }
    cx.case("one too many", nothing(&admin, &busy, &forgotten.id)).await;
    // The executions of one handler take nothing from another.
    cx.case("another handler", reads(&admin, &quiet, &first)).await;
    Ok(())
}

async fn apart(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let admin = publisher.admin();
    let one = publisher.install(&publisher.recipe("one", Behaviour::Echo)).await?;
    let other = publisher.install(&publisher.recipe("other", Behaviour::Echo)).await?;
    let done = execute(&admin, &one, json!("of one")).await?;
    execute(&admin, &other, json!("of the other")).await?;
    reads(&admin, &one, &done).await?;
    cx.case("another handler", nothing(&admin, &other, &done.id)).await;
    cx.case("an unknown execution", nothing(&admin, &one, "no-such-execution")).await;
    let never = Installed::new(&cx, &publisher.id("never"), "1.0.0");
    cx.case("a handler that is not installed", nothing(&admin, &never, &done.id)).await;
    Ok(())
}

async fn roles(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let (admin, user) = (publisher.admin(), publisher.user());
    let handler = publisher.install(&publisher.recipe("asked", Behaviour::Echo)).await?;
    let by_admin = execute(&admin, &handler, json!("by an admin")).await?;
    let by_user = execute(&user, &handler, json!("by a user")).await?;
    cx.case("an admin, an admin's", reads(&admin, &handler, &by_admin)).await;
    cx.case("an admin, a user's", reads(&admin, &handler, &by_user)).await;
    cx.case("a user, a user's", reads(&user, &handler, &by_user)).await;
    cx.case("a user, an admin's", nothing(&user, &handler, &by_admin.id)).await;
    let stranger = Operations::of(cx.anonymous());
    let unasked = async { refused("unauthenticated").judge(&stranger.record(handler.id(), &by_user.id).await?) };
    cx.case("without a token", unasked).await;
    Ok(())
}

async fn uninstalled(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let admin = publisher.admin();
    let recipe = publisher.recipe("again", Behaviour::Echo);
    let package = publisher.publish(&recipe).await?;
    publisher.publish_after(&recipe.version("1.1.0"), &package).await?;
    let handler = publisher.install_stored(&package).await?;
    let done = execute(&admin, &handler, json!("before")).await?;
    let upgrade = async { publisher.control().upgrade(handler.id(), "1.1.0").await?.expect(200) };
    upgrade.await.control("the next version takes over")?;
    cx.case("after an upgrade", reads(&admin, &handler, &done)).await;
    let uninstall = async { publisher.control().uninstall(handler.id()).await?.expect(204) };
    uninstall.await.control("the handler is uninstalled")?;
    cx.case("after the uninstall", nothing(&admin, &handler, &done.id)).await;
    let handler = publisher.install_stored(&package).await?;
    cx.case("installed again", nothing(&admin, &handler, &done.id)).await;
    let after = execute(&admin, &handler, json!("after")).await?;
    reads(&admin, &handler, &after).await
}

async fn abridged(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let admin = publisher.admin();
    let bound = cx.discovery().bound("record_bytes")?;
    let most = cx.discovery().bound("output_bytes")? - 2;
    // With its quotes and all around it the answer is longer than the bound, if an output may be that long.
    let len = u32::try_from(bound.min(most)).unwrap_or(u32::MAX);
    let large = publisher.recipe("large", Behaviour::Filled { byte: b'x', len });
    let memory = cx.discovery().bound("memory_bytes")?;
    let large = publisher.install(&large.limit("memory_bytes", memory)).await?;
    let small = publisher.install(&publisher.recipe("small", Behaviour::Filled { byte: b'x', len: 1000 })).await?;
    let twin = execute(&admin, &small, json!(1)).await?;
    reads(&admin, &small, &twin).await?;
    let done = execute(&admin, &large, json!(1)).await?;
    if done.reply.body().len() as u64 <= bound {
        return reads(&admin, &large, &done).await;
    }
    let answer = Execution::read(&done.reply)?;
    answer.expect("success").control("the handler succeeds")?;
    let record = admin.record(large.id(), &done.id).await?.expect(200)?.json()?;
    for member in ["execution", "handler", "version", "package", "outcome", "usage"] {
        ensure!(record[member] == answer.body[member], "`{member}` is {} in the record", record[member]);
    }
    for (member, expected) in [("logs", json!([])), ("logs_truncated", json!(true)), ("abridged", json!(true))] {
        ensure!(record[member] == expected, "`{member}` is {} in an abridged record", record[member]);
    }
    ensure!(record.get("output").is_none(), "an abridged record has an output");
    Ok(())
}

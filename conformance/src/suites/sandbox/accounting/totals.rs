//! The totals of a handler, against what its executions answered (core.md 9.20, sandbox.md 8.4).

use assay_fixtures::{Behaviour, FailureKind};
use assay_harness::{Control as _, Cx, Stop, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::installed::{Execution, Installed};
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The totals that belong to these executions, without `since`.
fn sum<'a>(executions: impl IntoIterator<Item = &'a Execution>) -> Value {
    let mut totals = json!({
        "executions": 0,
        "outcomes": {
            "success": 0, "failure": 0, "timeout": 0, "memory-exceeded": 0, "trap": 0, "output-rejected": 0,
        },
        "cpu_us": 0,
        "memory_bytes": 0,
    });
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    for execution in executions {
        let usage = &execution.body["usage"];
        let outcome = execution.outcome();
        totals["executions"] = json!(number(&totals["executions"]) + 1);
        totals["outcomes"][outcome] = json!(number(&totals["outcomes"][outcome]) + 1);
        totals["cpu_us"] = json!(number(&totals["cpu_us"]) + number(&usage["cpu_us"]));
        totals["memory_bytes"] = json!(number(&totals["memory_bytes"]).max(number(&usage["memory_bytes"])));
    }
    totals
}

/// What the target shows of a handler, to a user.
async fn shown(publisher: &Publisher, handler: &Installed) -> Result<Value, Stop> {
    publisher.user().installation(handler.id()).await?.expect(200)?.json()
}

/// Judges the totals of a handler by its executions.
async fn judge(publisher: &Publisher, handler: &Installed, executions: &[Execution]) -> Result<(), Stop> {
    let found = shown(publisher, handler).await?["usage"].clone();
    let expected = sum(executions);
    for member in ["executions", "outcomes", "cpu_us", "memory_bytes"] {
        ensure!(
            found[member] == expected[member],
            "after {} executions `usage.{member}` is {}, and the answers come to {}",
            executions.len(),
            found[member],
            expected[member]
        );
    }
    since(&found).map(|_| ())
}

/// The time from which the totals count.
fn since(usage: &Value) -> Result<Timestamp, Stop> {
    let text = usage["since"].as_str().unwrap_or_default();
    text.parse().map_err(|_| Stop::Fail(format!("`usage.since` is {}, which is no time", usage["since"])))
}

/// Executes once. That the execution has this outcome is a control: others judge that.
async fn run(handler: &Installed, input: Value, outcome: &str) -> Result<Execution, Stop> {
    let execution = handler.execute(input).await?;
    execution.expect(outcome).control("an execution ends as it was made to")?;
    Ok(execution)
}

pub async fn sums(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // One handler with several outcomes: what it has to hold of its input decides, and the schema of its output. The
    // largest input that every runtime takes does not fit into two pages together with anything else.
    let mixed = publisher
        .recipe("mixed", Behaviour::Echo)
        .limit("memory_bytes", 2 * 65_536)
        .input(json!({"type": ["number", "string", "null"]}))
        .output(json!({"type": ["number", "string"]}));
    let mixed = publisher.install(&mixed).await?;
    let judged = async {
        judge(&publisher, &mixed, &[]).await?;
        let mut executions = vec![
            run(&mixed, json!("x".repeat(70_000)), "success").await?,
            run(&mixed, json!(null), "output-rejected").await?,
            run(&mixed, json!("x".repeat(131_060)), "memory-exceeded").await?,
        ];
        refused("input-rejected").judge(&publisher.admin().execute(mixed.id(), &json!({"input": true})).await?)?;
        refused("request-malformed").judge(&publisher.admin().execute(mixed.id(), &json!({})).await?)?;
        let mut running = JoinSet::new();
        for n in 0..8 {
            let mixed = mixed.clone();
            running.spawn(async move { run(&mixed, json!(n), "success").await });
        }
        while let Some(execution) = running.join_next().await {
            executions.push(execution.map_err(|fault| Stop::Error(fault.to_string()))??);
        }
        executions.push(run(&mixed, json!(1), "success").await?);
        judge(&publisher, &mixed, &executions).await
    };
    cx.case("mixed", judged).await;
    let failing = Behaviour::Fail { kind: FailureKind::Internal, message: "no".to_owned() };
    for (outcome, recipe) in [
        ("failure", publisher.recipe("failure", failing)),
        ("trap", publisher.recipe("trap", Behaviour::Trap)),
        ("timeout", publisher.recipe("timeout", Behaviour::LoopForever).limit("timeout_ms", 20)),
    ] {
        let handler = publisher.install(&recipe).await?;
        let judged = async {
            let executions = [run(&handler, json!(1), outcome).await?, run(&handler, json!(2), outcome).await?];
            judge(&publisher, &handler, &executions).await
        };
        cx.case(outcome, judged).await;
    }
    Ok(())
}

pub async fn apart(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let busy = publisher.install(&publisher.recipe("busy", Behaviour::Echo)).await?;
    let quiet = publisher.install(&publisher.recipe("quiet", Behaviour::Echo)).await?;
    let mut executions = Vec::new();
    for n in 0..3 {
        executions.push(run(&busy, json!(n), "success").await?);
    }
    let one = [run(&quiet, json!(1), "success").await?];
    judge(&publisher, &busy, &executions).await?;
    judge(&publisher, &quiet, &one).await
}

pub async fn upgraded(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let recipe = publisher.recipe("upgraded", Behaviour::Echo);
    let first = publisher.publish(&recipe).await?;
    publisher.publish_after(&recipe.version("1.1.0"), &first).await?;
    let handler = publisher.install_stored(&first).await?;
    let mut executions = vec![run(&handler, json!("x".repeat(70_000)), "success").await?];
    let before = shown(&publisher, &handler).await?;
    let upgrade = async { publisher.control().upgrade(handler.id(), "1.1.0").await?.expect(200) };
    upgrade.await.control("the next version takes over")?;
    executions.push(run(&handler, json!(1), "success").await?);
    judge(&publisher, &handler, &executions).await?;
    let after = shown(&publisher, &handler).await?;
    let (before, after) = (since(&before["usage"])?, since(&after["usage"])?);
    ensure!(before == after, "the totals count since {before} before an upgrade, and since {after} after it");
    Ok(())
}

pub async fn uninstalled(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("again", Behaviour::Echo)).await?;
    let handler = publisher.install_stored(&package).await?;
    run(&handler, json!("x".repeat(70_000)), "success").await?;
    let uninstall = async { publisher.control().uninstall(handler.id()).await?.expect(204) };
    uninstall.await.control("the handler is uninstalled")?;
    let handler = publisher.install_stored(&package).await?;
    let executions = [run(&handler, json!(1), "success").await?];
    judge(&publisher, &handler, &executions).await?;
    let shown = shown(&publisher, &handler).await?;
    let installed_at: Option<Timestamp> = shown["installed_at"].as_str().and_then(|text| text.parse().ok());
    let since = since(&shown["usage"])?;
    ensure!(
        installed_at.is_some_and(|installed_at| installed_at <= since),
        "the totals count since {since}, and the installation is of {}",
        shown["installed_at"]
    );
    Ok(())
}

//! Who waits, in which order, and who does not (egress.md 5.4 and 5.5).

use assay_fixtures::Behaviour;
use assay_fixtures::exchange::{Request, Then};
use assay_harness::observatory::Host;
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::installed::Execution;
use crate::outside::{NEEDS, Outside, Sender, answers, expect, nonce, unnoticed};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "queue",
    checks: checks![
        each("egress.queue.full", "one more than the queue holds is refused at once", &["EGR-RAT-006"], full)
            .needs(NEEDS)
            .costly(),
        each("egress.queue.none", "without a queue nobody waits", &["EGR-RAT-006"], none).needs(NEEDS),
        each("egress.queue.order", "those that wait start in the order in which they came", &["EGR-RAT-007"], order)
            .needs(NEEDS)
            .costly(),
        each("egress.queue.given-up", "one whose execution has ended is never sent", &["EGR-RAT-008"], given_up)
            .needs(NEEDS)
            .costly(),
        each("egress.queue.turn", "nor does it take a turn", &["EGR-RAT-008"], turn).needs(NEEDS).costly(),
        each("egress.queue.unresolved", "the host of one that waits is not resolved yet", &["EGR-ADR-001"], unresolved)
            .needs(NEEDS)
            .costly(),
    ],
};

/// A handler that may send once in a minute, and has. Its executions may take `timeout_ms`.
async fn used_up(outside: &Outside, host: &Host, queue: u64, timeout_ms: u64) -> Result<Sender, Stop> {
    let recipe = outside
        .recipe("sender", &[host.rule()])
        .limit("timeout_ms", timeout_ms)
        .set("/limits/egress", json!({"requests_per_minute": 1, "queue": queue}));
    let sender = outside.install(&recipe).await?;
    sender.reaches(host).await?;
    Ok(sender)
}

/// As many executions at once, each with one request.
async fn at_once(sender: &Sender, host: &Host, count: usize) -> Result<Vec<Execution>, Stop> {
    let mut running = tokio::task::JoinSet::new();
    for number in 0..count {
        let (sender, url) = (sender.clone(), host.url(&format!("/{number}")));
        running.spawn(async move { sender.run(&[Request::get(url)], Then::Answer).await });
    }
    let mut executions = Vec::new();
    while let Some(ended) = running.join_next().await {
        executions.push(ended.map_err(|fault| Stop::Error(fault.to_string()))??);
    }
    Ok(executions)
}

/// Judges that so many waited until their time was over and so many were refused.
fn waited_and_refused(executions: &[Execution], waited: usize, refused: usize) -> Result<(), Stop> {
    let mut found = (0, 0);
    for execution in executions {
        match execution.outcome() {
            "timeout" => found.0 += 1,
            _ => {
                expect(&answers(execution, 1)?[0], "rate-limited")?;
                found.1 += 1;
            }
        }
    }
    ensure!(found == (waited, refused), "(waited, refused) are {found:?}, expected {:?}", (waited, refused));
    Ok(())
}

async fn full(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = used_up(&outside, &host, 2, 3000).await?;
    waited_and_refused(&at_once(&sender, &host, 5).await?, 2, 3)?;
    let seen = host.requests().len();
    ensure!(seen == 1, "{seen} requests arrived, expected the first only");
    Ok(())
}

async fn none(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = used_up(&outside, &host, 0, 5000).await?;
    let answers = sender.send_all(&[Request::get(host.url("/")), Request::get(host.url("/"))]).await?;
    for answer in &answers {
        expect(answer, "rate-limited")?;
    }
    let seen = host.requests().len();
    ensure!(seen == 1, "{seen} requests arrived, expected the first only");
    Ok(())
}

/// Exchanges whose order is judged.
const IN_ORDER: usize = 5;

async fn order(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let publisher = outside.publisher();
    let other = publisher.install(&publisher.recipe("other", Behaviour::Echo)).await?;
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": 75, "queue": 8})).await?;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..IN_ORDER {
        let (sender, url) = (sender.clone(), host.url(&format!("/{number}")));
        running.spawn(async move { sender.send(Request::get(url)).await });
        // Answers to somebody else tell that the execution has had time to start.
        for _ in 0..3 {
            other.runs(json!(1)).await?;
        }
    }
    while let Some(ended) = running.join_next().await {
        nonce(&ended.map_err(|fault| Stop::Error(fault.to_string()))??, &host)?;
    }
    // The audit says when each came; the host, when each was sent.
    let mut came: Vec<(String, String)> = sender.audit().await?.iter().map(came_and_path).collect();
    came.sort();
    let came: Vec<String> = came.into_iter().map(|(_, path)| path).collect();
    let sent: Vec<String> = host.requests().into_iter().map(|seen| host.url(&seen.target)).collect();
    ensure!(sent.len() == IN_ORDER && sent == came, "they were sent as {sent:?}, and had come as {came:?}");
    Ok(())
}

/// When an entry's request came, to nine digits so that texts compare as times do, and its URL.
fn came_and_path(entry: &Value) -> (String, String) {
    let at = entry["at"].as_str().unwrap_or_default().trim_end_matches('Z');
    let (seconds, fraction) = at.split_once('.').unwrap_or((at, ""));
    (format!("{seconds}.{fraction:0<9}"), entry["url"].as_str().unwrap_or_default().to_owned())
}

async fn given_up(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = used_up(&outside, &host, 1, 700).await?;
    for round in ["the first", "the place is free again"] {
        let execution = sender.run(&[Request::get(host.url("/given-up"))], Then::Answer).await?;
        cx.case(round, async { waited_and_refused(&[execution], 1, 0) }).await;
    }
    let seen = host.requests().len();
    ensure!(seen == 1, "{seen} requests arrived, expected the first only");
    Ok(())
}

async fn turn(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    // An exchange every 3 s. One gives up after 2 s; the next one's turn comes within its own 2 s unless the first has taken it.
    let recipe = outside
        .recipe("sender", &[host.rule()])
        .limit("timeout_ms", 2000)
        .set("/limits/egress", json!({"requests_per_minute": 20, "queue": 4}));
    let sender = outside.install(&recipe).await?;
    sender.reaches(&host).await?;
    let given_up = sender.run(&[Request::get(host.url("/given-up"))], Then::Answer).await?;
    given_up.expect("timeout").control("one gives up before its turn")?;
    nonce(&sender.send(Request::get(host.url("/next"))).await?, &host)?;
    let seen: Vec<String> = host.requests().into_iter().map(|seen| seen.target).collect();
    ensure!(seen == ["/control", "/next"], "{seen:?} arrived, expected /control and /next");
    Ok(())
}

async fn unresolved(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, later) = (outside.host("api")?, outside.host("later")?);
    let recipe = outside
        .recipe("sender", &[host.rule(), later.rule()])
        .limit("timeout_ms", 1000)
        .set("/limits/egress", json!({"requests_per_minute": 1, "queue": 1}));
    let sender = outside.install(&recipe).await?;
    sender.reaches(&host).await?;
    let waiting = sender.run(&[Request::get(later.url("/"))], Then::Answer).await?;
    waiting.expect("timeout").control("one waits until its time is over")?;
    unnoticed(&later)
}

//! Who waits, in which order, and who does not (egress.md 5.4 and 5.5).

use std::time::Duration;

use assay_fixtures::exchange::{Request, Then};
use assay_harness::observatory::Host;
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::json;

use super::audit::{recorded, stamp};
use super::credentials::{HEADER, body, keep, last, name, secret};
use crate::installed::Execution;
use crate::outside::{NEEDS, Outside, Sender, answers, expect, nonce, unnoticed};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "queue",
    checks: checks![
        each("egress.queue.full", "one more than the queue holds is refused at once", &["EGR-RAT-006"], full)
            .needs(NEEDS)
            .waits(),
        each("egress.queue.refused", "and takes no turn", &["EGR-RAT-006"], refused).needs(NEEDS).waits(),
        each("egress.queue.neighbours", "no two handlers share a queue", &["EGR-RAT-002"], neighbours)
            .needs(NEEDS)
            .waits(),
        each("egress.queue.none", "without a queue nobody waits", &["EGR-RAT-006"], none).needs(NEEDS),
        each("egress.queue.order", "those that wait start in the order in which they came", &["EGR-RAT-007"], order)
            .needs(NEEDS)
            .waits(),
        each("egress.queue.given-up", "one whose execution has ended is never sent", &["EGR-RAT-008"], given_up)
            .needs(NEEDS)
            .waits(),
        each("egress.queue.turn", "nor does it take a turn", &["EGR-RAT-008"], turn).needs(NEEDS).waits(),
        each("egress.queue.credentials", "credentials are those of its turn", &["EGR-CRD-009"], of_its_turn)
            .needs(NEEDS)
            .waits(),
        each("egress.queue.unresolved", "the host of one that waits is not resolved yet", &["EGR-ADR-001"], unresolved)
            .needs(NEEDS)
            .waits(),
    ],
};

/// A handler that may send once in a minute, and has, to the first of these hosts. Its executions may take `timeout_ms`.
async fn used_up(outside: &Outside, hosts: &[&Host], queue: u64, timeout_ms: u64) -> Result<Sender, Stop> {
    let rules: Vec<String> = hosts.iter().map(|host| host.rule()).collect();
    let recipe = outside
        .recipe("sender", &rules)
        .limit("timeout_ms", timeout_ms)
        .set("/limits/egress", json!({"requests_per_minute": 1, "queue": queue}));
    let sender = outside.install(&recipe).await?;
    sender.reaches(hosts[0]).await?;
    Ok(sender)
}

/// As many executions at once, each with so many requests, in the order in which they ended.
async fn at_once(sender: &Sender, host: &Host, executions: usize, each: usize) -> Result<Vec<Execution>, Stop> {
    let (ended, mut ends) = tokio::sync::mpsc::channel(executions);
    for execution in 0..executions {
        let (sender, ended) = (sender.clone(), ended.clone());
        let requests: Vec<Request> =
            (0..each).map(|number| Request::get(host.url(&format!("/{execution}/{number}")))).collect();
        tokio::spawn(async move { ended.send(sender.run(&requests, Then::Answer).await).await });
    }
    drop(ended);
    let mut executions = Vec::new();
    while let Some(ended) = ends.recv().await {
        executions.push(ended?);
    }
    Ok(executions)
}

/// Judges that so many waited until their time was over, and of so many each of their requests was refused.
fn waited_and_refused(executions: &[Execution], each: usize, waited: usize, refused: usize) -> Result<(), Stop> {
    let mut found = (0, 0);
    for execution in executions {
        match execution.outcome() {
            "timeout" => found.0 += 1,
            _ => {
                for answer in answers(execution, each)? {
                    expect(&answer, "rate-limited")?;
                }
                found.1 += 1;
            }
        }
    }
    ensure!(found == (waited, refused), "(waited, refused) are {found:?}, expected {:?}", (waited, refused));
    Ok(())
}

/// Requests of each execution, one after the other: those that are refused all are before those that wait have waited in vain.
/// A runtime that takes its time for each of them is not done by then.
const EACH: usize = 10;

async fn full(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, later) = (outside.host("api")?, outside.host("later")?);
    let sender = used_up(&outside, &[&host, &later], 2, 3000).await?;
    let ended = at_once(&sender, &later, 5, EACH).await?;
    waited_and_refused(&ended, EACH, 2, 3)?;
    let outcomes: Vec<&str> = ended.iter().map(Execution::outcome).collect();
    ensure!(
        outcomes == ["success", "success", "success", "timeout", "timeout"],
        "the executions ended in the order {outcomes:?}, expected those first whose requests are refused"
    );
    // Neither those that wait nor those that are refused have an effect.
    unnoticed(&later)
}

/// A distance, and a part of it after which a request is refused.
const APART: Duration = Duration::from_secs(3);
const MEANWHILE: Duration = Duration::from_secs(1);

async fn refused(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": 20, "queue": 0})).await?;
    let get = || Request::get(host.url("/"));
    sender.reaches(&host).await?;
    // The first one started before it was answered, so that its distance is over by then.
    let free = tokio::time::Instant::now() + APART;
    tokio::time::sleep(MEANWHILE).await;
    expect(&sender.send(get()).await?, "rate-limited").control("a request that comes too early is refused")?;
    tokio::time::sleep_until(free).await;
    nonce(&sender.send(get()).await?, &host)
}

async fn neighbours(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, denied) = (outside.host("api")?, outside.host("denied")?);
    let one = used_up(&outside, &[&host], 1, 3000).await?;
    let other = outside.limited("other", &[host.rule()], json!({"requests_per_minute": 60, "queue": 1})).await?;
    let waits = tokio::spawn({
        let (one, requests) = (one.clone(), [Request::get(denied.url("/waits")), Request::get(host.url("/waits"))]);
        async move { one.run(&requests, Then::Answer).await }
    });
    recorded(&cx, &one, &denied.url("/waits")).await.control("a request of one handler is about to wait")?;
    tokio::time::sleep(PAUSE).await;
    for answer in other.send_all(&[Request::get(host.url("/")), Request::get(host.url("/"))]).await? {
        nonce(&answer, &host)?;
    }
    let waited = waits.await.map_err(|fault| Stop::Error(fault.to_string()))??;
    waited.expect("timeout").control("it waits until its time is over").map(drop)
}

async fn none(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = used_up(&outside, &[&host], 0, 5000).await?;
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

/// What lies between two of them at least, when they are asked for.
const PAUSE: Duration = Duration::from_millis(200);

async fn order(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, denied) = (outside.host("api")?, outside.host("denied")?);
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": 75, "queue": 8})).await?;
    sender.reaches(&host).await?;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..IN_ORDER {
        let path = format!("/{number}");
        let (sender_of_it, requests) =
            (sender.clone(), [Request::get(denied.url(&path)), Request::get(host.url(&path))]);
        running.spawn(async move { sender_of_it.send_all(&requests).await });
        // A request that is denied waits for nobody. Its entry is there before the handler goes on, so now it asks for the other one.
        recorded(&cx, &sender, &denied.url(&path)).await.control("an execution is about to ask")?;
        tokio::time::sleep(PAUSE).await;
    }
    while let Some(ended) = running.join_next().await {
        nonce(&ended.map_err(|fault| Stop::Error(fault.to_string()))??[1], &host)?;
    }
    let sent: Vec<String> = host.requests().into_iter().map(|seen| seen.target).skip(1).collect();
    let place = |number: usize| sent.iter().position(|target| *target == format!("/{number}"));
    let entries = sender.audit().await?;
    let came = |number: usize| stamp(&entries, &host.url(&format!("/{number}")));
    // Two with another one between them came in the order in which they were asked for, whatever the audit says.
    let overtakes = |earlier: usize, later: usize| {
        place(later) < place(earlier) && (later - earlier > 1 || came(earlier) < came(later))
    };
    let in_order = (0..IN_ORDER).all(|later| !(0..later).any(|earlier| overtakes(earlier, later)));
    ensure!(
        sent.len() == IN_ORDER && in_order,
        "they were sent as {sent:?}, and were asked for in the order of their numbers"
    );
    Ok(())
}

async fn given_up(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = used_up(&outside, &[&host], 1, 700).await?;
    for round in ["the first", "the place is free again"] {
        let execution = sender.run(&[Request::get(host.url("/given-up"))], Then::Answer).await?;
        cx.case(round, async { waited_and_refused(&[execution], 1, 1, 0) }).await;
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

async fn of_its_turn(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, denied) = (outside.host("api")?, outside.host("denied")?);
    let secret = secret(&cx, "waiting");
    keep(&outside, "waiting", &body(&outside, &[host.rule()], HEADER, &secret)).await?;
    // An exchange every 3 s.
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": 20, "queue": 1})).await?;
    sender.reaches(&host).await?;
    let sent = async {
        ensure!(last(&host, HEADER) == [secret.as_str()], "it was not");
        Ok(())
    };
    sent.await.control("the credential is sent")?;
    let (waiting, requests) = (sender.clone(), [&denied, &host].map(|host| Request::get(host.url("/waited"))));
    let running = tokio::spawn(async move { waiting.send_all(&requests).await });
    recorded(&cx, &sender, &denied.url("/waited")).await.control("an execution is about to ask")?;
    tokio::time::sleep(PAUSE).await;
    let removed = async {
        outside.publisher().control().delete_credential(&name(&cx, "waiting")).await?.expect(204)?;
        ensure!(host.requests().len() == 1, "its turn came too soon");
        Ok(())
    };
    removed.await.control("it is removed while the request waits")?;
    nonce(&running.await.map_err(|fault| Stop::Error(fault.to_string()))??[1], &host)?;
    let found = last(&host, HEADER);
    ensure!(found.is_empty(), "a credential was sent that had been removed while the request waited");
    Ok(())
}

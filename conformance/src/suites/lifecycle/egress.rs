//! Audit and credentials survive SIGKILL and a restart (lifecycle.md 1.1 and 1.2). Each check has a target of its own.

use assay_fixtures::exchange::{Request, Then};
use assay_harness::observatory::{Gate, Host, Reply};
use assay_harness::{Control as _, Cx, Group, Need, OwnTarget, Stop, checks, ensure};
use rand::Rng as _;
use serde_json::{Value, json};

use crate::outside::{Outside, Sender, nonce};
use crate::traces::traces;

/// The table.
pub const GROUP: Group = Group {
    profile: "lifecycle",
    name: "egress",
    checks: checks![
        once("lifecycle.egress.audit", "the audit survives a kill", &["LIFE-EGR-001"], audit).needs(NEEDS),
        once("lifecycle.egress.credentials", "a credential survives a kill", &["LIFE-EGR-002"], credentials)
            .needs(NEEDS),
        once(
            "lifecycle.egress.removed",
            "a credential that was removed or replaced does not come back",
            &["LIFE-EGR-003"],
            removed
        )
        .needs(NEEDS),
        once(
            "lifecycle.egress.in-the-middle",
            "a kill in the middle of exchanges leaves whole entries",
            &["LIFE-EGR-004"],
            in_the_middle
        )
        .needs(NEEDS),
        once("lifecycle.egress.server-log", "the runtime's own log shows no credential", &["LIFE-RED-002"], server_log)
            .needs(NEEDS),
    ],
};

const NEEDS: &[Need] = &[Need::Launch, Need::Feature("egress"), Need::Observatory];

/// The header of the credentials here.
const HEADER: &str = "x-api-key";

/// A target of its own, with a host and a handler that may reach it.
async fn started(cx: &Cx) -> Result<(OwnTarget, Outside, Host, Sender), Stop> {
    let target = cx.own_target().await?;
    let (outside, host, sender) = Outside::pair(&target.cx()).await?;
    Ok((target, outside, host, sender))
}

/// SIGKILL, right after what was acknowledged, and a start on the same data.
async fn crash(target: &mut OwnTarget) -> Result<(), Stop> {
    target.kill().await;
    target.restart().await
}

fn numbers(entries: &[Value]) -> Vec<u64> {
    entries.iter().filter_map(|entry| entry["sequence"].as_u64()).collect()
}

async fn audit(cx: Cx) -> Result<(), Stop> {
    let (mut target, _outside, host, sender) = started(&cx).await?;
    let gate = Gate::new();
    host.reply_at("/held", Reply::ok("x").held(&gate));
    let running = tokio::spawn({
        let (sender, requests) = (sender.clone(), [Request::get(host.url("/1")), Request::get(host.url("/held"))]);
        async move { sender.run(&requests, Then::Answer).await }
    });
    // The held request shows that the handler was handed the first result; nothing was answered to the caller yet.
    host.request_number(2).await.control("the second request arrives")?;
    crash(&mut target).await?;
    gate.open();
    // The caller of an execution that was killed got no answer.
    let _ = running.await;
    let entries = sender.audit().await?;
    let first = entries.first().map(|entry| (entry["url"].clone(), entry["outcome"].clone()));
    let expected = (json!(host.url("/1")), json!("answered"));
    ensure!(
        first == Some(expected),
        "after the restart the audit has {entries:?}, expected the request that was answered"
    );
    let before = entries.len();
    sender.reaches(&host).await?;
    crash(&mut target).await?;
    let after = sender.audit().await?;
    ensure!(
        after.len() == before + 1 && after[..before] == entries[..],
        "after another restart the audit has {} entries, expected {}",
        after.len(),
        before + 1
    );
    let expected: Vec<u64> = (1..).take(after.len()).collect();
    ensure!(numbers(&after) == expected, "the entries are numbered {:?}, expected {expected:?}", numbers(&after));
    Ok(())
}

fn credential(outside: &Outside, host: &Host, value: &str) -> Value {
    json!({"handlers": [outside.publisher().scope()], "hosts": [host.rule()], "header": HEADER, "value": value})
}

async fn put(outside: &Outside, name: &str, body: &Value, status: u16) -> Result<(), Stop> {
    let put = async { outside.publisher().control().put_credential(name, body).await?.expect(status) };
    put.await.control("a credential is kept").map(drop)
}

/// Judges with which values of [`HEADER`] the next request arrives.
async fn arrives_with(sender: &Sender, host: &Host, expected: &[&str]) -> Result<(), Stop> {
    nonce(&sender.send(Request::get(host.url("/"))).await?, host)?;
    let seen = host.requests().pop();
    let found = seen.as_ref().map(|seen| seen.header(HEADER)).unwrap_or_default();
    ensure!(found == expected, "after the restart the request arrived with {found:?}, expected {expected:?}");
    Ok(())
}

async fn credentials(cx: Cx) -> Result<(), Stop> {
    let (mut target, outside, host, sender) = started(&cx).await?;
    put(&outside, "kept", &credential(&outside, &host, "cred-kept-0001"), 201).await?;
    crash(&mut target).await?;
    arrives_with(&sender, &host, &["cred-kept-0001"]).await
}

async fn removed(cx: Cx) -> Result<(), Stop> {
    let (mut target, outside, host, sender) = started(&cx).await?;
    put(&outside, "a", &credential(&outside, &host, "cred-removed-0001"), 201).await?;
    put(&outside, "b", &credential(&outside, &host, "cred-replaced-0001"), 201).await?;
    put(&outside, "b", &credential(&outside, &host, "cred-new-0001"), 200).await?;
    let delete = async { outside.publisher().control().delete_credential("a").await?.expect(204) };
    delete.await.control("a credential is removed")?;
    crash(&mut target).await?;
    arrives_with(&sender, &host, &["cred-new-0001"]).await
}

/// Executions that are under way when the target is killed.
const UNDER_WAY: usize = 6;

async fn in_the_middle(cx: Cx) -> Result<(), Stop> {
    let (mut target, _outside, host, sender) = started(&cx).await?;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..UNDER_WAY {
        let requests: Vec<Request> = (0..40).map(|n| Request::get(host.url(&format!("/{number}/{n}")))).collect();
        let sender = sender.clone();
        running.spawn(async move { sender.run(&requests, Then::Answer).await });
    }
    host.request_number(4 * UNDER_WAY).await.control("exchanges are under way")?;
    target.kill().await;
    while running.join_next().await.is_some() {}
    // A handler sends its next request only after it was handed what became of the last one.
    let mut seen: Vec<String> = host.requests().into_iter().map(|seen| seen.target).collect();
    let handed: Vec<String> = (0..UNDER_WAY)
        .flat_map(|number| {
            let own: Vec<String> = seen.extract_if(.., |target| target.starts_with(&format!("/{number}/"))).collect();
            own.split_last().map(|(_, handed)| handed.to_vec()).unwrap_or_default()
        })
        .map(|target| host.url(&target))
        .collect();
    target.restart().await?;
    let entries = sender.audit().await?;
    let expected: Vec<u64> = (1..).take(entries.len()).collect();
    ensure!(numbers(&entries) == expected, "the entries are numbered {:?}, expected {expected:?}", numbers(&entries));
    for entry in &entries {
        let whole =
            ["at", "execution", "version", "method", "url", "outcome"].iter().all(|name| entry[*name].is_string());
        ensure!(whole, "an entry is not whole: {entry}");
    }
    let recorded: Vec<&str> = entries.iter().filter_map(|entry| entry["url"].as_str()).collect();
    let missing = handed.iter().filter(|url| !recorded.contains(&url.as_str())).count();
    ensure!(missing == 0, "of {} exchanges whose result was handed on {missing} are not on record", handed.len());
    sender.reaches(&host).await
}

async fn server_log(cx: Cx) -> Result<(), Stop> {
    let (mut target, outside, host, sender) = started(&cx).await?;
    let secret = format!("cred-log-{:016x}", cx.rng().random::<u64>());
    put(&outside, "log", &credential(&outside, &host, &secret), 201).await?;
    host.reply_at("/echo", Reply::ok(format!("here: {secret}")).header("x-echo", &secret));
    host.reply_at("/broken", Reply::raw(format!("{secret}\r\n\r\n").into_bytes()));
    let served = async {
        sender.send_all(&["/echo", "/broken", "/"].map(|target| Request::get(host.url(target)))).await?;
        let mut wrong = credential(&outside, &host, &secret);
        wrong["header"] = json!("host");
        crate::refusal::refused("credential-invalid")
            .judge(&outside.publisher().control().put_credential("wrong", &wrong).await?)
    };
    served.await.control("the requests are served")?;
    arrives_with(&sender, &host, &[&secret]).await.control("the credential is sent")?;
    target.terminate().await?;
    let written = target.written();
    for (how, trace) in traces(&secret) {
        ensure!(!written.contains(&trace), "the runtime's output shows a credential {how}");
    }
    Ok(())
}

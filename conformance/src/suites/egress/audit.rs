//! Every request is on record (egress.md 8.1 to 8.3).

mod mix;
mod observed;

use std::time::{Duration, Instant};

use assay_fixtures::exchange::{Request, Then};
use assay_harness::observatory::{DnsAnswer, Gate, Host, Reply};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::{Value, json};

use self::mix::{Exchange, Mix};
use crate::outside::{DIRECT, NEEDS, Outside, Sender, audit, case, nonce};
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "audit",
    checks: checks![
        each("egress.audit.complete", "every call of send leaves one entry", &["EGR-AUD-001"], complete).needs(DIRECT),
        each(
            "egress.audit.observed",
            "and each agrees with what the hosts saw",
            &["EGR-AUD-001", "EGR-AUD-005"],
            observed
        )
        .needs(DIRECT),
        each("egress.audit.rate-limited", "also one that finds no place in the queue", &["EGR-AUD-001"], rate_limited)
            .needs(NEEDS),
        each("egress.audit.abandoned", "also one whose execution ended first", &["EGR-AUD-002"], abandoned)
            .needs(NEEDS)
            .waits(),
        each(
            "egress.audit.before-the-result",
            "the entry is there before the handler goes on",
            &["EGR-AUD-009"],
            before_the_result
        )
        .needs(NEEDS),
        once("egress.audit.upgrade", "an upgrade changes no entry", &["EGR-AUD-003"], upgrade).needs(NEEDS),
        once("egress.audit.uninstall", "nor does an uninstall", &["EGR-AUD-003", "EGR-AUD-004"], uninstall)
            .needs(NEEDS),
        once("egress.audit.pages", "entries are listed oldest first, in pages", &["EGR-AUD-004"], pages).needs(NEEDS),
        once("egress.audit.admins", "for admins only", &["EGR-AUD-004"], admins).needs(NEEDS),
        once("egress.audit.unknown", "an id that never was installed has no audit", &["EGR-AUD-004"], unknown)
            .needs(NEEDS),
        each("egress.audit.numbers", "entries are numbered without a gap", &["EGR-AUD-006"], numbers).needs(NEEDS),
    ],
};

/// What each entry has under this name, in order.
fn members(entries: &[Value], name: &str) -> Vec<Value> {
    entries.iter().map(|entry| entry[name].clone()).collect()
}

async fn complete(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let mix = Mix::new(&outside)?;
    let sender = mix.sender(&outside).await?;
    mix.send(&sender).await?;
    let entries = sender.audit().await?;
    let (outcomes, expected) = (members(&entries, "outcome"), mix.outcomes());
    ensure!(outcomes == expected, "the audit has {outcomes:?}, expected {expected:?}");
    let urls = members(&entries, "url");
    let expected: Vec<&str> = mix.exchanges.iter().map(|exchange| exchange.request.url.as_str()).collect();
    ensure!(urls == expected, "the audit has {urls:?}, expected {expected:?}");
    Ok(())
}

async fn observed(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let mut mix = Mix::new(&outside)?;
    let (sender, twice) = (mix.sender(&outside).await?, outside.host("twice")?);
    let execution = mix.send(&sender).await?;
    let judged = async {
        for (entry, Exchange { request, received, .. }) in sender.audit().await?.iter().zip(&mix.exchanges) {
            let url = &request.url;
            ensure!(entry["url"] == *url, "an entry is that of {}, expected {url}", entry["url"]);
            ensure!(
                entry["execution"] == execution,
                "{url}: `execution` is {}, expected {execution}",
                entry["execution"]
            );
            let bytes = &entry["response_bytes"];
            ensure!(*bytes == *received, "{url}: `response_bytes` is {bytes}, and {received} came back");
        }
        Ok(())
    };
    cx.case("one execution", judged).await;
    // The first address answers nobody: whoever goes on to the other one says which it was.
    twice.resolves_to(vec![DnsAnswer::Addresses(vec![outside.watch().refusing_address(), twice.address()])]);
    // Its executions end before their requests do: one while it is answered, the other while it waits.
    let recipe = outside
        .recipe("hasty", &[twice.rule()])
        .limit("timeout_ms", 600)
        .set("/limits/egress", json!({"requests_per_minute": 6, "queue": 2}));
    let hasty = outside.install(&recipe).await?;
    let gate = Gate::new();
    twice.reply_at("/held", Reply::ok("x").held(&gate));
    let mut executions = Vec::new();
    for target in ["/held", "/waits"] {
        let request = Request::post(twice.url(target), vec![b'x'; 80]);
        let execution = hasty.run(&[request], Then::Answer).await?;
        executions.push(execution.body["execution"].clone());
    }
    gate.open();
    let entries = eventually(&cx, &hasty, |entries| entries.len() >= executions.len()).await?;
    let found = members(&entries, "execution");
    ensure!(found == executions, "the entries are of the executions {found:?}, expected {executions:?}");
    mix.hosts.push(twice);
    let all = [sender.audit().await?, entries].concat();
    observed::agree(&all, &mix.hosts)
}

async fn rate_limited(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": 1, "queue": 0})).await?;
    let get = Request::get(host.url("/"));
    let answers = sender.send_all(&[get.clone(), get.clone(), get]).await?;
    let found: Vec<&str> = answers.iter().map(case).collect();
    let expected = ["answered", "rate-limited", "rate-limited"];
    let control = || {
        ensure!(found == expected, "the requests came to {found:?}, expected {expected:?}");
        Ok(())
    };
    control().control("the rate is used up")?;
    let outcomes = members(&sender.audit().await?, "outcome");
    ensure!(outcomes == expected, "the audit has {outcomes:?}, expected {expected:?}");
    Ok(())
}

async fn abandoned(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let recipe = outside
        .recipe("sender", &[host.rule()])
        .limit("timeout_ms", 1000)
        .set("/limits/egress", json!({"requests_per_minute": 6, "queue": 2}));
    let sender = outside.install(&recipe).await?;
    let gate = Gate::new();
    host.reply_at("/held", Reply::ok("x").held(&gate));
    // The first is given up while it is answered; the second while it waits for its turn.
    for target in ["/held", "/waits"] {
        let execution = sender.run(&[Request::get(host.url(target))], Then::Answer).await?;
        execution.expect("timeout").control("the execution ends while its request is under way")?;
    }
    gate.open();
    let entries = eventually(&cx, &sender, |entries| entries.len() >= 2).await?;
    let outcomes = members(&entries, "outcome");
    ensure!(outcomes == ["abandoned", "abandoned"], "the audit has {outcomes:?}, expected two times abandoned");
    Ok(())
}

/// The audit as soon as `there` says so, or what it has when that takes too long.
async fn eventually(cx: &Cx, sender: &Sender, there: impl Fn(&[Value]) -> bool) -> Result<Vec<Value>, Stop> {
    let enough = (cx.time_left() / 4).min(Duration::from_secs(5));
    let started = Instant::now();
    loop {
        let entries = sender.audit().await?;
        if there(&entries) || started.elapsed() > enough {
            return Ok(entries);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for the entry of this URL.
///
/// # Errors
/// FAIL if it does not come.
pub(super) async fn recorded(cx: &Cx, sender: &Sender, url: &str) -> Result<(), Stop> {
    let there = |entries: &[Value]| entries.iter().any(|entry| entry["url"] == url);
    let entries = eventually(cx, sender, there).await?;
    ensure!(there(&entries), "the audit has no entry of {url}");
    Ok(())
}

/// The time that the entry of this URL has.
pub(super) fn stamp(entries: &[Value], url: &str) -> Option<jiff::Timestamp> {
    let entry = entries.iter().find(|entry| entry["url"] == url)?;
    entry["at"].as_str()?.parse().ok()
}

async fn before_the_result(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let gate = Gate::new();
    host.reply_at("/second", Reply::json(&json!({ "nonce": host.nonce() })).held(&gate));
    let running = tokio::spawn({
        let (sender, requests) =
            (sender.clone(), [Request::get(host.url("/first")), Request::get(host.url("/second"))]);
        async move { sender.send_all(&requests).await }
    });
    // The second request shows that the handler was handed the first result.
    host.request_number(2).await.control("the second request arrives")?;
    let entries = sender.audit().await;
    gate.open();
    let answers = running.await.map_err(|fault| Stop::Error(fault.to_string()))??;
    for answer in &answers {
        nonce(answer, &host).control("both requests are answered")?;
    }
    let urls = members(&entries?, "url");
    ensure!(urls == [host.url("/first")], "while the second is under way the audit has {urls:?}, expected the first");
    let urls = members(&sender.audit().await?, "url");
    ensure!(
        urls == [host.url("/first"), host.url("/second")],
        "after the execution the audit has {urls:?}, expected both"
    );
    Ok(())
}

/// A handler with three entries, of the version 1.0.0.
async fn with_entries(cx: &Cx) -> Result<(Outside, Host, Sender, assay_fixtures::Package), Stop> {
    let outside = Outside::new(cx).await?;
    let host = outside.host("api")?;
    let package = outside.publisher().publish(&outside.recipe("sender", &[host.rule()])).await?;
    outside.publisher().install_stored(&package).await?;
    let sender = outside.named("sender");
    let sent = sender.send_all(&["/1", "/2", "/3"].map(|target| Request::get(host.url(target)))).await?;
    nonce(&sent[2], &host).control("the requests are answered")?;
    Ok((outside, host, sender, package))
}

async fn upgrade(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender, package) = with_entries(&cx).await?;
    let before = sender.audit().await?;
    let publisher = outside.publisher();
    let next = outside.recipe("sender", &[host.rule()]).version("1.1.0");
    publisher.publish_after(&next, &package).await?;
    let upgraded = async { publisher.control().upgrade(sender.id(), "1.1.0").await?.expect(200) };
    upgraded.await.control("the handler is upgraded")?;
    sender.reaches(&host).await?;
    let after = sender.audit().await?;
    ensure!(
        after.len() == 4 && after[..3] == before[..],
        "{} of 3 entries are as they were before the upgrade",
        same(&before, &after)
    );
    let versions = members(&after, "version");
    ensure!(versions == ["1.0.0", "1.0.0", "1.0.0", "1.1.0"], "the versions are {versions:?}");
    Ok(())
}

fn same(before: &[Value], after: &[Value]) -> usize {
    before.iter().filter(|entry| after.contains(entry)).count()
}

async fn uninstall(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender, package) = with_entries(&cx).await?;
    let before = sender.audit().await?;
    let uninstall = async { outside.publisher().control().uninstall(sender.id()).await?.expect(204) };
    uninstall.await.control("the handler is uninstalled")?;
    let after = sender.audit().await?;
    ensure!(
        after == before && after.len() == 3,
        "{} of 3 entries are as they were before the uninstall",
        same(&before, &after)
    );
    outside.publisher().install_stored(&package).await?;
    sender.reaches(&host).await?;
    let again = sender.audit().await?;
    ensure!(
        again.len() == 4 && again[..3] == before[..],
        "{} of 3 entries are there after another install",
        same(&before, &again)
    );
    let numbers = members(&again, "sequence");
    ensure!(numbers == [1, 2, 3, 4], "the entries are numbered {numbers:?}");
    Ok(())
}

async fn pages(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let requests: Vec<Request> = (0..7).map(|number| Request::get(host.url(&format!("/{number}")))).collect();
    sender.send_all(&requests).await.control("seven requests are sent")?;
    let expected: Vec<String> = requests.into_iter().map(|request| request.url).collect();
    let admin = outside.publisher().admin();
    for limit in [1, 2, 3, 7, 8] {
        let judged = async {
            let (mut urls, mut query) = (Vec::new(), format!("?limit={limit}"));
            for _ in 0..=expected.len() {
                let page = admin.egress(sender.id(), &query).await?.expect(200)?.json()?;
                let entries = page["entries"].as_array().cloned().unwrap_or_default();
                ensure!(entries.len() <= limit, "a page of {limit} has {} entries", entries.len());
                urls.extend(members(&entries, "url"));
                match page["next_cursor"].as_str() {
                    Some(cursor) => query = format!("?limit={limit}&cursor={cursor}"),
                    None => {
                        ensure!(page.get("next_cursor") == Some(&Value::Null), "the last page has no `next_cursor`");
                        break;
                    }
                }
            }
            ensure!(urls == expected, "the pages have {urls:?}, expected {expected:?}");
            Ok(())
        };
        cx.case(format!("limit {limit}"), judged).await;
    }
    for (query, name) in [("?limit=0", "limit"), ("?limit=x", "limit"), ("?cursor=none", "cursor"), ("?page=1", "page")]
    {
        let judged = async { refused("request-malformed").named(name).judge(&admin.egress(sender.id(), query).await?) };
        cx.case(query, judged).await;
    }
    Ok(())
}

async fn admins(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    sender.reaches(&host).await?;
    refused("forbidden").judge(&outside.publisher().user().egress(sender.id(), "").await?)?;
    let entries = audit(&outside.publisher().control(), sender.id()).await.control("an admin reads the audit")?;
    ensure!(entries.len() == 1, "the audit has {} entries, expected one", entries.len());
    Ok(())
}

async fn unknown(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let admin = outside.publisher().admin();
    refused("not-found").judge(&admin.egress(&outside.publisher().id("never"), "").await?)?;
    let stored = outside.publisher().publish(&outside.recipe("stored", &[host.rule()])).await?;
    refused("not-found").judge(&admin.egress(&stored.id(), "").await?)?;
    let page = admin.egress(sender.id(), "").await?.expect(200)?.json()?;
    ensure!(page["entries"] == json!([]), "the audit of a handler that sent nothing is {page}");
    Ok(())
}

async fn numbers(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let mut senders = Vec::new();
    for leaf in ["one", "one.below", "other"] {
        senders.push((leaf, outside.sender(leaf, &[host.rule()]).await?));
    }
    let mut running = tokio::task::JoinSet::new();
    for round in 0..3 {
        for (leaf, sender) in &senders {
            let (sender, url) = (sender.clone(), host.url(&format!("/{leaf}/{round}")));
            running.spawn(async move { sender.send(Request::get(url)).await });
        }
    }
    while let Some(ended) = running.join_next().await {
        nonce(&ended.map_err(|fault| Stop::Error(fault.to_string()))??, &host).control("the requests are answered")?;
    }
    for (leaf, sender) in &senders {
        let judged = async {
            let entries = sender.audit().await?;
            let numbers = members(&entries, "sequence");
            ensure!(numbers == [1, 2, 3], "the entries are numbered {numbers:?}, expected 1, 2, 3");
            let prefix = host.url(&format!("/{leaf}/"));
            let own = entries.iter().all(|entry| entry["url"].as_str().is_some_and(|url| url.starts_with(&prefix)));
            ensure!(own, "the audit has entries of another handler");
            Ok(())
        };
        cx.case(*leaf, judged).await;
    }
    Ok(())
}

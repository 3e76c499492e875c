//! What a rule matches (egress.md 1.3 and 1.4). Every host is registered, so one that is reached by mistake is seen.

use assay_fixtures::exchange::Request;
use assay_harness::{Control as _, Cx, Group, Need, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside, nonce, unnoticed};

/// What a check needs that has hosts serve at port 443.
const DEFAULT_PORT: &[Need] = &[Need::Feature("egress"), Need::Observatory, Need::DefaultPort];

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "wildcards",
    checks: checks![
        each("egress.wildcards.canonical", "the host of a rule is canonicalised", &["EGR-RUL-008"], canonical)
            .needs(NEEDS),
        each("egress.wildcards.exact", "a rule matches its host only", &["EGR-RUL-009"], exact).needs(NEEDS),
        each("egress.wildcards.port", "a rule matches its port only", &["EGR-RUL-009"], port).needs(NEEDS),
        each(
            "egress.wildcards.default-port",
            "the port that is not written is 443",
            &["EGR-RUL-011", "EGR-URL-009"],
            default_port
        )
        .needs(DEFAULT_PORT),
        each("egress.wildcards.depth", "a wildcard matches any depth", &["EGR-RUL-010"], depth).needs(NEEDS),
        each("egress.wildcards.apex", "a wildcard does not match its name", &["EGR-RUL-010"], apex).needs(NEEDS),
        each("egress.wildcards.sibling", "a wildcard does not match what ends alike", &["EGR-RUL-010"], sibling)
            .needs(NEEDS),
        each("egress.wildcards.upgrade", "after an upgrade the new rules hold", &["EGR-URL-007"], upgrade).needs(NEEDS),
    ],
};

async fn canonical(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (upper, idn) = (outside.host("upper")?, outside.host("xn--bcher-kva")?);
    let written = [upper.name().to_uppercase(), idn.name().replacen("xn--bcher-kva", "B\u{dc}cher", 1)];
    let rules = written.map(|name| format!("https://{name}:{}", outside.watch().port()));
    let sender = outside.sender("sender", &rules).await?;
    let answers = sender.send_all(&[Request::get(upper.url("/")), Request::get(idn.url("/"))]).await?;
    cx.case("upper case", async { nonce(&answers[0], &upper) }).await;
    cx.case("labels in Unicode", async { nonce(&answers[1], &idn) }).await;
    Ok(())
}

async fn exact(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    for label in ["below.api", "a.b.api", "other", "evilapi", "ap"] {
        let denied = outside.host(label)?;
        let judged = async {
            sender.refused(Request::get(denied.url("/")), "denied", &host).await?;
            unnoticed(&denied)
        };
        cx.case(label, judged).await;
    }
    Ok(())
}

async fn port(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let other = outside.host("other")?;
    // Rules without a port, and with another one, for hosts that serve on the port of all.
    let name = other.name();
    let elsewhere =
        outside.sender("elsewhere", &[format!("https://{name}"), format!("https://{name}:8443"), host.rule()]).await?;
    for (what, url) in [
        ("another port", format!("https://{}:{}/", host.name(), host.port() ^ 1)),
        ("the default port", format!("https://{}/", host.name())),
    ] {
        cx.case(what, async { sender.refused(Request::get(url), "denied", &host).await }).await;
    }
    let judged = async {
        elsewhere.refused(Request::get(other.url("/")), "denied", &host).await?;
        unnoticed(&other)
    };
    cx.case("a rule for other ports", judged).await;
    Ok(())
}

async fn default_port(cx: Cx) -> Result<(), Stop> {
    let (outside, host, _) = Outside::pair(&cx).await?;
    for (leaf, what, rule, url) in [
        ("neither", "written in neither", "", ""),
        ("rule", "written in the rule", ":443", ""),
        ("url", "written in the URL", "", ":443"),
    ] {
        let other = outside.host(leaf)?;
        let name = other.name();
        let sender = outside.sender(&format!("{leaf}-sender"), &[format!("https://{name}{rule}"), host.rule()]).await?;
        let judged = async {
            sender.reaches(&host).await?;
            // Behind a proxy nobody has to: it leads whoever asks for this port to that of all names.
            other.at_the_default_port()?;
            let answer = sender.send(Request::get(format!("https://{name}{url}/"))).await?;
            nonce(&answer, &other)?;
            let entry = sender.audit().await?.pop().unwrap_or_default();
            ensure!(entry["port"] == 443, "the audit has the port {}, expected 443", entry["port"]);
            ensure!(entry["host"] == name, "the audit has the host {}, expected {name}", entry["host"]);
            let seen = other.requests().pop().ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
            ensure!(seen.header("host") == [name], "`Host` is {:?}, expected {name}", seen.header("host"));
            if let Some(asked) = other.connects().pop() {
                ensure!(asked.authority == format!("{name}:443"), "the proxy was asked for {}", asked.authority);
                return Ok(());
            }
            let (place, found) = (format!("{}:443", other.address()), &entry["address"]);
            ensure!(*found == place.as_str(), "the audit has the address {found}, expected {place}");
            Ok(())
        };
        cx.case(what, judged).await;
        let elsewhere = async {
            let before = other.connections().len();
            sender.refused(Request::get(other.url("/")), "denied", &host).await?;
            let more = other.connections().len() - before;
            ensure!(more == 0, "{name} was reached at another port by {more} connections");
            Ok(())
        };
        cx.case(format!("{what}, and another port"), elsewhere).await;
    }
    Ok(())
}

async fn depth(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let name = outside.watch().name("wild");
    let sender = outside.sender("sender", &[format!("https://*.{name}:{}", outside.watch().port())]).await?;
    for label in ["a.wild", "b.a.wild", "e.d.c.b.a.wild"] {
        let host = outside.host(label)?;
        cx.case(label, async { nonce(&sender.send(Request::get(host.url("/"))).await?, &host) }).await;
    }
    Ok(())
}

/// A handler with a wildcard below `wild`: these labels are denied, while one below is reached.
async fn not_matched(cx: &Cx, labels: &[&str]) -> Result<(), Stop> {
    let outside = Outside::new(cx).await?;
    let host = outside.host("a.wild")?;
    let rule = format!("https://*.{}:{}", outside.watch().name("wild"), outside.watch().port());
    let sender = outside.sender("sender", &[rule]).await?;
    for label in labels {
        let denied = outside.host(label)?;
        let judged = async {
            sender.refused(Request::get(denied.url("/")), "denied", &host).await?;
            unnoticed(&denied)
        };
        cx.case(*label, judged).await;
    }
    Ok(())
}

async fn apex(cx: Cx) -> Result<(), Stop> {
    not_matched(&cx, &["wild"]).await
}

async fn sibling(cx: Cx) -> Result<(), Stop> {
    not_matched(&cx, &["evilwild", "a.evilwild", "a.wild.evil", "wild-a"]).await
}

async fn upgrade(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (before, after) = (outside.host("before")?, outside.host("after")?);
    let publisher = outside.publisher();
    let first = publisher.publish(&outside.recipe("sender", &[before.rule()])).await?;
    publisher.install_stored(&first).await?;
    let recipe = outside.recipe("sender", &[after.rule()]).version("1.1.0");
    let sender = outside.named("sender");
    sender.reaches(&before).await?;
    publisher.publish_after(&recipe, &first).await?;
    let upgraded = async { publisher.control().upgrade(sender.id(), "1.1.0").await?.expect(200) };
    upgraded.await.control("the handler is upgraded")?;
    nonce(&sender.send(Request::get(after.url("/"))).await?, &after)?;
    sender.refused(Request::get(before.url("/withdrawn")), "denied", &after).await?;
    let seen = before.requests().iter().any(|seen| seen.target == "/withdrawn");
    ensure!(!seen, "{} was reached after its rule was withdrawn", before.name());
    Ok(())
}

//! What an entry of the audit says, and what neither it nor an error says (egress.md 8.2 and 8.4).

use assay_fixtures::exchange::{Answer, Request};
use assay_harness::observatory::{DnsAnswer, Host, Reply, Tls};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::outside::{ANSWERED, NEEDS, Outside, Sender, case, expect, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "records",
    checks: checks![
        each("egress.records.members", "an entry agrees with what the host saw", &["EGR-AUD-005"], members)
            .needs(NEEDS),
        each("egress.records.refusals", "and says why, for what was refused", &["EGR-AUD-005"], refusals).needs(NEEDS),
        each("egress.records.cut", "method and URL are cut", &["EGR-AUD-007"], cut).needs(NEEDS),
        each("egress.records.query", "query, fragment and user information are left out", &["EGR-AUD-007"], query)
            .needs(NEEDS),
        each("egress.records.addresses", "reasons and messages name no address", &["EGR-AUD-008"], addresses)
            .needs(NEEDS),
        each("egress.records.remote-text", "nor a text of the remote host", &["EGR-AUD-008"], remote_text).needs(NEEDS),
        each("egress.records.denials", "`denied` does not tell whether a name resolves", &["EGR-AUD-008"], denials)
            .needs(NEEDS),
    ],
};

/// The last entry of the handler's audit.
async fn last(sender: &Sender) -> Result<Value, Stop> {
    sender.audit().await?.pop().ok_or_else(|| Stop::Fail("the audit has no entry".to_owned()))
}

/// Judges members of an entry.
fn has(entry: &Value, expected: &[(&str, Value)]) -> Result<(), Stop> {
    for (member, expected) in expected {
        ensure!(entry[*member] == *expected, "`{member}` is {}, expected {expected}", entry[*member]);
    }
    Ok(())
}

async fn members(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    host.reply_with(Reply::status(404).body("12345"));
    let before = jiff::Timestamp::now();
    let url = host.url("/path").replacen("api", "API", 1);
    let execution = sender.run(&[Request::post(url.clone(), "123")], assay_fixtures::exchange::Then::Answer).await?;
    crate::outside::response(&crate::outside::answers(&execution, 1)?[0]).control("the request is answered")?;
    let entry = last(&sender).await?;
    has(
        &entry,
        &[
            ("sequence", json!(1)),
            ("execution", execution.body["execution"].clone()),
            ("version", json!("1.0.0")),
            ("method", json!("POST")),
            ("url", json!(url)),
            ("host", json!(host.name())),
            ("port", json!(host.port())),
            ("outcome", json!(ANSWERED)),
            ("status", json!(404)),
            ("request_bytes", json!(3)),
            ("response_bytes", json!(5)),
            ("address", json!(host.addr().to_string())),
        ],
    )?;
    ensure!(entry["reason"].is_null(), "an answered request has the reason {}", entry["reason"]);
    let at: Option<jiff::Timestamp> = entry["at"].as_str().and_then(|at| at.parse().ok());
    // The clocks of suite and runtime may be those of two machines.
    let off = at.map(|at| at.duration_since(before).abs());
    ensure!(
        off.is_some_and(|off| off < jiff::SignedDuration::from_mins(5)),
        "`at` is {}, asked was at {before}",
        entry["at"]
    );
    let seen = host.requests().pop().ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
    ensure!(
        entry["request_bytes"] == seen.body.len(),
        "the host saw {} bytes, the entry says {}",
        seen.body.len(),
        entry["request_bytes"]
    );
    Ok(())
}

async fn refusals(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, absent, bad) = (outside.host("api")?, outside.host("absent")?, outside.host("bad")?);
    let (denied, special) = (outside.host("denied")?, outside.watch().decoy("special")?);
    absent.resolves_to(vec![DnsAnswer::NxDomain]);
    bad.certificate(Tls::SelfSigned);
    let rules = [&host, &absent, &bad, &special].map(Host::rule);
    let sender = outside.sender("sender", &rules).await?;
    sender.reaches(&host).await?;
    let address = json!(bad.addr().to_string());
    for (what, request, outcome, connected) in [
        ("denied", Request::get(denied.url("/")), "denied", json!(null)),
        ("a special address", Request::get(special.url("/")), "denied", json!(null)),
        ("no method", Request::new("TRACE", host.url("/")), "invalid-request", json!(null)),
        ("no address", Request::get(absent.url("/")), "failed", json!(null)),
        ("a bad certificate", Request::get(bad.url("/")), "failed", address),
    ] {
        let judged = async {
            let url = request.url.clone();
            expect(&sender.send(request).await?, outcome).control("the request is refused")?;
            let entry = last(&sender).await?;
            has(
                &entry,
                &[("outcome", json!(outcome)), ("url", json!(url)), ("status", json!(null)), ("address", connected)],
            )?;
            has(&entry, &[("request_bytes", json!(0)), ("response_bytes", json!(0))])?;
            let reason = entry["reason"].as_str().unwrap_or_default();
            let right = !reason.is_empty() && reason.len() <= 200 && !reason.contains(['\n', '\r']);
            ensure!(right, "the reason is {}, expected one line of at most 200 bytes", entry["reason"]);
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

async fn cut(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let long = host.url(&format!("/{}", "x".repeat(1000)));
    nonce(&sender.send(Request::get(long.clone())).await?, &host).control("a long URL is sent")?;
    has(&last(&sender).await?, &[("url", json!(long[..200]))])?;
    let method = "M".repeat(1000);
    let answer = sender.send(Request::new(method.clone(), host.url("/"))).await?;
    expect(&answer, "invalid-request").control("a long method is refused")?;
    has(&last(&sender).await?, &[("method", json!(method[..200]))])?;
    // At a byte in the middle of a letter there is less.
    let letters = host.url(&format!("/{}", "\u{20ac}".repeat(300)));
    nonce(&sender.send(Request::get(letters.clone())).await?, &host).control("a URL of other letters is sent")?;
    let entry = last(&sender).await?;
    let url = entry["url"].as_str().unwrap_or_default();
    ensure!((198..=200).contains(&url.len()) && letters.starts_with(url), "`url` has {} bytes: {url:?}", url.len());
    Ok(())
}

async fn query(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    for (what, url, expected) in [
        ("query", host.url("/a?token=planted"), host.url("/a")),
        ("fragment", host.url("/a#planted"), host.url("/a")),
        ("both", host.url("/a?planted#planted?planted"), host.url("/a")),
        ("fragment with a query", host.url("/a#planted?planted"), host.url("/a")),
        ("user information", host.url("/a").replacen("//", "//planted:planted@", 1), host.url("/a")),
        ("no path", host.url("?planted"), host.rule()),
    ] {
        let judged = async {
            let answer = sender.send(Request::get(url)).await?;
            ensure!(matches!(case(&answer), ANSWERED | "denied"), "came to `{}`", case(&answer));
            let entry = last(&sender).await?;
            ensure!(!entry.to_string().contains("planted"), "the entry tells what was left to be left out: {entry}");
            has(&entry, &[("url", json!(expected))])
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

/// What the handler and the audit were told about a request.
async fn told(sender: &Sender, request: Request, outcome: &str) -> Result<Vec<String>, Stop> {
    let answer: Answer = sender.send(request).await?;
    expect(&answer, outcome).control("the request is refused")?;
    let message = answer.err().map(|error| error.message().to_owned()).unwrap_or_default();
    let entry = last(sender).await?;
    Ok(vec![message, entry["reason"].as_str().unwrap_or_default().to_owned()])
}

async fn addresses(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, other) = (outside.host("api")?, outside.host("other")?);
    let sender = outside.limited("sender", &[host.rule(), other.rule()], json!({"timeout_ms": 2000})).await?;
    sender.reaches(&host).await?;
    let refusing = outside.watch().refusing_address();
    for (what, address, outcome) in [
        ("private", "10.11.12.13", "denied"),
        ("loopback", "127.0.0.1", "denied"),
        ("of IPv6", "fd12:3456::789", "denied"),
    ] {
        let judged = async {
            let address: std::net::IpAddr =
                address.parse().map_err(|_| Stop::Error(format!("{address} is no address")))?;
            other.resolves_to(vec![DnsAnswer::one(address)]);
            hides(&told(&sender, Request::get(other.url("/")), outcome).await?, &address.to_string())
        };
        cx.case(what, judged).await;
    }
    let judged = async {
        other.resolves_to(vec![DnsAnswer::one(refusing)]);
        hides(&told(&sender, Request::get(other.url("/")), "failed").await?, &refusing.to_string())
    };
    cx.case("one that refuses", judged).await;
    Ok(())
}

fn hides(texts: &[String], what: &str) -> Result<(), Stop> {
    for (text, place) in texts.iter().zip(["the message", "the reason"]) {
        ensure!(!text.contains(what), "{place} tells {what}: {text:?}");
    }
    Ok(())
}

async fn remote_text(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    for (what, reply) in [
        ("garbage", Reply::raw(b"planted by the host\r\n\r\n".to_vec())),
        ("a header", Reply::raw(b"HTTP/1.1 200 OK\r\nplanted by the host\r\n\r\n".to_vec())),
        ("a length", Reply::content_length("planted", "12345")),
        ("the body", Reply::ok("planted by the host").cut_short(3)),
    ] {
        let judged = async {
            host.replies(vec![reply]);
            hides(&told(&sender, Request::get(host.url("/")), "failed").await?, "planted")
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

async fn denials(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, denied, special) = (outside.host("api")?, outside.host("denied")?, outside.watch().decoy("special")?);
    let sender = outside.sender("sender", &[host.rule(), special.rule()]).await?;
    sender.reaches(&host).await?;
    let stray = format!("https://{}:{}/", outside.watch().name("nobody"), host.port());
    let mut messages = Vec::new();
    for url in [denied.url("/"), stray, special.url("/")] {
        let told = told(&sender, Request::get(url), "denied").await?;
        messages.push(told.into_iter().next().unwrap_or_default());
    }
    let same = messages.iter().all(|message| *message == messages[0]);
    ensure!(same, "`denied` tells apart what a name leads to: {messages:?}");
    Ok(())
}

//! What an entry of the audit says, and what neither it nor an error says (egress.md 8.2 and 8.4).

mod told;

use std::time::Duration;

use assay_fixtures::exchange::{Request, Then};
use assay_harness::observatory::{DnsAnswer, Gate, Host, Reply, Tls};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::{Value, json};

use super::audit::{recorded, stamp};
use crate::outside::{ANSWERED, DIRECT, NEEDS, Outside, Sender, case, expect, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "records",
    checks: checks![
        each("egress.records.members", "an entry agrees with what the host saw", &["EGR-AUD-005"], members)
            .needs(DIRECT),
        each("egress.records.refusals", "and says why, for what was refused", &["EGR-AUD-005"], refusals).needs(DIRECT),
        each("egress.records.time", "and when `send` was called", &["EGR-AUD-005"], time).needs(NEEDS),
        each("egress.records.cut", "method and URL are cut", &["EGR-AUD-007"], cut).needs(NEEDS),
        each("egress.records.query", "query, fragment and user information are left out", &["EGR-AUD-007"], query)
            .needs(NEEDS),
        each("egress.records.addresses", "reasons and messages name no address", &["EGR-AUD-008"], told::addresses)
            .needs(DIRECT),
        each("egress.records.remote-text", "nor a text of the remote host", &["EGR-AUD-008"], told::remote_text)
            .needs(NEEDS),
        each("egress.records.credentials", "nor a credential", &["EGR-AUD-008"], told::credentials).needs(NEEDS),
        each("egress.records.redacted", "which no other member tells either", &["EGR-AUD-010"], told::redacted)
            .needs(NEEDS),
        each("egress.records.timed-out", "nor when an exchange is not over in time", &["EGR-AUD-008"], told::timed_out)
            .needs(DIRECT)
            .waits(),
        each(
            "egress.records.denials",
            "`denied` does not tell whether a name resolves",
            &["EGR-AUD-008"],
            told::denials
        )
        .needs(DIRECT),
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
    let execution = sender.run(&[Request::post(url.clone(), "123")], Then::Answer).await?;
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
    let without_port = format!("https://{}/", denied.name());
    for (what, request, outcome, connected, place) in [
        ("denied", Request::get(denied.url("/")), "denied", json!(null), Some((&denied, host.port()))),
        ("another port", Request::get(without_port), "denied", json!(null), Some((&denied, 443))),
        ("a special address", Request::get(special.url("/")), "denied", json!(null), Some((&special, host.port()))),
        ("no method", Request::new("TRACE", host.url("/")), "invalid-request", json!(null), Some((&host, host.port()))),
        ("no URL", Request::get("no url"), "invalid-request", json!(null), None),
        ("no address", Request::get(absent.url("/")), "failed", json!(null), Some((&absent, host.port()))),
        ("a bad certificate", Request::get(bad.url("/")), "failed", address, Some((&bad, host.port()))),
    ] {
        let judged = async {
            let url = request.url.clone();
            let (name, port) = place.map(|(host, port)| (host.name(), port)).unzip();
            expect(&sender.send(request).await?, outcome).control("the request is refused")?;
            let entry = last(&sender).await?;
            has(
                &entry,
                &[("outcome", json!(outcome)), ("url", json!(url)), ("status", json!(null)), ("address", connected)],
            )?;
            has(
                &entry,
                &[
                    ("request_bytes", json!(0)),
                    ("response_bytes", json!(0)),
                    ("host", json!(name)),
                    ("port", json!(port)),
                ],
            )?;
            let reason = entry["reason"].as_str().unwrap_or_default();
            let right = !reason.is_empty() && reason.len() <= 200 && !reason.contains(['\n', '\r']);
            ensure!(right, "the reason is {}, expected one line of at most 200 bytes", entry["reason"]);
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

/// How long a request has waited for its turn, and is far from it, when another one is asked for.
const WAITED: Duration = Duration::from_millis(200);

/// Only the order of times is judged: the runtime's clock need not be that of the suite.
async fn time(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, denied) = (outside.host("api")?, outside.host("denied")?);
    let sender = outside.limited("sender", &[host.rule()], json!({"requests_per_minute": 40})).await?;
    let gate = Gate::new();
    host.reply_at("/answered", Reply::json(&json!({ "nonce": host.nonce() })).held(&gate));
    // What is denied waits for nobody, so its time is that at which the check asks for it.
    let now = async |path: &str| expect(&sender.send(Request::get(denied.url(path))).await?, "denied");
    let requests =
        [Request::get(host.url("/answered")), Request::get(denied.url("/after-it")), Request::get(host.url("/waits"))];
    let meanwhile = async {
        host.request_number(1).await?;
        now("/while-it-is-answered").await.control("a request is denied")?;
        gate.open();
        recorded(&cx, &sender, &denied.url("/after-it")).await?;
        tokio::time::sleep(WAITED).await;
        now("/while-it-waits").await.control("a request is denied")
    };
    let (answers, ()) = tokio::try_join!(sender.send_all(&requests), meanwhile)?;
    nonce(&answers[0], &host)?;
    nonce(&answers[2], &host)?;
    let entries = sender.audit().await?;
    let before = |one: String, other: String| {
        let (earlier, later) = (stamp(&entries, &one), stamp(&entries, &other));
        ensure!(
            earlier.is_some() && earlier <= later,
            "`at` of {one} is {earlier:?}, and that of {other}, which was sent later, is {later:?}"
        );
        Ok(())
    };
    let judged = async { before(host.url("/answered"), denied.url("/while-it-is-answered")) };
    cx.case("while it is answered", judged).await;
    let judged = async { before(denied.url("/while-it-is-answered"), denied.url("/after-it")) };
    cx.case("a second one of the execution", judged).await;
    let judged = async { before(host.url("/waits"), denied.url("/while-it-waits")) };
    cx.case("while it waits for its turn", judged).await;
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

//! Credentials: kept by an admin, sent by the runtime, never within a handler's reach (egress.md, section 4).

use assay_fixtures::exchange::Request;
use assay_fixtures::{Behaviour, exchange};
use assay_harness::observatory::{Host, Reply};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rand::Rng as _;
use serde_json::{Value, json};

use crate::outside::{NEEDS, Outside, Sender, nonce, response};
use crate::refusal::refused;
use crate::traces::traces;

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "credentials",
    checks: checks![
        once("egress.credentials.roles", "only an admin keeps credentials", &["EGR-CRD-001"], roles).needs(NEEDS),
        once("egress.credentials.form", "a credential that is not of its form is refused", &["EGR-CRD-002"], form)
            .needs(NEEDS),
        once("egress.credentials.listed", "credentials are listed without their values", &["EGR-CRD-003"], listed)
            .needs(NEEDS),
        each(
            "egress.credentials.injected",
            "a credential is sent in place of what the handler wrote",
            &["EGR-CRD-004"],
            injected
        )
        .needs(NEEDS),
        each(
            "egress.credentials.handlers",
            "it is sent for the handlers in its scope only",
            &["EGR-CRD-005"],
            handlers
        )
        .needs(NEEDS),
        each("egress.credentials.hosts", "it is sent to its hosts only", &["EGR-CRD-005"], hosts).needs(NEEDS),
        each("egress.credentials.ports", "and to their ports only", &["EGR-CRD-005"], ports).needs(NEEDS),
        each(
            "egress.credentials.several",
            "of several for one header the first name counts",
            &["EGR-CRD-006"],
            several
        )
        .needs(NEEDS),
        each("egress.credentials.echoed-header", "a handler finds it in no header", &["EGR-CRD-007"], echoed_header)
            .needs(NEEDS),
        each("egress.credentials.echoed-body", "nor in a body", &["EGR-CRD-007"], echoed_body).needs(NEEDS),
        each("egress.credentials.logged", "nor does it come into a log, however encoded", &["EGR-CRD-008"], logged)
            .needs(NEEDS),
        each("egress.credentials.removed", "one that was removed is not sent any more", &["EGR-CRD-009"], removed)
            .needs(NEEDS),
        each("egress.credentials.replaced", "nor is one that was replaced", &["EGR-CRD-009"], replaced).needs(NEEDS),
    ],
};

/// The header of a credential here; handlers may write it, too.
const HEADER: &str = "x-api-key";

/// A value that nothing else has.
fn secret(cx: &Cx, word: &str) -> String {
    format!("cred-{word}-{:016x}", cx.rng().random::<u64>())
}

/// The name of a credential of the check.
fn name(cx: &Cx, leaf: &str) -> String {
    format!("{}-{leaf}", cx.namespace())
}

/// A credential for all handlers of the check.
fn body(outside: &Outside, rules: &[String], header: &str, value: &str) -> Value {
    json!({"handlers": [outside.publisher().scope()], "hosts": rules, "header": header, "value": value})
}

async fn keep(outside: &Outside, leaf: &str, body: &Value) -> Result<(), Stop> {
    let put =
        async { outside.publisher().control().put_credential(&name(outside.cx(), leaf), body).await?.expect(201) };
    put.await.control("a credential is kept").map(drop)
}

/// The values of a header in the last request that the host saw.
fn last(host: &Host, header: &str) -> Vec<String> {
    let seen = host.requests().pop();
    seen.map(|seen| seen.header(header).into_iter().map(str::to_owned).collect()).unwrap_or_default()
}

/// Sends a `GET` and judges with which values of [`HEADER`] it arrived.
async fn arrives_with(sender: &Sender, host: &Host, expected: &[&str]) -> Result<(), Stop> {
    nonce(&sender.send(Request::get(host.url("/"))).await?, host)?;
    let found = last(host, HEADER);
    ensure!(found == expected, "the request to {} arrived with {found:?}, expected {expected:?}", host.name());
    Ok(())
}

async fn roles(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let name = name(&cx, "roles");
    let body = body(&outside, &[host.rule()], HEADER, &secret(&cx, "roles"));
    let (user, admin) = (outside.publisher().user(), outside.publisher().control());
    let forbidden = refused("forbidden");
    cx.case("put", async { forbidden.judge(&user.put_credential(&name, &body).await?) }).await;
    cx.case("list", async { forbidden.judge(&user.credentials().await?) }).await;
    let kept = async { admin.put_credential(&name, &body).await?.expect(201) };
    kept.await.control("an admin keeps a credential")?;
    cx.case("delete", async { forbidden.judge(&user.delete_credential(&name).await?) }).await;
    let stranger = crate::operations::Operations::of(cx.anonymous());
    cx.case("without a token", async { refused("unauthenticated").judge(&stranger.credentials().await?) }).await;
    let removed = async { admin.delete_credential(&name).await?.expect(204) };
    removed.await.control("an admin removes it").map(drop)
}

async fn form(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let right = body(&outside, &[host.rule()], HEADER, &secret(&cx, "form"));
    let long = "v".repeat(4097);
    let too_many: Vec<String> = (0..33).map(|n| format!("https://h{n}.example.com")).collect();
    let space = cx.namespace();
    let mut flaws: Vec<(String, Value)> = Vec::new();
    let headers =
        ["host", "Content-Length", "connection", "TE", "transfer-encoding", "expect", "", "a b", "a:", "\u{e4}"];
    flaws.extend(headers.map(|header| ("/header".to_owned(), json!(header))));
    let values = ["", "1234567", &long, "with\r\nbreak", "with\0nul", " in front", "behind ", "\u{e4}12345678"];
    flaws.extend(values.map(|value| ("/value".to_owned(), json!(value))));
    let hosts = [
        "api.example.com",
        "https://*.com",
        "https://127.0.0.1",
        "https://a.example.com/",
        "http://a.example.com",
        "*",
    ];
    flaws.extend(hosts.map(|rule| ("/hosts/0".to_owned(), json!(rule))));
    let handlers =
        ["*".to_owned(), format!("{space}*"), format!("{space}.*.x"), format!("{space}.Upper"), String::new()];
    flaws.extend(handlers.map(|handler| ("/handlers/0".to_owned(), json!(handler))));
    flaws.push(("/hosts".to_owned(), json!([])));
    flaws.push(("/hosts".to_owned(), json!(too_many)));
    flaws.push(("/handlers".to_owned(), json!([])));
    let admin = outside.publisher().admin();
    for (number, (pointer, flaw)) in flaws.into_iter().enumerate() {
        let shown: String = flaw.to_string().chars().take(40).collect();
        let judged = async {
            let name = name(&cx, &format!("f{number}"));
            let mut wrong = right.clone();
            if let Some(place) = wrong.pointer_mut(&pointer) {
                *place = flaw;
            }
            refused("credential-invalid").at(&pointer).judge(&admin.put_credential(&name, &wrong).await?)?;
            refused("not-found").judge(&admin.delete_credential(&name).await?)?;
            let twin = async { outside.publisher().control().put_credential(&name, &right).await?.expect(201) };
            twin.await.control("the credential without the flaw is kept").map(drop)
        };
        cx.case(format!("{pointer} {shown}"), judged).await;
    }
    for header in ["authorization", "Cookie", "x"] {
        let mut credential = right.clone();
        credential["header"] = json!(header);
        let judged = async {
            admin.put_credential(&name(&cx, &header.to_lowercase()), &credential).await?.expect(201).map(drop)
        };
        cx.case(format!("{header} is allowed"), judged).await;
    }
    Ok(())
}

async fn listed(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let (name, secret) = (name(&cx, "listed"), secret(&cx, "listed"));
    let admin = outside.publisher().admin();
    let body = body(&outside, &[host.rule()], HEADER, &secret);
    refused("not-found").judge(&admin.delete_credential(&name).await?)?;
    let hidden = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        let found = traces(&secret).into_iter().find(|(_, trace)| text.contains(trace));
        ensure!(found.is_none(), "the answer shows the value {}", found.unwrap_or_default().0);
        Ok(())
    };
    for status in [201, 200] {
        let reply = admin.put_credential(&name, &body).await?.expect(status)?;
        hidden(reply.body())?;
        let expected = json!({"name": name, "handlers": body["handlers"], "hosts": body["hosts"], "header": HEADER});
        let shown = reply.json()?;
        let same = expected.as_object().is_some_and(|members| members.iter().all(|(key, value)| shown[key] == *value));
        ensure!(same, "the credential is shown as {shown}, expected {expected}");
        let reply = admin.credentials().await?.expect(200)?;
        hidden(reply.body())?;
        let list = reply.json()?["credentials"].as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = list.iter().filter_map(|item| item["name"].as_str()).collect();
        ensure!(names.is_sorted(), "the credentials are not in ascending order of their names");
        let own: Vec<&Value> = list.iter().filter(|item| item["name"] == name).collect();
        ensure!(own == [&shown], "the credential is listed as {own:?}, expected {shown}");
    }
    admin.delete_credential(&name).await?.expect(204)?;
    let list = admin.credentials().await?.expect(200)?.json()?;
    ensure!(!list.to_string().contains(&name), "a credential that was removed is listed");
    refused("not-found").judge(&admin.delete_credential(&name).await?)
}

async fn injected(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let (key, token) = (secret(&cx, "key"), format!("Bearer {}", secret(&cx, "token")));
    keep(&outside, "key", &body(&outside, &[host.rule()], HEADER, &key)).await?;
    keep(&outside, "token", &body(&outside, &[host.rule()], "Authorization", &token)).await?;
    let written = Request::get(host.url("/"))
        .header("X-Api-Key", "own")
        .header("x-kept", "kept")
        .header(HEADER, "again")
        .header("authorization", "own");
    for (what, request) in [("alone", Request::get(host.url("/"))), ("over the handler's", written)] {
        let judged = async {
            nonce(&sender.send(request).await?, &host)?;
            for (header, expected) in [(HEADER, &key), ("authorization", &token)] {
                let found = last(&host, header);
                ensure!(found == [expected.as_str()], "`{header}` arrived as {found:?}, expected the credential only");
            }
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

async fn handlers(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let rules = [host.rule()];
    let senders = [
        ("one", outside.sender("one", &rules).await?, true),
        ("family.below", outside.sender("family.below", &rules).await?, true),
        ("family.a.b", outside.sender("family.a.b", &rules).await?, true),
        ("family", outside.sender("family", &rules).await?, false),
        ("familys.below", outside.sender("familys.below", &rules).await?, false),
        ("one.below", outside.sender("one.below", &rules).await?, false),
        ("other", outside.sender("other", &rules).await?, false),
    ];
    let secret = secret(&cx, "scope");
    let publisher = outside.publisher();
    let scope = [publisher.id("one"), format!("{}.*", publisher.id("family"))];
    let credential = json!({"handlers": scope, "hosts": rules, "header": HEADER, "value": secret});
    keep(&outside, "scope", &credential).await?;
    for (leaf, sender, fits) in &senders {
        let expected: &[&str] = if *fits { &[&secret] } else { &[] };
        cx.case(*leaf, arrives_with(sender, &host, expected)).await;
    }
    Ok(())
}

async fn hosts(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (exact, below, apex, other) =
        (outside.host("exact")?, outside.host("a.wild")?, outside.host("wild")?, outside.host("other")?);
    let rules = [&exact, &below, &apex, &other].map(Host::rule);
    let sender = outside.sender("sender", &rules).await?;
    let secret = secret(&cx, "hosts");
    let wild = format!("https://*.{}:{}", apex.name(), apex.port());
    keep(&outside, "hosts", &body(&outside, &[exact.rule(), wild], HEADER, &secret)).await?;
    for (host, fits) in [(&exact, true), (&below, true), (&apex, false), (&other, false)] {
        let expected: &[&str] = if fits { &[&secret] } else { &[] };
        cx.case(host.name(), arrives_with(&sender, host, expected)).await;
    }
    Ok(())
}

async fn ports(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let other = outside.host("other")?;
    let both = outside.sender("both", &[host.rule(), other.rule()]).await?;
    let secret = secret(&cx, "ports");
    let rules = [format!("https://{}", other.name()), format!("https://{}:8443", other.name()), host.rule()];
    keep(&outside, "ports", &body(&outside, &rules, HEADER, &secret)).await?;
    arrives_with(&sender, &host, &[&secret]).await.control("the credential is sent to its port")?;
    arrives_with(&both, &other, &[]).await
}

async fn several(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let [first, second, third] = ["first", "second", "third"].map(|word| secret(&cx, word));
    // Kept in another order than that of the names.
    keep(&outside, "b", &body(&outside, &[host.rule()], HEADER, &second)).await?;
    keep(&outside, "c", &body(&outside, &[host.rule()], "x-other-key", &third)).await?;
    keep(&outside, "a", &body(&outside, &[host.rule()], "X-API-Key", &first)).await?;
    arrives_with(&sender, &host, &[&first]).await?;
    let other = last(&host, "x-other-key");
    ensure!(other == [third.as_str()], "the other header arrived as {other:?}, expected its own credential");
    Ok(())
}

/// A host that knows the credential of whoever asks.
async fn knowing(cx: &Cx) -> Result<(Host, Sender, String), Stop> {
    let (outside, host, sender) = Outside::pair(cx).await?;
    let secret = secret(cx, "echoed");
    keep(&outside, "echoed", &body(&outside, &[host.rule()], HEADER, &secret)).await?;
    arrives_with(&sender, &host, &[&secret]).await.control("the credential is sent")?;
    Ok((host, sender, secret))
}

async fn echoed_header(cx: Cx) -> Result<(), Stop> {
    let (host, sender, secret) = knowing(&cx).await?;
    host.reply_with(Reply::ok("x").header("x-echo", &format!("<{secret}> and {secret}")).header("x-plain", "as it is"));
    let answer = sender.send(Request::get(host.url("/echo"))).await?;
    let response = response(&answer)?;
    let found = response.header("x-echo");
    ensure!(found == ["<[redacted]> and [redacted]"], "the header came as {found:?}, expected `[redacted]`");
    ensure!(response.header("x-plain") == ["as it is"], "another header came as {:?}", response.header("x-plain"));
    Ok(())
}

async fn echoed_body(cx: Cx) -> Result<(), Stop> {
    let (host, sender, secret) = knowing(&cx).await?;
    let frame = |front: usize, word: &str| {
        let front = vec![b'.'; front];
        [front.as_slice(), b"\xff\0before ", word.as_bytes(), b"|", word.as_bytes(), b" after\xfe"].concat()
    };
    // Chunks have 1000 bytes: the value is split between two of them.
    for (what, front, chunked) in [("with a length", 0, false), ("in chunks", 985, true)] {
        let judged = async {
            let reply = Reply::ok(frame(front, &secret));
            host.reply_with(if chunked { reply.chunked() } else { reply });
            let answer = sender.send(Request::get(host.url("/echo"))).await?;
            let response = response(&answer)?;
            let right = response.carries(&frame(front, "[redacted]"));
            ensure!(right, "the body came as {:?}, expected `[redacted]`", response.text());
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

async fn logged(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let secret = secret(&cx, "logged");
    let writer =
        async |leaf: &str| outside.install(&outside.recipe_of(leaf, Behaviour::FetchLog, &[host.rule()])).await;
    let (sender, twin) = (writer("inside.writer").await?, writer("outside.writer").await?);
    let scope = format!("{}.*", outside.publisher().id("inside"));
    keep(&outside, "logged", &json!({"handlers": [scope], "hosts": [host.rule()], "header": HEADER, "value": secret}))
        .await?;
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for (what, encoded) in [
        ("as it is", secret.clone()),
        ("in base64", BASE64_STANDARD.encode(&secret)),
        ("in digits", hex::encode(&secret)),
        ("percent-encoded", percent),
    ] {
        let judged = async {
            host.reply_with(Reply::ok(format!("in front of it {encoded} and behind")));
            let input = || exchange::input(&[Request::get(host.url("/"))]);
            let log = async |sender: &Sender| {
                let execution = sender.handler().execute(input()).await?;
                execution.expect("success")?;
                Ok::<String, Stop>(execution.logs().into_iter().map(|(_, message)| message).collect())
            };
            let shown = log(&twin).await?;
            let control = || {
                ensure!(shown.contains(&encoded), "the log of a handler outside of the scope is {shown:?}");
                Ok(())
            };
            control().control("without the credential the text is there")?;
            let log = log(&sender).await?;
            ensure!(log.contains("in front of it"), "the log lacks what stands before the value");
            let found = traces(&secret).into_iter().find(|(_, trace)| log.contains(trace));
            ensure!(found.is_none(), "the log shows the credential {}", found.unwrap_or_default().0);
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

async fn removed(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let secret = secret(&cx, "removed");
    keep(&outside, "removed", &body(&outside, &[host.rule()], HEADER, &secret)).await?;
    arrives_with(&sender, &host, &[&secret]).await.control("the credential is sent")?;
    let removed = async { outside.publisher().control().delete_credential(&name(&cx, "removed")).await?.expect(204) };
    removed.await.control("it is removed")?;
    arrives_with(&sender, &host, &[]).await
}

async fn replaced(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let (old, new) = (secret(&cx, "old"), secret(&cx, "new"));
    keep(&outside, "replaced", &body(&outside, &[host.rule()], HEADER, &old)).await?;
    arrives_with(&sender, &host, &[&old]).await.control("the credential is sent")?;
    let put = async {
        let body = body(&outside, &[host.rule()], HEADER, &new);
        outside.publisher().control().put_credential(&name(&cx, "replaced"), &body).await?.expect(200)
    };
    put.await.control("it is replaced")?;
    arrives_with(&sender, &host, &[&new]).await
}

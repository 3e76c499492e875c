//! Hiding credentials: a handler finds them in nothing that comes back, and nobody in its log (egress.md 4.3).

use assay_fixtures::exchange::Request;
use assay_fixtures::{Behaviour, exchange};
use assay_harness::observatory::{Host, Reply};
use assay_harness::{Control as _, Cx, Stop, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::{HEADER, arrives_with, keep, last, secret};
use crate::outside::{Outside, Sender, response};
use crate::traces::traces;

/// A host that knows the credential of whoever asks.
async fn knowing(cx: &Cx) -> Result<(Host, Sender, String), Stop> {
    let (outside, host, sender) = Outside::pair(cx).await?;
    let secret = secret(cx, "echoed");
    keep(&outside, "echoed", &super::body(&outside, &[host.rule()], HEADER, &secret)).await?;
    arrives_with(&sender, &host, &[&secret]).await.control("the credential is sent")?;
    Ok((host, sender, secret))
}

pub(super) async fn header(cx: Cx) -> Result<(), Stop> {
    let (host, sender, secret) = knowing(&cx).await?;
    host.reply_with(Reply::ok("x").header("x-echo", &format!("<{secret}> and {secret}")).header("x-plain", "as it is"));
    let answer = sender.send(Request::get(host.url("/echo"))).await?;
    let response = response(&answer)?;
    let found = response.header("x-echo");
    ensure!(found == ["<[redacted]> and [redacted]"], "the header came as {found:?}, expected `[redacted]`");
    ensure!(response.header("x-plain") == ["as it is"], "another header came as {:?}", response.header("x-plain"));
    Ok(())
}

pub(super) async fn body(cx: Cx) -> Result<(), Stop> {
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

pub(super) async fn trailer(cx: Cx) -> Result<(), Stop> {
    let (host, sender, secret) = knowing(&cx).await?;
    let echo = format!("<{secret}>");
    let trailers = [("x-echo", echo.as_str()), (HEADER, secret.as_str()), ("x-plain", "as it is")];
    for (what, reply) in [
        ("beside a header", Reply::ok("the body").header("x-echo", &secret).trailers(&trailers)),
        ("alone", Reply::ok("the body").trailers(&trailers)),
    ] {
        let judged = async {
            host.reply_with(reply);
            let answer = sender.send(Request::get(host.url("/echo"))).await?;
            let response = response(&answer)?;
            ensure!(response.carries(b"the body"), "the body came as {:?}", response.text());
            let shown: Vec<String> = response.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let shows = shown.iter().any(|header| traces(&secret).iter().any(|(_, trace)| header.contains(trace)));
            ensure!(!shows, "the handler finds the credential of a trailer among its headers");
            for (name, _) in trailers {
                let found = response.header(name);
                let expected: &[&str] = if what != "alone" && name == "x-echo" { &["[redacted]"] } else { &[] };
                ensure!(
                    found == expected,
                    "`{name}` came as {found:?}, expected {expected:?}: a trailer is not handed on"
                );
            }
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

pub(super) async fn elsewhere(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, other) = (outside.host("api")?, outside.host("other")?);
    let rules = [host.rule()];
    let (sender, twin) =
        (outside.sender("inside.sender", &rules).await?, outside.sender("outside.sender", &rules).await?);
    let scope = format!("{}.*", outside.publisher().id("inside"));
    let port = format!("https://{}:8443", host.name());
    for (what, leaf, hosts) in [
        ("for another host", "host", [other.rule(), other.rule()]),
        ("for another port", "port", [port, other.rule()]),
        (
            "for a host that no rule allows",
            "nobody",
            ["https://nobody.example.com", "https://*.nobody.example.com"].map(str::to_owned),
        ),
    ] {
        let judged = async {
            let secret = secret(&cx, leaf);
            let credential = json!({"handlers": [scope], "hosts": hosts, "header": HEADER, "value": secret});
            keep(&outside, leaf, &credential).await?;
            let echo = |word: &str| format!("before {word}|{word} after");
            host.reply_with(Reply::ok(echo(&secret)).header("x-echo", &echo(&secret)));
            // To whom it is no secret, a text is a text: one that were replaced would be told that somebody has it.
            for (who, sender, word) in
                [("a handler outside of the scope", &twin, secret.as_str()), ("the handler", &sender, "[redacted]")]
            {
                let answer = sender.send(Request::get(host.url("/echo"))).await?;
                let sent = last(&host, HEADER);
                ensure!(sent.is_empty(), "the credential was sent to a host that it is not for");
                let (response, expected) = (response(&answer)?, echo(word));
                let found = response.header("x-echo");
                ensure!(found == [expected.as_str()], "{who} finds the header {found:?}, expected {expected:?}");
                ensure!(
                    response.carries(expected.as_bytes()),
                    "{who} finds {:?}, expected {expected:?}",
                    response.text()
                );
            }
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

pub(super) async fn logged(cx: Cx) -> Result<(), Stop> {
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

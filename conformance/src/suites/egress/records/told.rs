//! What the handler and the audit are told of a request that came to nothing, and what neither is told (egress.md 8.2 and 8.4).

use assay_fixtures::exchange::{Answer, Request};
use assay_harness::observatory::{DnsAnswer, Host, Reply, Tls};
use assay_harness::{Control as _, Cx, Stop, ensure};
use futures_util::future::join_all;
use serde_json::json;

use super::super::credentials::{HEADER, body, keep, last as arrived, secret};
use super::last;
use crate::outside::{ANSWERED, Outside, Sender, case, expect};
use crate::traces::traces;

/// What the handler and the audit were told about a request.
async fn told(sender: &Sender, request: Request, outcome: &str) -> Result<Vec<String>, Stop> {
    let answer: Answer = sender.send(request).await?;
    expect(&answer, outcome).control("the request is refused")?;
    let message = answer.err().map(|error| error.message().to_owned()).unwrap_or_default();
    let entry = last(sender).await?;
    Ok(vec![message, entry["reason"].as_str().unwrap_or_default().to_owned()])
}

/// Judges that neither the message nor the reason has one of these texts.
fn hides<'a>(texts: &[String], secrets: impl IntoIterator<Item = &'a str>) -> Result<(), Stop> {
    for secret in secrets {
        for (text, place) in texts.iter().zip(["the message", "the reason"]) {
            ensure!(!text.contains(secret), "{place} tells {secret}: {text:?}");
        }
    }
    Ok(())
}

/// Judges that neither has a credential, in whatever encoding.
fn hides_credential(texts: &[String], secret: &str) -> Result<(), Stop> {
    for (text, place) in texts.iter().zip(["the message", "the reason"]) {
        let found = traces(secret).into_iter().find(|(_, trace)| text.contains(trace));
        ensure!(found.is_none(), "{place} tells the credential {}", found.unwrap_or_default().0);
    }
    Ok(())
}

pub(super) async fn addresses(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, other) = (outside.host("api")?, outside.host("other")?);
    let sender = outside.limited("sender", &[host.rule(), other.rule()], json!({"timeout_ms": 2000})).await?;
    sender.reaches(&host).await?;
    let (refusing, resolver) = (outside.watch().refusing_address(), outside.watch().resolver());
    // That of the resolver with its port: without it, it is that of any program of the machine.
    let (asked, port) = (resolver.to_string(), resolver.port().to_string());
    for (what, answer, outcome) in [
        ("private", DnsAnswer::one([10, 11, 12, 13]), "denied"),
        ("loopback", DnsAnswer::one([127, 0, 0, 1]), "denied"),
        ("of IPv6", DnsAnswer::one([0xfd12, 0x3456, 0, 0, 0, 0, 0, 0x789]), "denied"),
        ("one that refuses", DnsAnswer::one(refusing), "failed"),
        ("none", DnsAnswer::Empty, "failed"),
        ("of a name that does not exist", DnsAnswer::NxDomain, "failed"),
        ("of a name that nobody can resolve", DnsAnswer::ServFail, "failed"),
    ] {
        let judged = async {
            let own = match &answer {
                DnsAnswer::Addresses(own) => own.iter().map(ToString::to_string).collect(),
                _ => Vec::new(),
            };
            other.resolves_to(vec![answer]);
            let told = told(&sender, Request::get(other.url("/")), outcome).await?;
            hides(&told, own.iter().map(String::as_str).chain([asked.as_str(), &port]))
        };
        cx.case(what, judged).await;
    }
    for (what, tls) in [("of a bad certificate", Tls::SelfSigned), ("of no TLS", Tls::Plain)] {
        let judged = async {
            other.resolves_to(vec![DnsAnswer::one(other.address())]);
            other.certificate(tls);
            let told = told(&sender, Request::get(other.url("/")), "failed").await?;
            hides(&told, [other.address().to_string().as_str(), &asked, &port])
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

pub(super) async fn timed_out(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let hosts = ["resolver", "connection", "handshake", "head", "body"].map(|label| outside.host(label));
    let [resolver, connection, handshake, head, body_of] = hosts;
    let hosts = [resolver?, connection?, handshake?, head?, body_of?];
    let silent = outside.watch().silent_address().await?;
    hosts[0].resolves_to(vec![DnsAnswer::Silence]);
    hosts[1].resolves_to(vec![DnsAnswer::one(silent)]);
    hosts[2].certificate(Tls::Silent);
    hosts[3].reply_with(Reply::silence());
    hosts[4].reply_with(Reply::endless_trickle(std::time::Duration::from_millis(50)).header("x-text", "planted"));
    let rules: Vec<String> = hosts.iter().map(Host::rule).collect();
    let secret = secret(&cx, "late");
    keep(&outside, "late", &body(&outside, &rules, HEADER, &secret)).await?;
    let (silent, asked) = (silent.to_string(), outside.watch().resolver());
    let (asked, port) = (asked.to_string(), asked.port().to_string());
    // Side by side, each with a handler and so with an audit of its own: each waits until its time is over.
    let cases = hosts.iter().zip(["resolving", "connecting", "the handshake", "the head", "the body"]);
    join_all(cases.enumerate().map(async |(number, (host, what))| {
        let judged = async {
            let leaf = format!("sender-{number}");
            let sender = outside.limited(&leaf, &rules, json!({"timeout_ms": 700})).await?;
            let told = told(&sender, Request::get(host.url("/")), "timed-out").await?;
            ensure!(!told[1].is_empty(), "the audit gives no reason");
            hides_credential(&told, &secret)?;
            hides(&told, [host.address().to_string().as_str(), &silent, &asked, &port, "planted"])
        };
        cx.case(what, judged).await;
    }))
    .await;
    ensure!(arrived(&hosts[4], HEADER) == [secret.as_str()], "the host was not sent the credential");
    Ok(())
}

pub(super) async fn remote_text(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    for (what, reply) in tempting("planted") {
        let judged = async {
            host.replies(vec![reply]);
            hides(&told(&sender, Request::get(host.url("/")), "failed").await?, ["planted"])
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

/// Replies that fail, each with this text where a client might quote it.
fn tempting(text: &str) -> Vec<(&'static str, Reply)> {
    let raw = |rest: String| Reply::raw(format!("HTTP/1.1 200 OK\r\n{rest}"));
    vec![
        ("garbage", Reply::raw(format!("{text} by the host\r\n\r\n"))),
        ("a status", Reply::raw(format!("HTTP/1.1 {text} OK\r\ncontent-length: 0\r\n\r\n"))),
        ("a header", raw(format!("{text} by the host\r\n\r\n"))),
        ("the name of a header", raw(format!("{text} x: 1\r\ncontent-length: 0\r\n\r\n"))),
        ("the value of a header", raw(format!("x-value: {text}\0\r\ncontent-length: 0\r\n\r\n"))),
        ("a length", Reply::content_length(text, "12345")),
        ("two lengths", raw(format!("content-length: 5\r\ncontent-length: {text}\r\n\r\n12345"))),
        ("a coding", raw(format!("transfer-encoding: {text}\r\n\r\n0\r\n\r\n"))),
        ("a chunk", raw(format!("transfer-encoding: chunked\r\n\r\n{text}\r\n12345\r\n0\r\n\r\n"))),
        ("another protocol", Reply::raw(format!("HTTP/1.1 101 {text}\r\nupgrade: {text}\r\n\r\n{text}"))),
        ("the body", Reply::ok(format!("{text} by the host")).cut_short(3)),
    ]
}

pub(super) async fn credentials(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, bad) = (outside.host("api")?, outside.host("bad")?);
    let rules = [host.rule(), bad.rule()];
    let sender = outside.sender("sender", &rules).await?;
    let secret = secret(&cx, "told");
    keep(&outside, "told", &body(&outside, &rules, HEADER, &secret)).await?;
    for (what, reply) in tempting(&secret).into_iter().chain([("nothing", Reply::nothing())]) {
        let judged = async {
            host.replies(vec![reply]);
            let told = told(&sender, Request::post(host.url("/"), "body").header("x-own", "1"), "failed").await?;
            let sent = arrived(&host, HEADER) == [secret.as_str()];
            ensure!(sent, "the request that fails was not sent with the credential");
            hides_credential(&told, &secret)
        };
        cx.case(what, judged).await;
    }
    bad.certificate(Tls::SelfSigned);
    for (what, request, outcome) in [
        ("a certificate", Request::get(bad.url("/")), "failed"),
        ("a method", Request::new(&secret, host.url("/")), "invalid-request"),
        ("the name of a header", Request::get(host.url("/")).header(format!("{secret} x"), "1"), "invalid-request"),
        ("the value of a header", Request::get(host.url("/")).header("x", format!("{secret}\n")), "invalid-request"),
        ("no URL", Request::get(&secret), "invalid-request"),
        ("a scheme", Request::get(format!("{secret}://{}/", host.name())), "denied"),
        ("a host", Request::get(format!("https://{secret}.example.com/")), "denied"),
        ("user information", Request::get(host.url("/").replacen("//", &format!("//{secret}@"), 1)), "denied"),
    ] {
        let judged = async { hides_credential(&told(&sender, request, outcome).await?, &secret) };
        cx.case(what, judged).await;
    }
    Ok(())
}

/// Only as it is: how a handler may write a text otherwise is without end.
pub(super) async fn redacted(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let (sender, twin) = (
        outside.sender("inside.sender", &[host.rule()]).await?,
        outside.sender("outside.sender", &[host.rule()]).await?,
    );
    let secret = secret(&cx, "recorded");
    let scope = format!("{}.*", outside.publisher().id("inside"));
    let credential = json!({"handlers": [scope], "hosts": [host.rule()], "header": HEADER, "value": secret});
    keep(&outside, "recorded", &credential).await?;
    // In a host this one loses the case of its letters.
    let loud = self::secret(&cx, "loud").to_uppercase();
    keep(&outside, "loud", &json!({"handlers": [scope], "hosts": [host.rule()], "header": "x-loud", "value": loud}))
        .await?;
    let hidden = |text: &str| text.replace(&secret, "[redacted]").replace(&loud, "[redacted]");
    let tells = |text: &str| {
        let text = text.to_lowercase();
        [&secret, &loud].iter().any(|known| text.contains(&known[..8].to_lowercase()))
    };
    for (what, request) in [
        ("in the path", Request::get(host.url(&format!("/a/{secret}/{secret}?{secret}")))),
        ("in the host", Request::get(format!("https://{secret}.example.com/"))),
        ("in capitals in the host", Request::get(format!("https://{loud}.example.com/"))),
        ("in the method", Request::new(format!("X-{secret}"), host.url("/"))),
        // What is cut first has a part of it.
        ("where it is cut", Request::get(format!("{:x<190}{secret}", host.url("/")))),
    ] {
        let judged = async {
            let answer = twin.send(request.clone()).await?;
            let shown = last(&twin).await?.to_string();
            let control = || {
                ensure!(
                    matches!(case(&answer), ANSWERED | "denied" | "invalid-request"),
                    "came to `{}`",
                    case(&answer)
                );
                ensure!(tells(&shown), "the audit of a handler outside of the scope has {shown}");
                Ok(())
            };
            control().control("without the credential the text is there")?;
            sender.send(request.clone()).await.map(drop)?;
            let entry = last(&sender).await?;
            if what.ends_with("in the host") {
                ensure!(entry["host"] == "[redacted].example.com", "`host` is {}", entry["host"]);
            }
            ensure!(!tells(&entry.to_string()), "the entry tells the credential: {entry}");
            for (member, written) in [("method", &request.method), ("url", &request.url)] {
                let bare = written.split('?').next().unwrap_or_default();
                let expected: String = hidden(bare).chars().take(200).collect();
                ensure!(entry[member] == expected, "`{member}` is {}, expected {expected:?}", entry[member]);
            }
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

pub(super) async fn denials(cx: Cx) -> Result<(), Stop> {
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

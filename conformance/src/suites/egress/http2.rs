//! HTTP/2: who speaks it, and that the rest of the page holds over it (egress.md 7.9 and 7.10).

mod connections;
mod failing;

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{Host, Protocols, Reply, Seen};
use assay_harness::{Control as _, Cx, Group, Need, Stop, checks, ensure};
use rand::Rng as _;
use serde_json::json;

use crate::outside::{NEEDS, Outside, Sender, expect, nonce, response};

/// The feature of a runtime that speaks it.
const FEATURE: &str = "egress-http2";
/// What every check needs but the one that looks at the feature itself.
const SPOKEN: &[Need] = &[Need::Feature("egress"), Need::Feature(FEATURE), Need::Observatory];

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "http2",
    checks: checks![
        each(
            "egress.http2.spoken",
            "HTTP/2 is spoken if the feature is declared and the host agrees",
            &["EGR-HTT-011"],
            spoken
        )
        .needs(NEEDS),
        each("egress.http2.request", "a request arrives whole, `:authority` for `Host`", &["EGR-HTT-012"], request)
            .needs(SPOKEN),
        each("egress.http2.stripped", "and without headers of a connection", &["EGR-HTT-012"], stripped).needs(SPOKEN),
        each("egress.http2.credentials", "credentials are sent and redacted", &["EGR-HTT-012"], credentials)
            .needs(SPOKEN),
        each("egress.http2.response", "a response is handed on as over HTTP/1.1", &["EGR-HTT-013"], handed_on)
            .needs(SPOKEN),
        each("egress.http2.interim", "1xx responses and trailers are not", &["EGR-HTT-013"], interim).needs(SPOKEN),
        each("egress.http2.audit", "an exchange over HTTP/2 is on record", &["EGR-HTT-013"], audit).needs(&[
            Need::Feature("egress"),
            Need::Feature(FEATURE),
            Need::Observatory,
            Need::Addresses,
        ]),
        each("egress.http2.bounds", "the bounds of responses hold", &["EGR-HTT-014"], bounds).needs(SPOKEN),
        each("egress.http2.malformed", "a malformed response is failed", &["EGR-HTT-015"], failing::malformed)
            .needs(SPOKEN),
        each(
            "egress.http2.broken",
            "so is one that breaks off, and it is sent once",
            &["EGR-HTT-015"],
            failing::broken
        )
        .needs(SPOKEN),
        each("egress.http2.floods", "frames without end hold nobody", &["EGR-HTT-014"], failing::floods)
            .needs(SPOKEN)
            .costly(),
        each("egress.http2.time", "the time of an exchange holds", &["EGR-HTT-014"], failing::time)
            .needs(SPOKEN)
            .waits(),
        each(
            "egress.http2.connections",
            "two handlers never share a connection",
            &["EGR-HTT-016"],
            connections::two_handlers
        )
        .needs(SPOKEN),
        each("egress.http2.go-away", "after a GOAWAY there is a new one", &["EGR-HTT-016"], connections::go_away)
            .needs(SPOKEN),
    ],
};

/// A host that speaks HTTP/2 with whoever offers it, and a handler that may reach it.
async fn pair(cx: &Cx) -> Result<(Outside, Host, Sender), Stop> {
    let (outside, host, sender) = Outside::pair(cx).await?;
    host.speaks(Protocols::Both);
    Ok((outside, host, sender))
}

/// The last request that a host saw, which came over HTTP/2.
fn last(host: &Host) -> Result<Seen, Stop> {
    over_http2(host.requests().pop())
}

/// A request that a host saw, which came over HTTP/2.
fn over_http2(seen: Option<Seen>) -> Result<Seen, Stop> {
    let seen = seen.ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
    ensure!(
        seen.version == "HTTP/2.0",
        "the request came over {}, though the host agrees to HTTP/2 and the feature is declared",
        seen.version
    );
    Ok(seen)
}

/// The reply of a host that was not told otherwise.
fn right(host: &Host) -> Reply {
    Reply::json(&json!({ "nonce": host.nonce() }))
}

async fn spoken(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let hosts = [("old", Protocols::Http1), ("both", Protocols::Both), ("new", Protocols::Http2)];
    let hosts = hosts.map(|(label, protocols)| {
        let host = outside.host(label)?;
        host.speaks(protocols);
        Ok::<_, Stop>(host)
    });
    let [old, both, new] = hosts;
    let (old, both, new) = (old?, both?, new?);
    let sender = outside.sender("sender", &[old.rule(), both.rule(), new.rule()]).await?;
    let requests = [&old, &both, &new].map(|host| Request::get(host.url("/")));
    let answers = sender.send_all(&requests).await?;
    nonce(&answers[0], &old).control("a host that speaks HTTP/1.1 is reached")?;
    let declared = cx.discovery().has_feature(FEATURE);
    let expected = if declared { "HTTP/2.0" } else { "HTTP/1.1" };
    let agreed = async {
        nonce(&answers[1], &both)?;
        let versions: Vec<String> = both.requests().into_iter().map(|seen| seen.version).collect();
        ensure!(
            versions == [expected],
            "a host that agrees to both was spoken to in {versions:?}, expected {expected}, since `{FEATURE}` is {}",
            if declared { "declared" } else { "not declared" }
        );
        Ok(())
    };
    cx.case("a host that agrees to both", agreed).await;
    let offered = async {
        let handshakes = [&old, &both, &new].into_iter().flat_map(Host::handshakes);
        let offered = handshakes.filter(|handshake| handshake.alpn.iter().any(|protocol| protocol == "h2")).count();
        ensure!(declared || offered == 0, "`h2` was offered {offered} times, though `{FEATURE}` is not declared");
        Ok(())
    };
    cx.case("what is offered", offered).await;
    let alone = async {
        if declared {
            return nonce(&answers[2], &new);
        }
        expect(&answers[2], "failed")?;
        ensure!(new.requests().is_empty(), "a host without HTTP/1.1 saw a request");
        Ok(())
    };
    cx.case("a host that agrees to HTTP/2 alone", alone).await;
    Ok(())
}

async fn request(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = pair(&cx).await?;
    let headers = [("X-One", "1"), ("x-two", "a"), ("x-one", "2"), ("X-Two", "b, c"), ("X-ONE", "3")];
    for (method, body) in
        [("GET", ""), ("HEAD", ""), ("OPTIONS", ""), ("DELETE", ""), ("POST", "over two"), ("PUT", "x"), ("PATCH", "")]
    {
        let judged = async {
            let request = Request::new(method, host.url("/a%20b/c?q=1&q=%7C")).body(body);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            response(&sender.send(request).await?)?;
            let seen = last(&host)?;
            let authority = format!("{}:{}", host.name(), host.port());
            let found = (seen.method.as_str(), seen.target.as_str());
            ensure!(found == (method, "/a%20b/c?q=1&q=%7C"), "the request arrived as {found:?}");
            ensure!(
                seen.authority.as_ref() == Some(&authority) && seen.header("host") == [authority.as_str()],
                "`:authority` is {:?} and the hosts are {:?}, expected {authority} once",
                seen.authority,
                seen.header("host")
            );
            for (name, expected) in [("x-one", &["1", "2", "3"][..]), ("x-two", &["a", "b, c"])] {
                let found = seen.header(name);
                ensure!(found == expected, "`{name}` arrived as {found:?}, expected {expected:?}");
            }
            let length = body.len().to_string();
            let found = seen.header("content-length");
            let is_right = if body.is_empty() { found.iter().all(|found| *found == "0") } else { found == [&length] };
            ensure!(is_right, "the lengths of a body of {length} bytes are {found:?}");
            ensure!(
                seen.complete && seen.body == body.as_bytes(),
                "the body arrived as {} bytes, expected {length}",
                seen.body.len()
            );
            Ok(())
        };
        cx.case(method, judged).await;
    }
    Ok(())
}

async fn stripped(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = pair(&cx).await?;
    for (name, value) in [
        ("connection", "x-named"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("trailer", "x-named"),
        ("Host", "elsewhere.assay.test"),
    ] {
        let judged = async {
            let request = Request::post(host.url("/"), "body").header("x-before", "kept");
            let request = request.header(name, value).header("x-named", "1").header("x-after", "kept");
            nonce(&sender.send(request).await?, &host)?;
            let seen = last(&host)?;
            ensure!(seen.trailers.is_empty(), "behind the body came the trailers {:?}, expected none", seen.trailers);
            let planted = seen.header(name).contains(&value);
            ensure!(!planted, "`{name}` was forwarded");
            let named = seen.header("x-named");
            if name == "connection" {
                ensure!(named.is_empty(), "`x-named`, which `connection` names, was forwarded");
            } else {
                ensure!(named == ["1"], "`x-named` beside `{name}` arrived as {named:?}");
            }
            let kept = [seen.header("x-before"), seen.header("x-after")];
            ensure!(kept == [["kept"], ["kept"]], "what nobody removes arrived as {kept:?}");
            Ok(())
        };
        cx.case(name, judged).await;
    }
    Ok(())
}

async fn credentials(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = pair(&cx).await?;
    let secret = format!("cred-http2-{:016x}", cx.rng().random::<u64>());
    let (name, handlers) = (format!("{}-http2", cx.namespace()), [outside.publisher().scope()]);
    let body = json!({"handlers": handlers, "hosts": [host.rule()], "header": "x-api-key", "value": secret});
    let kept = async { outside.publisher().control().put_credential(&name, &body).await?.expect(201) };
    kept.await.control("a credential is kept")?;
    host.reply_with(Reply::ok(format!("<{secret}> <{secret}>")).header("x-echo", &secret));
    let answer = sender.send(Request::get(host.url("/")).header("X-Api-Key", "mine")).await?;
    let found = response(&answer)?;
    let seen = last(&host)?;
    ensure!(
        seen.header("x-api-key") == [secret.as_str()],
        "the credential arrived as {} values, expected itself alone",
        seen.header("x-api-key").len()
    );
    let (header, text) = (found.header("x-echo"), found.text());
    ensure!(header == ["[redacted]"], "the handler finds a credential in a header, expected `[redacted]`");
    ensure!(text == "<[redacted]> <[redacted]>", "the handler finds a credential in the body, expected `[redacted]`");
    Ok(())
}

async fn handed_on(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = pair(&cx).await?;
    let elsewhere = outside.host("elsewhere")?;
    elsewhere.speaks(Protocols::Both);
    for (status, method) in [(200, "GET"), (404, "POST"), (599, "DELETE"), (302, "GET"), (204, "GET"), (200, "HEAD")] {
        let judged = async {
            let body = if status == 204 { "" } else { "\u{0}body" };
            let reply = Reply::status(status).header("location", &elsewhere.url("/"));
            let reply =
                reply.header("x-a", "1").header_bytes("x-latin", b"caf\xe9").header("x-a", "2").header("x-b", "");
            host.reply_with(reply.body(body));
            let answer = sender.send(Request::new(method, host.url("/"))).await?;
            let found = response(&answer)?;
            last(&host)?;
            ensure!(found.status == status, "the status came as {}, expected {status}", found.status);
            let latin = found.header("x-latin");
            let own = (found.header("x-a"), latin, found.header("x-b"));
            ensure!(own == (vec!["1", "2"], vec!["caf\u{e9}"], vec![""]), "the headers came as {own:?}");
            let other = found.headers.iter().find(|(name, _)| name == "content-length" || name.starts_with(':'));
            ensure!(other.is_none(), "{other:?} was handed on");
            let body = if method == "HEAD" { "" } else { body };
            ensure!(found.carries(body.as_bytes()), "the body came as {:?}, expected {body:?}", found.text());
            Ok(())
        };
        cx.case(format!("{status} to {method}"), judged).await;
    }
    ensure!(!elsewhere.was_noticed(), "the redirect was followed");
    Ok(())
}

async fn interim(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = pair(&cx).await?;
    let skipped = async {
        let reply = right(&host).informed(100, &[]).informed(103, &[("link", "early")]).informed(103, &[]);
        host.reply_with(reply);
        let answer = sender.send(Request::get(host.url("/"))).await?;
        nonce(&answer, &host)?;
        last(&host)?;
        ensure!(response(&answer)?.header("link").is_empty(), "a header of a 1xx response was handed on");
        Ok(())
    };
    cx.case("1xx", skipped).await;
    let refused = async {
        host.replies(vec![right(&host).informed(101, &[]), right(&host)]);
        let answers = sender.send_all(&[Request::get(host.url("/101")), Request::get(host.url("/next"))]).await?;
        expect(&answers[0], "failed")?;
        nonce(&answers[1], &host)
    };
    cx.case("101", refused).await;
    let trailers = async {
        host.reply_with(right(&host).trailers(&[("x-trailer", "late")]));
        let answer = sender.send(Request::get(host.url("/"))).await?;
        nonce(&answer, &host)?;
        ensure!(response(&answer)?.header("x-trailer").is_empty(), "a trailer was handed on");
        Ok(())
    };
    cx.case("trailers", trailers).await;
    Ok(())
}

async fn audit(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = pair(&cx).await?;
    host.replies(vec![Reply::status(418).body("1234567"), Reply::ok("12345").framed_as_written().then_reset(2)]);
    let requests = [Request::post(host.url("/whole"), "123"), Request::post(host.url("/broken"), "12345")];
    sender.send_all(&requests).await?;
    last(&host)?;
    let entries = sender.audit().await?;
    let bytes = |entry: &serde_json::Value| (entry["request_bytes"].as_u64(), entry["response_bytes"].as_u64());
    ensure!(entries.len() == 2, "two exchanges left {} entries", entries.len());
    let (whole, broken) = (&entries[0], &entries[1]);
    let is_right = whole["outcome"] == "answered" && whole["status"] == 418;
    ensure!(is_right, "the first exchange is on record as {whole}");
    ensure!(bytes(whole) == (Some(3), Some(7)), "`request_bytes` or `response_bytes` is not 3 or 7: {whole}");
    let is_right = broken["outcome"] == "failed" && broken["status"].is_null();
    ensure!(is_right, "the second exchange is on record as {broken}");
    let (sent, received) = bytes(broken);
    ensure!(
        sent == Some(5) && received.is_some_and(|bytes| bytes <= 5),
        "`request_bytes` or `response_bytes` is not 5: {broken}"
    );
    for entry in &entries {
        ensure!(
            entry["address"] == host.addr().to_string(),
            "`address` is {}, expected {}",
            entry["address"],
            host.addr()
        );
    }
    Ok(())
}

async fn bounds(cx: Cx) -> Result<(), Stop> {
    let (outside, host, _) = pair(&cx).await?;
    let bound = |name: &str| cx.discovery().bound_as_size(name);
    let (headers, bytes) = (bound("egress_headers")?, bound("egress_header_bytes")?);
    let (body, memory) = (bound("egress_body_bytes")?, cx.discovery().bound("memory_bytes")?);
    let sender = outside.install(&outside.recipe("receiver", &[host.rule()]).limit("memory_bytes", memory)).await?;
    for (what, more, within) in [
        ("headers", Reply::many_headers(headers + 1), Reply::many_headers(headers.saturating_sub(4))),
        ("many more headers", Reply::many_headers(headers * 20), Reply::many_headers(1)),
        ("a header", Reply::huge_header(bytes + 1), Reply::huge_header(bytes.saturating_sub(200))),
        ("a far larger header", Reply::huge_header(bytes * 3), Reply::huge_header(1)),
        (
            "trailers",
            Reply::ok("ok").trailers(&[("x-t", &"t".repeat(bytes + 1))]),
            Reply::ok("ok").trailers(&[("x-t", "t")]),
        ),
        ("a body", Reply::sized(body + 1), Reply::sized(body)),
        ("a body without a length", Reply::sized(body + 1).chunked(), Reply::ok("ok").chunked()),
        ("a body without end", Reply::endless_body(), Reply::ok("")),
    ] {
        let judged = async {
            host.replies(vec![within, more, right(&host)]);
            let targets = ["/within", "/more", "/again"];
            for target in targets {
                let answer = sender.send(Request::get(host.url(target))).await?;
                last(&host)?;
                let expected = if target == "/more" { "failed" } else { "answered" };
                expect(&answer, expected).map_err(|stop| crate::outside::told(stop, target))?;
            }
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

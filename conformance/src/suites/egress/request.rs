//! What a request may be, and that it arrives as it was written (egress.md 3.1 to 3.3 and 3.5).

use assay_fixtures::exchange::{self, Request};
use assay_harness::observatory::{Host, Seen};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::{Value, json};

use super::audit::recorded;
use crate::installed::Execution;
use crate::outside::{NEEDS, Outside, Sender, answers, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "request",
    checks: checks![
        each("egress.request.methods", "seven methods are sent and no other", &["EGR-REQ-001"], methods).needs(NEEDS),
        each("egress.request.body-of-get", "a GET or HEAD with a body is refused", &["EGR-REQ-002"], body_of_get)
            .needs(NEEDS),
        each("egress.request.names", "a header whose name is no token is refused", &["EGR-REQ-003"], names)
            .needs(NEEDS),
        each(
            "egress.request.controls",
            "a value with a line break or another control is refused",
            &["EGR-REQ-003"],
            controls
        )
        .needs(NEEDS),
        each("egress.request.blanks", "a value with white space around it is refused", &["EGR-REQ-003"], blanks)
            .needs(NEEDS),
        each("egress.request.ascii", "a value outside of ASCII is refused", &["EGR-REQ-003"], ascii).needs(NEEDS),
        each("egress.request.order", "headers arrive in order, repeated ones included", &["EGR-REQ-008"], order)
            .needs(NEEDS),
        each("egress.request.length", "there is one host and one content-length", &["EGR-REQ-009"], length)
            .needs(NEEDS),
        each(
            "egress.request.nothing-added",
            "requests that are written alike arrive alike",
            &["EGR-REQ-010"],
            nothing_added
        )
        .needs(NEEDS),
        each("egress.request.cookies", "no cookie comes back", &["EGR-REQ-010"], cookies).needs(NEEDS),
        each("egress.request.bytes", "a body arrives byte for byte", &["EGR-ABI-001"], bytes).needs(NEEDS),
        each(
            "egress.request.utf-8",
            "a text that is not UTF-8 is a trap, and no call that is on record",
            &["EGR-ABI-002", "EGR-AUD-011"],
            utf_8
        )
        .needs(NEEDS),
    ],
};

/// Sends a request and answers what the host saw of it.
async fn seen(sender: &Sender, host: &Host, request: Request) -> Result<Seen, Stop> {
    let before = host.requests().len();
    nonce(&sender.send(request).await?, host)?;
    let mut seen = host.requests().split_off(before);
    ensure!(seen.len() == 1, "one request was sent and {} arrived", seen.len());
    Ok(seen.remove(0))
}

async fn methods(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let judged = async {
            let before = host.requests().len();
            let answer = sender.send(Request::new(method, host.url("/"))).await?;
            let response = crate::outside::response(&answer)?;
            ensure!(response.status == 200, "{method} was answered {}", response.status);
            let seen: Vec<String> = host.requests().split_off(before).into_iter().map(|seen| seen.method).collect();
            ensure!(seen == [method], "{method} arrived as {seen:?}");
            Ok(())
        };
        cx.case(method, judged).await;
    }
    for method in
        ["CONNECT", "TRACE", "get", "Post", "QUERY", "PRI", "", " ", "GET ", "G\rT", "GET / HTTP/1.1\r\n\r\nGET"]
    {
        let request = Request::new(method, host.url("/refused"));
        let judged = async { sender.refused(request, "invalid-request", &host).await };
        cx.case(format!("{method:?}"), judged).await;
    }
    Ok(())
}

async fn body_of_get(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    for method in ["GET", "HEAD"] {
        let request = Request::new(method, host.url("/refused")).body("x");
        cx.case(method, async { sender.refused(request, "invalid-request", &host).await }).await;
    }
    seen(&sender, &host, Request::post(host.url("/"), "x")).await.map(drop).control("a POST may have a body")
}

/// Each header is refused, and nothing of the request is sent.
async fn refused_headers(cx: &Cx, headers: &[(&str, &str)]) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(cx).await?;
    for (name, value) in headers {
        let request = Request::get(host.url("/refused")).header("x-first", "1").header(*name, *value);
        let judged = async { sender.refused(request, "invalid-request", &host).await };
        cx.case(format!("{name:?}: {value:?}"), judged).await;
    }
    let twin = seen(&sender, &host, Request::get(host.url("/")).header("x-A_1!", "a\tb ~")).await?;
    ensure!(twin.header("x-a_1!") == ["a\tb ~"], "a valid header arrived as {:?}", twin.header("x-a_1!"));
    Ok(())
}

async fn names(cx: Cx) -> Result<(), Stop> {
    let names = ["", " ", "x y", "x:", "x\r\ny", "x\0", "x\ty", "(x)", "x,y", "x/y", "x@y", "\"x\"", "\u{e4}", ":path"];
    refused_headers(&cx, &names.map(|name| (name, "1"))).await
}

async fn controls(cx: Cx) -> Result<(), Stop> {
    let values = [
        "1\r\nx-smuggled: 1",
        "1\nx-smuggled: 1",
        "1\rx",
        "1\r\n\r\nGET /smuggled HTTP/1.1",
        "1\0",
        "1\0x",
        "\u{1}",
        "a\u{1f}b",
        "a\u{7f}",
    ];
    refused_headers(&cx, &values.map(|value| ("x-value", value))).await
}

async fn blanks(cx: Cx) -> Result<(), Stop> {
    refused_headers(&cx, &[" 1", "1 ", "\t1", "1\t", " "].map(|value| ("x-value", value))).await
}

async fn ascii(cx: Cx) -> Result<(), Stop> {
    refused_headers(&cx, &["\u{e4}", "a\u{80}b", "\u{20ac}", "\u{10a}"].map(|value| ("x-value", value))).await
}

async fn order(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let headers = [
        ("x-b", "1"),
        ("accept", "text/plain"),
        ("x-a", "first, second"),
        ("x-B", "2"),
        ("x-c", ""),
        ("accept", "*/*;q=0.1"),
        ("x-b", "1"),
        ("a", "~!@#$%^&*()"),
    ];
    let mut request = Request::get(host.url("/"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let seen = seen(&sender, &host, request).await?;
    let own = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let found: Vec<(String, &str)> = seen
        .headers
        .iter()
        .filter(|(name, _)| own(name))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
        .collect();
    let expected: Vec<(String, &str)> =
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), *value)).collect();
    ensure!(found == expected, "the headers arrived as {found:?}, expected {expected:?}");
    Ok(())
}

async fn length(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let authority = format!("{}:{}", host.name(), host.port());
    for (what, request, length) in [
        ("own length", Request::post(host.url("/"), "12345"), Some("5")),
        ("a shorter length", Request::post(host.url("/"), "12345").header("Content-Length", "2"), Some("5")),
        ("a longer length", Request::post(host.url("/"), "12345").header("content-length", "9"), Some("5")),
        (
            "two lengths",
            Request::post(host.url("/"), "12345").header("content-length", "5").header("content-length", "3"),
            Some("5"),
        ),
        ("a length without a body", Request::get(host.url("/")).header("content-length", "7"), None),
        (
            "a length and chunks",
            Request::post(host.url("/"), "12345").header("transfer-encoding", "chunked"),
            Some("5"),
        ),
        ("another host", Request::get(host.url("/")).header("Host", "other.example.com"), None),
        ("two hosts", Request::get(host.url("/")).header("host", host.name()).header("HOST", "x"), None),
    ] {
        let judged = async {
            let body = request.body.clone();
            let seen = seen(&sender, &host, request).await?;
            ensure!(
                seen.header("host") == [authority.as_str()],
                "`host` is {:?}, expected {authority}",
                seen.header("host")
            );
            let lengths = seen.header("content-length");
            let right = length.map_or(lengths.is_empty() || lengths == ["0"], |length| lengths == [length]);
            ensure!(right, "`content-length` is {lengths:?}, expected {length:?}");
            ensure!(seen.header("transfer-encoding").is_empty(), "there is a `transfer-encoding`");
            ensure!(
                seen.complete && seen.body == body,
                "of {} bytes of the body {} arrived",
                body.len(),
                seen.body.len()
            );
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

/// All that arrives of a request but its body, in lines.
fn arrived(seen: &Seen) -> String {
    let headers = seen.headers.iter().map(|(name, value)| format!("{name}: {value}"));
    let mut lines = vec![format!("{} {} {}", seen.method, seen.target, seen.version)];
    lines.extend(headers);
    lines.join("\n")
}

/// Requests that are written alike arrive alike, whoever asks for them.
async fn nothing_added(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let rules = [host.rule()];
    let (one, other) = (outside.sender("one", &rules).await?, outside.sender("other", &rules).await?);
    let request = |body: &str| match body {
        "" => Request::get(host.url("/path?query")).header("x-own", "1"),
        body => Request::post(host.url("/path?query"), body).header("x-own", "1").header("X-Own", "2"),
    };
    for body in ["", "with a body"] {
        let first = seen(&one, &host, request(body)).await?;
        for name in ["cookie", "authorization", "referer", "origin", "from", "forwarded", "x-forwarded-for", "via"] {
            ensure!(first.header(name).is_empty(), "a header `{name}` was added");
        }
        for (name, value) in &first.headers {
            let named = value.to_ascii_lowercase().replace(host.name(), "").contains(cx.namespace());
            ensure!(!named, "the header `{name}` names the handler: {value}");
            let shown = [cx.admin_token(), cx.user_token()].iter().any(|token| value.contains(*token));
            ensure!(!shown, "the header `{name}` shows the caller's token");
        }
        let alike = |found: &Seen, what: &str| {
            let (expected, found) = (arrived(&first), arrived(found));
            let differs = found.lines().find(|line| !expected.lines().any(|known| known == *line));
            ensure!(
                found == expected,
                "{what} arrives otherwise than that of a handler before: {:?} among {} headers, expected {}",
                differs.unwrap_or_default(),
                found.lines().count() - 1,
                expected.lines().count() - 1
            );
            Ok(())
        };
        let shown = if body.is_empty() { "without a body" } else { body };
        let judged = async { alike(&seen(&one, &host, request(body)).await?, "a request of another execution") };
        cx.case(format!("{shown}, another execution"), judged).await;
        let judged = async {
            nonce(&one.send_all(&[request(body), request(body)]).await?[1], &host)?;
            let found = host.requests().pop().ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
            alike(&found, "a second request of one execution")
        };
        cx.case(format!("{shown}, a second request"), judged).await;
        let judged = async { alike(&seen(&other, &host, request(body)).await?, "a request of another handler") };
        cx.case(format!("{shown}, another handler"), judged).await;
        let judged = async {
            let before = host.requests().len();
            let input = json!({ "input": exchange::input(&[request(body)]) });
            let reply = outside.publisher().user().execute(one.id(), &input).await?.expect(200)?;
            nonce(&answers(&Execution::read(&reply)?, 1)?[0], &host)?;
            let found = host.requests().split_off(before);
            ensure!(found.len() == 1, "one request was sent and {} arrived", found.len());
            alike(&found[0], "a request that another caller asked for")
        };
        cx.case(format!("{shown}, another caller"), judged).await;
    }
    Ok(())
}

async fn cookies(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let other = outside.sender("other", &[host.rule()]).await?;
    let body = json!({ "nonce": host.nonce() });
    host.reply_with(assay_harness::observatory::Reply::json(&body).header("set-cookie", "id=1; Path=/"));
    let twice = [Request::get(host.url("/")), Request::get(host.url("/"))];
    let answers = sender.send_all(&twice).await?;
    for answer in &answers {
        nonce(answer, &host)?;
        let set = crate::outside::response(answer)?.header("set-cookie").len();
        ensure!(set == 1, "the response has {set} headers `set-cookie`, expected one");
    }
    sender.reaches(&host).await?;
    other.reaches(&host).await?;
    let sent = host.requests().iter().filter(|seen| !seen.header("cookie").is_empty()).count();
    ensure!(sent == 0, "{sent} requests came with a cookie that the host had set");
    Ok(())
}

async fn bytes(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let every: Vec<u8> = (0..=255).chain([0, 0, 13, 10, 13, 10, 0xff, 0xfe, 0xc3]).collect();
    for (what, body) in [("empty", vec![]), ("every byte", every), ("long", vec![0xe4; 300_000])] {
        let judged = async {
            let seen = seen(&sender, &host, Request::post(host.url("/"), body.clone())).await?;
            ensure!(seen.body == body, "a body of {} bytes arrived as another one of {}", body.len(), seen.body.len());
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

/// The input with the only byte 1 of it made one that no UTF-8 has.
fn spoiled(request: Request) -> Result<Value, Stop> {
    let input = exchange::input(&[request]);
    let mut bytes = hex::decode(input.as_str().unwrap_or_default()).map_err(|fault| Stop::Error(fault.to_string()))?;
    let at = bytes.windows(3).position(|window| window == b"a\x01b");
    let at = at.ok_or_else(|| Stop::Error("there is nothing to spoil".to_owned()))?;
    bytes[at + 1] = 0xff;
    Ok(json!(hex::encode(bytes)))
}

async fn utf_8(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    for (what, request) in [
        ("method", Request::new("a\u{1}bc", host.url("/"))),
        ("url", Request::get(host.url("/a\u{1}bc"))),
        ("name of a header", Request::get(host.url("/")).header("a\u{1}bc", "1")),
        ("value of a header", Request::get(host.url("/")).header("x", "a\u{1}bc")),
    ] {
        let judged = async {
            let input = spoiled(request)?;
            sender.handler().execute(input).await?.expect("trap").map(drop)
        };
        cx.case(what, judged).await;
    }
    let seen = host.requests().len();
    ensure!(seen == 0, "{seen} requests with a text that is not UTF-8 arrived");
    sender.reaches(&host).await?;
    // Entries are in the order of the calls, so that none is still to come when that of the last one is there.
    recorded(&cx, &sender, &host.url("/control")).await.control("a call is on record")?;
    let entries = sender.audit().await?;
    ensure!(entries.len() == 1, "traps are on record as calls, beside the one call: {}", json!(entries));
    Ok(())
}

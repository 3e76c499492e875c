//! What of a response the handler is handed (egress.md 7.4 and 7.5).

mod grammar;

use assay_fixtures::exchange::{Request, Response};
use assay_harness::observatory::{Host, Reply};
use assay_harness::{Cx, Group, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside, Sender, expect, response};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "response",
    checks: checks![
        each("egress.response.status", "the status is handed on", &["EGR-HTT-003", "EGR-ABI-001"], status).needs(NEEDS),
        each("egress.response.headers", "headers are handed on in order", &["EGR-HTT-003", "EGR-ABI-001"], headers)
            .needs(NEEDS),
        each("egress.response.values", "and read as Latin-1", &["EGR-HTT-003"], values).needs(NEEDS),
        each("egress.response.body", "a body is handed on byte for byte", &["EGR-HTT-003", "EGR-ABI-001"], body)
            .needs(NEEDS),
        each("egress.response.encoding", "and is not decoded", &["EGR-HTT-003"], encoding).needs(NEEDS),
        each("egress.response.connection", "headers of the connection are not handed on", &["EGR-HTT-004"], connection)
            .needs(NEEDS),
        each("egress.response.trailers", "nor are trailers", &["EGR-HTT-004"], trailers).needs(NEEDS),
        each("egress.response.interim", "1xx responses are skipped, and 101 is failed", &["EGR-HTT-004"], interim)
            .needs(NEEDS),
        each("egress.response.header-count", "more headers than the bound are failed", &["EGR-HTT-005"], header_count)
            .needs(NEEDS),
        each(
            "egress.response.header-bytes",
            "more bytes of headers than the bound are failed",
            &["EGR-HTT-005"],
            header_bytes
        )
        .needs(NEEDS),
        each("egress.response.body-bytes", "a body longer than the bound is failed", &["EGR-HTT-005"], body_bytes)
            .needs(NEEDS),
        each(
            "egress.response.trailer-bounds",
            "so are trailers past the bounds of headers",
            &["EGR-HTT-005"],
            grammar::trailer_bounds
        )
        .needs(NEEDS),
        each(
            "egress.response.grammar",
            "what is not by the grammar of HTTP/1.1 is failed",
            &["EGR-HTT-018"],
            grammar::refused
        )
        .needs(NEEDS),
        each("egress.response.forms", "and every form of it is read", &["EGR-HTT-018"], grammar::read).needs(NEEDS),
    ],
};

/// Lets the host reply so, and answers what the handler was handed.
async fn handed(sender: &Sender, host: &Host, reply: Reply) -> Result<Response, Stop> {
    host.reply_with(reply);
    response(&sender.send(Request::get(host.url("/"))).await?).cloned()
}

/// Judges that the handler was handed nothing but `failed`.
async fn failed(sender: &Sender, host: &Host, reply: Reply) -> Result<(), Stop> {
    host.reply_with(reply);
    expect(&sender.send(Request::get(host.url("/"))).await?, "failed")
}

async fn status(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    for status in [200, 201, 204, 206, 299, 304, 400, 401, 407, 418, 429, 500, 503, 599] {
        let judged = async {
            let found = handed(&sender, &host, Reply::status(status)).await?.status;
            ensure!(found == status, "the status came as {found}, expected {status}");
            Ok(())
        };
        cx.case(status.to_string(), judged).await;
    }
    Ok(())
}

async fn headers(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let sent = [
        ("X-Upper", "1"),
        ("set-cookie", "a=1"),
        ("x-b", "first, second"),
        ("Set-Cookie", "b=2"),
        ("x-a", ""),
        ("x-b", "first, second"),
        ("WWW-Authenticate", "Basic realm=\"x\""),
        ("x-b", "third"),
    ];
    let reply = sent.iter().fold(Reply::ok("body"), |reply, (name, value)| reply.header(name, value));
    let found = handed(&sender, &host, reply).await?.headers;
    let own = |name: &str| sent.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let found: Vec<(&str, &str)> =
        found.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, _)| own(name)).collect();
    let lower: Vec<(String, &str)> = sent.iter().map(|(name, value)| (name.to_ascii_lowercase(), *value)).collect();
    let expected: Vec<(&str, &str)> = lower.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    ensure!(found == expected, "the headers came as {found:?}, expected {expected:?}");
    Ok(())
}

async fn values(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    for (what, bytes, text) in [
        ("Latin-1", b"caf\xe9".as_slice(), "caf\u{e9}"),
        ("UTF-8", "\u{20ac}".as_bytes(), "\u{e2}\u{82}\u{ac}"),
        ("every high byte", b"\x80\xa0\xff", "\u{80}\u{a0}\u{ff}"),
    ] {
        let judged = async {
            let response = handed(&sender, &host, Reply::ok("x").header_bytes("x-value", bytes)).await?;
            let found = response.header("x-value");
            ensure!(found == [text], "the value came as {found:?}, expected {text:?}");
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

async fn body(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let every: Vec<u8> = (0..=255).chain([0, 0xff, 0xfe, 0xc3, 0x28]).collect();
    for (what, reply, body) in [
        ("empty", Reply::ok(""), vec![]),
        ("every byte", Reply::ok(every.clone()), every.clone()),
        ("in chunks", Reply::ok(every.repeat(20)).chunked(), every.repeat(20)),
        ("until the end", Reply::ok(every.clone()).until_close(), every.clone()),
        ("long", Reply::ok(vec![0xe4; 300_000]), vec![0xe4; 300_000]),
    ] {
        let judged = async {
            let response = handed(&sender, &host, reply).await?;
            ensure!(
                response.carries(&body),
                "a body of {} bytes came as another one of {}",
                body.len(),
                response.length
            );
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

/// A gzip member (RFC 1952) with one stored block that holds this text.
fn gzipped(text: &[u8], crc: u32) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or_default();
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&(!length).to_le_bytes());
    bytes.extend_from_slice(text);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&u32::from(length).to_le_bytes());
    bytes
}

async fn encoding(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    // The checksum of `hello` by RFC 1952.
    let packed = gzipped(b"hello", 0x3610_a686);
    let response = handed(&sender, &host, Reply::ok(packed.clone()).header("content-encoding", "gzip")).await?;
    ensure!(response.carries(&packed), "a body that was encoded came as {:?}", response.text());
    let found = response.header("content-encoding");
    ensure!(found == ["gzip"], "`content-encoding` came as {found:?}");
    Ok(())
}

async fn connection(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let names = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "x-named",
    ];
    let reply = Reply::ok("body")
        .header("x-before", "1")
        .header("Connection", "close, X-Named")
        .header("x-named", "1")
        .header("Keep-Alive", "timeout=5")
        .header("proxy-connection", "close")
        .header("te", "trailers")
        .header("upgrade", "h2c")
        .header("x-after", "1");
    for (what, reply) in [("with a length", reply.clone()), ("in chunks", reply.chunked())] {
        let judged = async {
            let response = handed(&sender, &host, reply).await?;
            ensure!(response.carries(b"body"), "the body came as {:?}", response.text());
            for name in ["x-before", "x-after"] {
                ensure!(response.header(name) == ["1"], "`{name}` came as {:?}", response.header(name));
            }
            for name in names {
                ensure!(response.header(name).is_empty(), "`{name}` was handed on");
            }
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

async fn trailers(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let reply = Reply::ok("body").header("x-before", "1").trailers(&[("x-trailer", "1"), ("authorization", "2")]);
    let response = handed(&sender, &host, reply).await?;
    ensure!(response.carries(b"body"), "the body came as {:?}", response.text());
    ensure!(response.header("x-before") == ["1"], "`x-before` came as {:?}", response.header("x-before"));
    for name in ["x-trailer", "authorization"] {
        ensure!(response.header(name).is_empty(), "the trailer `{name}` was handed on");
    }
    Ok(())
}

async fn interim(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let reply = Reply::ok("body").informed(103, &[("link", "</a>")]).informed(102, &[]).header("x-final", "1");
    let judged = async {
        let response = handed(&sender, &host, reply).await?;
        ensure!(response.status == 200, "the status came as {}, expected that of the final response", response.status);
        ensure!(
            response.header("link").is_empty() && response.header("x-final") == ["1"],
            "headers of a 1xx were handed on"
        );
        Ok(())
    };
    cx.case("103 and 102", judged).await;
    cx.case("101", failed(&sender, &host, Reply::switching_protocols())).await;
    Ok(())
}

async fn header_count(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let most = cx.discovery().bound_as_size("egress_headers")?;
    cx.case("more", failed(&sender, &host, Reply::many_headers(most + 1))).await;
    cx.case("many more", failed(&sender, &host, Reply::many_headers(most * 20))).await;
    // Some are the reply's own, such as its length.
    let within = most.saturating_sub(4);
    let response = handed(&sender, &host, Reply::many_headers(within)).await?;
    let found = response.headers.iter().filter(|(name, _)| name.starts_with("x-filler")).count();
    ensure!(found == within, "of {within} headers {found} came");
    Ok(())
}

async fn header_bytes(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let most = cx.discovery().bound_as_size("egress_header_bytes")?;
    cx.case("more", failed(&sender, &host, Reply::huge_header(most + 1))).await;
    cx.case("much more", failed(&sender, &host, Reply::huge_header(most * 20))).await;
    let within = most - 200;
    let response = handed(&sender, &host, Reply::huge_header(within)).await?;
    let found = response.header("x-filler").iter().map(|value| value.len()).sum::<usize>();
    ensure!(found == within, "of a header of {within} bytes {found} came");
    Ok(())
}

async fn body_bytes(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let most = cx.discovery().bound_as_size("egress_body_bytes")?;
    let memory = cx.discovery().bound("memory_bytes")?;
    let sender = outside.install(&outside.recipe("sender", &[host.rule()]).limit("memory_bytes", memory)).await?;
    cx.case("one byte more", failed(&sender, &host, Reply::sized(most + 1))).await;
    cx.case("in chunks", failed(&sender, &host, Reply::sized(most + 1).chunked())).await;
    cx.case("without end", failed(&sender, &host, Reply::endless_body())).await;
    let found = handed(&sender, &host, Reply::sized(most)).await?.length;
    ensure!(found == most, "a body of {most} bytes came as {found}");
    Ok(())
}

//! Responses that break HTTP, and connections that break (egress.md 7.5 and 7.8).

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{Host, Reply};
use assay_harness::{Cx, Group, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside, Sender, expect, nonce, response};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "http",
    checks: checks![
        each("egress.http.lengths", "a length that is malformed or in conflict is failed", &["EGR-HTT-006"], lengths)
            .needs(NEEDS),
        each("egress.http.framing", "a length beside a transfer coding is failed", &["EGR-HTT-010"], framing)
            .needs(NEEDS),
        each("egress.http.codings", "another transfer coding than one `chunked` is failed", &["EGR-HTT-010"], codings)
            .needs(NEEDS),
        each("egress.http.chunks", "a malformed chunk is failed", &["EGR-HTT-010"], chunks).needs(NEEDS),
        each("egress.http.cut-short", "a response that is cut short is failed", &["EGR-HTT-006"], cut_short)
            .needs(NEEDS),
        each("egress.http.garbage", "what is no response is failed", &["EGR-HTT-006"], garbage).needs(NEEDS),
        each("egress.http.leftovers", "what follows a response is not the next one", &["EGR-HTT-006"], leftovers)
            .needs(NEEDS),
        each("egress.http.once", "a request is sent at most once", &["EGR-HTT-009"], once_only).needs(NEEDS),
    ],
};

/// Each reply is `failed`, its connection is closed, and the next request finds the right answer.
async fn failed(cx: &Cx, replies: Vec<(&str, Reply)>) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(cx).await?;
    for (what, reply) in replies {
        let judged = async {
            let before = host.requests().len();
            host.replies(vec![reply, right(&host)]);
            let answers =
                sender.send_all(&[Request::get(host.url("/broken")), Request::get(host.url("/next"))]).await?;
            expect(&answers[0], "failed")?;
            nonce(&answers[1], &host)?;
            let seen = host.requests().split_off(before);
            let targets: Vec<&str> = seen.iter().map(|seen| seen.target.as_str()).collect();
            ensure!(targets == ["/broken", "/next"], "the host saw {targets:?}, expected each request once");
            ensure!(seen[0].connection != seen[1].connection, "a connection that broke HTTP was used again");
            host.closed(seen[0].connection).await.map(drop)
        };
        cx.case(what, judged).await;
    }
    cx.case("chunks in right form", in_chunks(&host, &sender)).await;
    Ok(())
}

/// The reply of a host that was not told otherwise.
fn right(host: &Host) -> Reply {
    Reply::json(&serde_json::json!({ "nonce": host.nonce() }))
}

async fn lengths(cx: Cx) -> Result<(), Stop> {
    failed(
        &cx,
        vec![
            ("two lengths", Reply::two_content_lengths("12345")),
            ("two lengths in one", Reply::content_length("5, 7", "12345")),
            ("letters", Reply::content_length("five", "12345")),
            ("a sign", Reply::content_length("+5", "12345")),
            ("negative", Reply::content_length("-1", "12345")),
            ("hexadecimal", Reply::content_length("0x5", "12345")),
            ("larger than any", Reply::content_length("99999999999999999999999", "12345")),
            ("nothing", Reply::content_length("", "12345")),
        ],
    )
    .await
}

/// Five bytes in one chunk, and the end.
const FIVE: &str = "5\r\n12345\r\n0\r\n\r\n";

/// A response with these headers and bytes whose connection stays open: to close it is for the client.
fn kept_open(version: &str, headers: &str, body: &str) -> Reply {
    Reply::raw(format!("{version} 200 OK\r\n{headers}\r\n{body}")).then_keep()
}

/// The same reply in right form is handed on.
async fn in_chunks(host: &Host, sender: &Sender) -> Result<(), Stop> {
    host.reply_with(kept_open("HTTP/1.1", "Transfer-Encoding: Chunked\r\n", "05;a=\"b\"\r\n12345\r\n000\r\n\r\n"));
    let answer = sender.send(Request::get(host.url("/"))).await?;
    let found = response(&answer)?;
    ensure!(found.carries(b"12345"), "a body of one chunk came as {:?}", found.text());
    Ok(())
}

async fn framing(cx: Cx) -> Result<(), Stop> {
    let both = |headers: &str| kept_open("HTTP/1.1", headers, FIVE);
    let chunked = "transfer-encoding: chunked\r\n";
    failed(
        &cx,
        vec![
            ("the length of the body", both(&format!("content-length: 5\r\n{chunked}"))),
            ("the length of all bytes", both(&format!("content-length: {}\r\n{chunked}", FIVE.len()))),
            ("no length", both(&format!("content-length: 0\r\n{chunked}"))),
            ("the length behind", both(&format!("{chunked}content-length: 5\r\n"))),
        ],
    )
    .await
}

async fn codings(cx: Cx) -> Result<(), Stop> {
    let coded = |coding: &str| kept_open("HTTP/1.1", &format!("transfer-encoding: {coding}\r\n"), FIVE);
    failed(
        &cx,
        vec![
            ("gzip before it", coded("gzip, chunked")),
            ("identity before it", coded("identity, chunked")),
            ("one that nobody knows", coded("x-secret, chunked")),
            ("twice", coded("chunked, chunked")),
            ("twice in two headers", coded("chunked\r\ntransfer-encoding: chunked")),
            ("what resembles it", coded("xchunked")),
            ("in HTTP/1.0", kept_open("HTTP/1.0", "transfer-encoding: chunked\r\nconnection: keep-alive\r\n", FIVE)),
            // Not in chunks: such a body ends with the connection, if at all.
            ("gzip alone", coded("gzip").then_close()),
            ("identity alone", coded("identity").then_close()),
            ("not the last one", coded("chunked, gzip").then_close()),
        ],
    )
    .await
}

async fn chunks(cx: Cx) -> Result<(), Stop> {
    let sized = |size: &str| {
        let body = format!("{size}\r\n12345\r\n0\r\n\r\n");
        kept_open("HTTP/1.1", "transfer-encoding: chunked\r\n", &body)
    };
    let body = |body: &str| kept_open("HTTP/1.1", "transfer-encoding: chunked\r\n", body);
    failed(
        &cx,
        vec![
            ("a prefix", sized("0x5")),
            ("a plus", sized("+5")),
            ("a minus", sized("-5")),
            ("a blank in front", sized(" 5")),
            ("letters behind", sized("5z")),
            ("two numbers", sized("5 5")),
            ("nothing", sized("")),
            ("only an extension", sized(";a=b")),
            ("more than 64 bits", sized("10000000000000005")),
            ("too long for its size", body("5\r\n1234567\r\n0\r\n\r\n")),
            ("too short for its size", body("5\r\n1234\r\n0\r\n\r\n0\r\n\r\n")),
            ("no line break behind", body("5\r\n123450\r\n\r\n")),
        ],
    )
    .await
}

async fn cut_short(cx: Cx) -> Result<(), Stop> {
    let chunk = |text: &str| Reply::raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{text}"));
    failed(
        &cx,
        vec![
            ("a body with a length", Reply::ok("1234567890").cut_short(3)),
            ("a body of which nothing came", Reply::ok("1234567890").cut_short(10)),
            ("the head", Reply::ok("1234567890").cut_at(20)),
            ("chunks without the last", chunk("5\r\n12345\r\n")),
            ("a chunk in the middle", chunk("a\r\n12345")),
            ("nothing at all", Reply::nothing()),
        ],
    )
    .await
}

async fn garbage(cx: Cx) -> Result<(), Stop> {
    let raw = |text: &str| Reply::raw(text.as_bytes().to_vec());
    failed(
        &cx,
        vec![
            ("no HTTP", Reply::garbage()),
            ("another protocol", raw("SSH-2.0-OpenSSH_9.2\r\n")),
            ("a status of letters", raw("HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n")),
            ("a status of two digits", raw("HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n")),
            ("a header without a colon", raw("HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 0\r\n\r\n")),
            ("a name with a blank", raw("HTTP/1.1 200 OK\r\nx y: 1\r\ncontent-length: 0\r\n\r\n")),
            ("a NUL in a value", raw("HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n")),
            ("a chunk of letters", raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n\r\n")),
        ],
    )
    .await
}

async fn leftovers(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nsmuggled";
    let first = format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst{smuggled}");
    host.replies(vec![Reply::raw(first).then_keep(), right(&host)]);
    let answers = sender.send_all(&[Request::get(host.url("/first")), Request::get(host.url("/next"))]).await?;
    // What comes first is whole: a runtime may hand it on or not.
    if let Ok(response) = &answers[0] {
        ensure!(response.carries(b"first"), "the first response came as {:?}", response.text());
    }
    nonce(&answers[1], &host)
}

async fn once_only(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    for (what, reply) in [
        ("closed before the head", Reply::nothing()),
        ("closed in the head", Reply::ok("12345").cut_at(10)),
        ("closed in the body", Reply::ok("12345").cut_short(2)),
    ] {
        let judged = async {
            let before = host.requests().len();
            // The first on a new connection, the second on one that was used; whoever sends again finds a good answer.
            host.replies(vec![reply.clone(), right(&host), reply, right(&host)]);
            let targets = ["/new", "/between", "/used", "/after"];
            let requests = targets.map(|target| Request::post(host.url(target), "pay"));
            let answers = sender.send_all(&requests).await?;
            for (target, answer) in targets.into_iter().zip(&answers) {
                let expected = if matches!(target, "/new" | "/used") { "failed" } else { "answered" };
                expect(answer, expected).map_err(|stop| crate::outside::told(stop, target))?;
            }
            let seen: Vec<String> = host.requests().split_off(before).into_iter().map(|seen| seen.target).collect();
            ensure!(seen == targets, "the host saw {seen:?}, expected each request once");
            Ok(())
        };
        cx.case(what, judged).await;
    }
    // Answers after which a client may be tempted.
    for status in [401, 407, 408, 421, 425, 429, 500, 502, 503] {
        let judged = async {
            let before = host.requests().len();
            host.replies(vec![Reply::status(status).header("retry-after", "0"), right(&host)]);
            let requests = ["/tempting", "/after"].map(|target| Request::get(host.url(target)));
            let answers = sender.send_all(&requests).await?;
            let seen: Vec<String> = host.requests().split_off(before).into_iter().map(|seen| seen.target).collect();
            ensure!(seen == ["/tempting", "/after"], "the host saw {seen:?}, expected each request once");
            let found = response(&answers[0])?.status;
            ensure!(found == status, "the status came as {found}, expected {status}");
            nonce(&answers[1], &host)
        };
        cx.case(format!("answered with {status}"), judged).await;
    }
    Ok(())
}

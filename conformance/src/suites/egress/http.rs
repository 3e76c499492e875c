//! Responses that break HTTP, and connections that break (egress.md 7.5 and 7.8).

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{Host, Reply};
use assay_harness::{Cx, Group, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside, expect, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "http",
    checks: checks![
        each("egress.http.lengths", "a length that is malformed or in conflict is failed", &["EGR-HTT-006"], lengths)
            .needs(NEEDS),
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
    Ok(())
}

//! Replies as they come out of the socket, from right to hostile.

use std::time::Duration;

use assay_harness::observatory::{Gate, Reply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{GET, Ground, within};

/// What comes for one request if the name answers so, up to the end of the connection.
async fn sent(reply: Reply) -> String {
    let ground = Ground::new();
    let host = ground.host("api");
    host.reply_with(reply.then_close());
    String::from_utf8_lossy(&ground.exchange(&host, GET).await).into_owned()
}

#[tokio::test]
async fn a_name_answers_with_its_nonce_by_itself() {
    let ground = Ground::new();
    let host = ground.host("api");
    let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
    stream.write_all(GET).await.unwrap();
    let mut answer = vec![0; 10];
    let expected = format!("{{\"nonce\":\"{}\"}}", host.nonce());
    while !answer.ends_with(expected.as_bytes()) {
        answer.push(within(stream.read_u8()).await.unwrap());
    }
}

#[tokio::test]
async fn a_right_reply_is_as_it_was_made() {
    let reply = Reply::ok("abc").header("X-One", "1").header_bytes("x-two", b"\xe9").header("X-One", "2");
    let expected = "HTTP/1.1 200 OK\r\nX-One: 1\r\nx-two: \u{fffd}\r\nX-One: 2\r\ncontent-length: 3\r\n\r\nabc";
    assert_eq!(sent(reply).await, expected);
    assert_eq!(sent(Reply::status(204)).await, "HTTP/1.1 204 No Content\r\n\r\n");
}

#[tokio::test]
async fn replies_come_in_turn_and_by_target() {
    let ground = Ground::new();
    let host = ground.host("api");
    host.replies(vec![Reply::ok("first").then_close(), Reply::ok("later").then_close()]);
    host.reply_at("/there?x", Reply::ok("there").then_close());
    let there = b"GET /there?x HTTP/1.1\r\nhost: x\r\n\r\n";
    for (request, expected) in [(GET, "first"), (&there[..], "there"), (GET, "later"), (GET, "later")] {
        let answer = ground.exchange(&host, request).await;
        assert!(answer.ends_with(expected.as_bytes()), "{answer:?}");
    }
}

#[tokio::test]
async fn a_head_request_gets_no_body() {
    let ground = Ground::new();
    let host = ground.host("api");
    host.reply_with(Reply::ok("abc").then_close());
    let answer = ground.exchange(&host, b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(answer, b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n");
}

#[tokio::test]
async fn bodies_are_framed_in_every_way() {
    let chunked = "HTTP/1.1 200 OK\r\ntrailer: x-t\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-t: 1\r\n\r\n";
    assert_eq!(sent(Reply::ok("ab").trailers(&[("x-t", "1")])).await, chunked);
    let plain = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    assert_eq!(sent(Reply::ok("ab").chunked()).await, plain);
    let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nab";
    assert_eq!(sent(Reply::ok("ab").until_close()).await, closing);
    let written = "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nab";
    assert_eq!(sent(Reply::ok("ab").header("content-length", "+2").framed_as_written()).await, written);
}

#[tokio::test]
async fn http_is_broken_in_every_way() {
    let two = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 7\r\n\r\nab";
    assert_eq!(sent(Reply::two_content_lengths("ab")).await, two);
    assert_eq!(sent(Reply::content_length("-1", "ab")).await, "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nab");
    assert_eq!(sent(Reply::nothing()).await, "");
    assert!(!sent(Reply::garbage()).await.starts_with("HTTP"));
    assert!(sent(Reply::switching_protocols()).await.starts_with("HTTP/1.1 101 "));
    assert_eq!(sent(Reply::many_headers(100)).await.matches("x-filler-").count(), 100);
    assert!(sent(Reply::huge_header(50_000)).await.len() > 50_000);
}

#[tokio::test]
async fn a_body_is_cut_short_without_a_word() {
    let ground = Ground::new();
    let host = ground.host("api");
    host.reply_with(Reply::ok("abcdef").cut_short(2));
    let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
    stream.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).await;
    assert!(end.is_err(), "TLS did not say goodbye");
    assert!(answer.ends_with(b"content-length: 6\r\n\r\nabcd"));
}

#[tokio::test]
async fn informational_responses_go_first() {
    let reply = Reply::ok("a").informed(103, &[("link", "<x>")]).informed(100, &[]);
    let expected =
        "HTTP/1.1 103 Wait\r\nlink: <x>\r\n\r\nHTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na";
    assert_eq!(sent(reply).await, expected);
}

#[tokio::test]
async fn slow_replies_come_whole() {
    let pause = Duration::from_millis(1);
    let expected = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabcdef";
    assert_eq!(sent(Reply::ok("abcdef").slow_head(10, pause).slow_body(1, pause).after(pause)).await, expected);
}

#[tokio::test]
async fn a_gate_holds_a_reply_until_it_is_opened() {
    let ground = Ground::new();
    let host = ground.host("api");
    let (head, body) = (Gate::new(), Gate::new());
    host.reply_with(Reply::ok("held").held(&head).body_held(&body));
    let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
    stream.write_all(GET).await.unwrap();
    host.request_number(1).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), stream.read_u8()).await;
    assert!(early.is_err(), "a byte came before the gate was opened");
    head.open();
    let mut answer = vec![0; 38];
    within(stream.read_exact(&mut answer)).await.unwrap();
    assert!(answer.ends_with(b"\r\n\r\n"));
    body.open();
    let mut answer = [0; 4];
    within(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"held");
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_however_the_reply_goes() {
    let gate = Gate::new();
    let (pause, ok) = (Duration::from_millis(1), Reply::ok("x"));
    for reply in [Reply::silence(), Reply::endless_body(), Reply::endless_trickle(pause), ok.held(&gate)] {
        let ground = Ground::new();
        let host = ground.host("api");
        host.reply_with(reply);
        let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
        stream.write_all(GET).await.unwrap();
        let seen = host.request_number(1).await.unwrap();
        drop(stream);
        assert!(within(host.closed(seen.connection)).await.unwrap().by_client);
    }
}

#[tokio::test]
async fn an_endless_body_does_not_end() {
    let ground = Ground::new();
    let host = ground.host("api");
    host.reply_with(Reply::endless_body());
    let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
    stream.write_all(GET).await.unwrap();
    let mut much = vec![0; 1 << 20];
    within(stream.read_exact(&mut much)).await.unwrap();
}

#[tokio::test]
async fn a_wait_that_is_in_vain_says_what_did_not_come() {
    let ground = Ground::new();
    let watch = ground.observatory.watch("n2", std::time::Instant::now() + Duration::from_millis(50));
    let host = watch.host("api").unwrap();
    let stop = host.request_number(1).await.unwrap_err();
    assert!(stop.reason().starts_with("request 1 to api.n2.assay.test did not come within"), "{}", stop.reason());
}

//! What the origins keep of a request.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{GET, Ground, within};

#[tokio::test]
async fn a_request_is_kept_as_it_came() {
    let ground = Ground::new();
    let host = ground.host("api");
    let request = b"POST /a%20b?c=d HTTP/1.1\r\nhOsT: x\r\nX-B: 1\r\nx-a:  two \r\nX-B: \xe9\r\ncontent-length: 3\r\n\r\n\x00\xff\n";
    let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let seen = host.request_number(1).await.unwrap();
    assert_eq!((&seen.method[..], &seen.target[..], &seen.version[..]), ("POST", "/a%20b?c=d", "HTTP/1.1"));
    let headers: Vec<(&str, &str)> = seen.headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    assert_eq!(headers, [("hOsT", "x"), ("X-B", "1"), ("x-a", "two"), ("X-B", "\u{e9}"), ("content-length", "3")]);
    assert_eq!(seen.body, b"\x00\xff\n");
    assert_eq!(seen.header("x-b"), ["1", "\u{e9}"]);
    assert_eq!(seen.sni.as_deref(), Some(host.name()));
    assert_eq!(seen.alpn.as_deref(), Some("http/1.1"));
    assert!(seen.complete && !seen.session_resumed);
}

#[tokio::test]
async fn chunks_are_put_together() {
    let ground = Ground::new();
    let host = ground.host("api");
    let request =
        b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nT:  1\r\nu: 2\r\n\r\n";
    let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let seen = host.request_number(1).await.unwrap();
    assert_eq!((&seen.body[..], seen.complete), (&b"abcde"[..], true));
    let trailers: Vec<(&str, &str)> = seen.trailers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    assert_eq!((trailers, seen.header("t")), (vec![("T", "1"), ("u", "2")], vec![]));
}

#[tokio::test]
async fn requests_of_one_connection_have_its_number() {
    let ground = Ground::new();
    let host = ground.host("api");
    let request = b"GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let (first, second) = (host.request_number(1).await.unwrap(), host.request_number(2).await.unwrap());
    assert_eq!(first.connection, second.connection);
    let mut other = ground.connect(host.name(), host.addr()).await.unwrap();
    other.write_all(GET).await.unwrap();
    assert_ne!(host.request_number(3).await.unwrap().connection, first.connection);
}

#[tokio::test]
async fn a_request_that_is_broken_off_is_kept_as_far_as_it_came() {
    let ground = Ground::new();
    let host = ground.host("api");
    let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    stream.shutdown().await.unwrap();
    let seen = host.request_number(1).await.unwrap();
    assert_eq!((&seen.body[..], seen.complete), (&b"abc"[..], false));
}

#[tokio::test]
async fn the_end_of_a_connection_is_seen_and_who_closed_it() {
    let ground = Ground::new();
    let host = ground.host("api");
    let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let seen = host.request_number(1).await.unwrap();
    assert!(host.connections()[0].closed.is_none());
    drop(stream);
    assert!(within(host.closed(seen.connection)).await.unwrap().by_client);

    host.reply_with(assay_harness::observatory::Reply::ok("bye").then_close());
    let answer = ground.exchange(&host, GET).await;
    assert!(answer.ends_with(b"bye"));
    let second = host.request_number(2).await.unwrap().connection;
    assert!(!host.closed(second).await.unwrap().by_client);
}

#[tokio::test]
async fn a_session_that_goes_on_is_told_apart() {
    let ground = Ground::new();
    let host = ground.host("api");
    for resumed in [false, true] {
        let mut stream = ground.connect(host.name(), host.addr()).await.unwrap();
        stream.write_all(GET).await.unwrap();
        // Tickets come with the answer.
        stream.read_u8().await.unwrap();
        let seen = host.requests().pop().unwrap();
        assert_eq!(seen.session_resumed, resumed);
        let handshake = host.handshakes().pop().unwrap();
        assert_eq!((handshake.asks_to_resume, handshake.resumed, handshake.completed), (resumed, resumed, true));
        assert_eq!(handshake.alpn, ["h2", "http/1.1"]);
        assert!(handshake.versions.contains(&0x0304) && handshake.versions.contains(&0x0303));
    }
}

//! What arrives, and what the handler is handed.

use assay_egress::{Credential, EgressError, Outcome};

use super::world::{World, origin};

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_judged_and_is_on_record() {
    let world = World::new().await;
    let mut request = world.get("/a/../b?q=1#f");
    request.method = "POST".to_owned();
    request.headers = headers(&[("X-A", "1"), ("b", "2"), ("x-a", "3"), ("Authorization", "x"), ("Host", "evil")]);
    request.body = b"body".to_vec();
    let response = world.send(request).await.expect("a response");
    assert_eq!((response.status, response.body), (200, b"hello".to_vec()));
    assert!(response.headers.is_empty(), "{:?}", response.headers);
    let expected = format!(
        "POST /b?q=1 HTTP/1.1\r\nhost: api.example.test:{}\r\nX-A: 1\r\nb: 2\r\nx-a: 3\r\ncontent-length: 4\r\n\r\nbody",
        world.port
    );
    assert_eq!(world.last_request(), expected);
    let entry = world.last_entry();
    assert_eq!((entry.outcome, entry.reason, entry.status), (Outcome::Answered, None, Some(200)));
    assert_eq!((entry.request_bytes, entry.response_bytes), (4, 5));
    assert_eq!(entry.address, Some(origin(world.port)));
    assert_eq!(entry.url, format!("https://api.example.test:{}/a/../b", world.port));
    assert_eq!((entry.host.as_deref(), entry.port), (Some("api.example.test"), Some(world.port)));
}

#[tokio::test]
async fn a_response_keeps_its_headers_in_order_and_loses_what_was_for_the_connection() {
    let world = World::new().await;
    world.reply(
        "/",
        b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 404 No\r\nSet-Cookie: a\r\nX-B: \xe9\r\nset-cookie: b\r\n\
          connection: x-hop\r\nx-hop: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx-trailer: t\r\n\r\n",
    );
    let response = world.send(world.get("/")).await.expect("a response");
    assert_eq!((response.status, response.body), (404, b"abcde".to_vec()));
    assert_eq!(response.headers, headers(&[("set-cookie", "a"), ("x-b", "é"), ("set-cookie", "b")]));
}

#[tokio::test]
async fn a_redirect_is_handed_on() {
    let world = World::new().await;
    world.reply("/", "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
    let response = world.send(world.get("/")).await.expect("a response");
    assert_eq!((response.status, response.headers), (302, headers(&[("location", "/elsewhere")])));
    assert_eq!(world.shared.requests.lock().expect("lock").len(), 1);
}

#[tokio::test]
async fn a_credential_takes_the_place_of_the_handlers_header_and_never_comes_back() {
    let world = World::new().await;
    let credential = |name: &str, header: &str, value: &str| Credential {
        name: name.to_owned(),
        header: header.to_owned(),
        value: value.to_owned(),
    };
    *world.shared.credentials.lock().expect("lock") = vec![
        credential("b", "X-Key", "second-secret"),
        credential("a", "x-key", "first-secret"),
        credential("c", "authorization", "Bearer third"),
    ];
    world.reply("/", "HTTP/1.1 200 OK\r\nx-echo: first-secret\r\ncontent-length: 14\r\n\r\n<Bearer third>");
    let mut request = world.get("/");
    request.headers = headers(&[("X-KEY", "mine"), ("authorization", "mine"), ("x-other", "mine")]);
    let response = world.send(request).await.expect("a response");
    let sent = world.last_request();
    assert!(sent.ends_with("x-other: mine\r\nx-key: first-secret\r\nauthorization: Bearer third\r\n\r\n"), "{sent}");
    assert_eq!(response.headers, headers(&[("x-echo", "[redacted]")]));
    assert_eq!(response.body, b"<[redacted]>");
}

#[tokio::test]
async fn a_response_that_breaks_http_or_a_bound_fails_whole() {
    let world = World::new().await;
    let long = "x".repeat(10_001);
    for reply in [
        "nonsense\r\n\r\n".to_owned(),
        "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\nhello".to_owned(),
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 10001\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{long}"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2711\r\n{long}\r\n0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{}\r\n", "a: b\r\n".repeat(8)),
        format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1000)),
    ] {
        world.reply("/", reply.clone());
        let result = world.send(world.get("/")).await;
        assert!(matches!(result, Err(EgressError::Failed(_))), "{result:?} for {reply:.90}");
        assert_eq!(world.last_entry().outcome, Outcome::Failed);
    }
    world.reply("/", format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(10_000)));
    assert_eq!(world.send(world.get("/")).await.expect("at the bound").body.len(), 10_000);
}

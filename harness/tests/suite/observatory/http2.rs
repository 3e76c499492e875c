//! The origins over HTTP/2, seen by a client of the crate `h2`.

use std::future::poll_fn;
use std::time::Duration;

use assay_harness::observatory::{Frame, Gate, Host, Protocols, Reply};
use bytes::Bytes;
use h2::client::{self, ResponseFuture, SendRequest};
use h2::{Error, Reason};
use http::{HeaderMap, Request};

use super::{GET, Ground, within};

/// A client of a host that speaks HTTP/2, driven in the background.
async fn client(ground: &Ground, host: &Host) -> SendRequest<Bytes> {
    host.speaks(Protocols::Both);
    let stream = ground.connect(host.name(), host.addr()).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (requests, connection) = client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    requests
}

fn send(requests: &mut SendRequest<Bytes>, host: &Host, target: &str) -> ResponseFuture {
    requests.send_request(Request::get(host.url(target)).body(()).unwrap(), true).unwrap().0
}

/// Status, headers, body and trailers of a response, or the error at its end.
async fn whole(response: ResponseFuture) -> Result<(u16, HeaderMap, Vec<u8>, Option<HeaderMap>), Error> {
    let (head, mut stream) = within(response).await?.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = within(stream.data()).await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok((head.status.as_u16(), head.headers, body, stream.trailers().await?))
}

async fn answered(ground: &Ground, host: &Host, reply: Reply) -> Result<Vec<u8>, Error> {
    host.reply_with(reply);
    let mut requests = client(ground, host).await;
    whole(send(&mut requests, host, "/")).await.map(|(_, _, body, _)| body)
}

#[tokio::test]
async fn a_request_is_kept_with_its_pseudo_headers() {
    let ground = Ground::new();
    let host = ground.host("api");
    let mut requests = client(&ground, &host).await;
    let request = Request::post(host.url("/a%20b?c=d")).header("x-b", "1").header("x-b", "2").body(()).unwrap();
    let (response, mut stream) = requests.send_request(request, false).unwrap();
    stream.send_data(Bytes::from_static(b"body"), false).unwrap();
    stream.send_trailers(HeaderMap::from_iter([("x-t".parse().unwrap(), "3".parse().unwrap())])).unwrap();
    assert!(String::from_utf8(whole(response).await.unwrap().2).unwrap().contains(host.nonce()));
    let seen = host.request_number(1).await.unwrap();
    assert_eq!((&seen.method[..], &seen.target[..], &seen.version[..]), ("POST", "/a%20b?c=d", "HTTP/2.0"));
    let authority = format!("{}:{}", host.name(), host.port());
    assert_eq!((seen.header("host"), seen.header("x-b")), (vec![&authority[..]], vec!["1", "2"]));
    assert_eq!((seen.authority.as_deref(), seen.alpn.as_deref()), (Some(&authority[..]), Some("h2")));
    assert_eq!((&seen.body[..], seen.complete, seen.stream), (&b"body"[..], true, 1));
    assert_eq!(seen.trailers, [("x-t".to_owned(), "3".to_owned())]);
}

#[tokio::test]
async fn replies_have_headers_bodies_and_trailers() {
    let ground = Ground::new();
    let host = ground.host("api");
    host.reply_with(Reply::status(404).header("x-a", "1").body("12345").trailers(&[("x-t", "2")]).informed(103, &[]));
    let mut requests = client(&ground, &host).await;
    let mut response = send(&mut requests, &host, "/");
    let informed = within(poll_fn(|cx| response.poll_informational(cx))).await.unwrap().unwrap();
    assert_eq!(informed.status(), 103);
    let (status, headers, body, trailers) = whole(response).await.unwrap();
    assert_eq!(
        (status, &headers["x-a"], &body[..], &trailers.unwrap()["x-t"]),
        (404, &"1".parse().unwrap(), &b"12345"[..], &"2".parse().unwrap())
    );
    assert_eq!(answered(&ground, &host, Reply::sized(300_000)).await.unwrap().len(), 300_000);
    assert_eq!(
        answered(&ground, &host, Reply::ok("slow").slow_body(1, Duration::from_millis(1))).await.unwrap(),
        b"slow"
    );
    assert_eq!(answered(&ground, &host, Reply::ok("x").slow_head(9, Duration::from_millis(1))).await.unwrap(), b"x");
}

#[tokio::test]
async fn streams_stand_side_by_side() {
    let ground = Ground::new();
    let host = ground.host("api");
    let gate = Gate::new();
    host.reply_at("/held", Reply::ok("held").held(&gate));
    let mut requests = client(&ground, &host).await;
    let held = send(&mut requests, &host, "/held");
    host.request_number(1).await.unwrap();
    assert_eq!(whole(send(&mut requests, &host, "/")).await.unwrap().0, 200);
    gate.open();
    assert_eq!(whole(held).await.unwrap().2, b"held");
}

#[tokio::test]
async fn streams_break_off_as_asked() {
    let ground = Ground::new();
    let host = ground.host("api");
    let code = |result: Result<Vec<u8>, Error>| result.unwrap_err().reason();
    let reset = Reply::frames(vec![Frame::reset(7)]);
    assert_eq!(code(answered(&ground, &host, reset).await), Some(Reason::REFUSED_STREAM));
    let half = Reply::ok("12").framed_as_written().then_reset(2);
    assert_eq!(code(answered(&ground, &host, half).await), Some(Reason::INTERNAL_ERROR));
    let go_away = answered(&ground, &host, Reply::frames(vec![Frame::go_away()])).await.unwrap_err();
    assert!(go_away.is_go_away() && go_away.is_remote(), "{go_away:?}");
    let cut = answered(&ground, &host, Reply::ok("12345").cut_short(2)).await.unwrap_err();
    assert!(cut.is_io() || cut.reason().is_none(), "{cut:?}");
    let length = Reply::ok("12").framed_as_written().header("content-length", "3");
    assert_eq!(code(answered(&ground, &host, length).await), Some(Reason::PROTOCOL_ERROR));
}

#[tokio::test]
async fn frames_are_sent_as_they_are_written() {
    let ground = Ground::new();
    let host = ground.host("api");
    let right = vec![Frame::headers(&[(":status", "200"), ("x-long", &"a".repeat(300))]), Frame::data("ok").ends()];
    assert_eq!(answered(&ground, &host, Reply::frames(right)).await.unwrap(), b"ok");
    for wrong in [
        vec![Frame::headers(&[(":status", "200"), ("X-Upper", "1")]).ends()],
        vec![Frame::headers(&[(":status", "200"), ("connection", "close")]).ends()],
        vec![Frame::headers(&[("x-a", "1")]).ends()],
        vec![Frame::data("ok").ends()],
    ] {
        assert!(answered(&ground, &host, Reply::frames(wrong.clone())).await.is_err(), "{wrong:?}");
    }
}

#[tokio::test]
async fn it_is_seen_when_a_client_gives_a_request_up() {
    let ground = Ground::new();
    let host = ground.host("api");
    host.reply_with(Reply::silence());
    let mut requests = client(&ground, &host).await;
    let response = send(&mut requests, &host, "/");
    let seen = host.request_number(1).await.unwrap();
    assert!(host.given_up_within(&seen, Duration::from_millis(50)).await.is_err());
    drop(response);
    host.given_up_within(&seen, Duration::from_secs(20)).await.unwrap();
    assert!(host.requests()[0].given_up.is_some() && host.connections()[0].closed.is_none());
}

#[tokio::test]
async fn a_host_speaks_what_it_agrees_to() {
    let ground = Ground::new();
    let host = ground.host("api");
    host.reply_with(Reply::ok("old").then_close());
    assert!(ground.exchange(&host, GET).await.starts_with(b"HTTP/1.1 200"));
    host.speaks(Protocols::Http2);
    let stream = ground.connect(host.name(), host.addr()).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
}

//! What clients send that no client should: each is answered with a problem, and the runtime goes on.

use crate::support::{ADMIN, Target, USER, form, part, recipe, start_fresh};
use assay_fixtures::Behaviour;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const UPLOAD: &str = "/admin/registry/handlers";
const FORM: &str = "multipart/form-data; boundary=XX";

async fn upload(target: Target, content_type: &str, body: &[u8]) -> String {
    target.send(ADMIN, "POST", UPLOAD, content_type, body).await.problem()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_short_anywhere_stores_nothing() {
    let (target, _data) = start_fresh().await;
    let package = recipe("cut", Behaviour::Echo).build();
    let whole = form(&package);
    let closing = whole.len() - b"--XX--\r\n".len();
    for end in [0, 1, 3, 60, whole.len() / 2, closing, closing + 4, closing + 5] {
        assert_eq!(upload(target, FORM, &whole[..end]).await, "multipart-malformed", "{end} bytes");
    }
    assert_eq!(target.get("/registry/handlers/com.example.cut").await.problem(), "not-found");
    target.upload(&package).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_form_is_refused() {
    let (target, _data) = start_fresh().await;
    let whole = form(&recipe("form", Behaviour::Echo).build());
    let long = format!("multipart/form-data; boundary={}", "X".repeat(71));
    for content_type in ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=XX", &long] {
        assert_eq!(upload(target, content_type, &whole).await, "multipart-malformed", "{content_type}");
    }
    let nameless = b"--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--\r\n";
    assert_eq!(upload(target, FORM, nameless).await, "multipart-malformed");
    let many = [part("signature", "application/vnd.dsse+json", b"{}").repeat(500), b"--XX--\r\n".to_vec()].concat();
    assert_eq!(upload(target, FORM, &many).await, "part-repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_too_much_still_gets_the_answer() {
    let (target, _data) = start_fresh().await;
    let megabytes = vec![b'x'; 20 << 20];
    let module = [part("module", "application/wasm", &megabytes[..(16 << 20) + 1]), b"--XX--\r\n".to_vec()].concat();
    assert_eq!(upload(target, FORM, &module).await, "part-too-large");
    assert_eq!(upload(target, FORM, &megabytes).await, "request-too-large");
    assert_eq!(upload(target, FORM, &megabytes[..1 << 20]).await, "multipart-malformed");
    let put = target.send(ADMIN, "PUT", "/admin/trust/keys/a", "application/json", &megabytes).await;
    assert_eq!(put.problem(), "request-too-large");
    let forbidden = target.send(USER, "POST", UPLOAD, FORM, &megabytes).await;
    assert_eq!(forbidden.problem(), "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_is_judged_before_everything_else() {
    let (target, _data) = start_fresh().await;
    for (method, path) in [("POST", UPLOAD), ("PATCH", "/admin/trust/keys/..."), ("POST", "/handlers/%3F/install")] {
        assert_eq!(target.send(USER, method, path, "", b"{]").await.problem(), "forbidden", "{method} {path}");
        assert_eq!(target.send("unknown", method, path, "", b"{]").await.problem(), "unauthenticated");
    }
    let wrong_method = target.send(USER, "PATCH", "/registry/handlers", "", b"").await;
    assert!(wrong_method.head.contains("allow: GET"), "{}", wrong_method.head);
    assert_eq!(wrong_method.problem(), "method-not-allowed");
    assert_eq!(target.send("", "GET", "/no/such/path", "", b"").await.problem(), "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_exactly_what_the_operation_takes() {
    let (target, _data) = start_fresh().await;
    let path = "/handlers/com.example.a/install";
    for (body, pointer) in [
        (json!({"version": "1.0.0", "x/y": 1}).to_string(), json!("/x~1y")),
        (json!({"version": 1}).to_string(), json!("/version")),
        (String::new(), json!("/version")),
        (r#"{"version":"1.0.0","version":"1.0.0"}"#.to_owned(), json!("/version")),
        (format!("{}1{}", "[".repeat(100), "]".repeat(100)), json!("/0".repeat(64))),
        ("{} {}".to_owned(), json!(null)),
    ] {
        let reply = target.send(ADMIN, "POST", path, "application/json", body.as_bytes()).await;
        assert_eq!(reply.problem(), "request-malformed", "{body}");
        assert_eq!(reply.expect(400)["pointer"], pointer, "{body}");
    }
    for query in ["limit=0", "limit=1&limit=1", "installed=yes", "cursor=x", "category=A", "colour=red"] {
        let reply = target.get(&format!("/registry/handlers?{query}")).await;
        assert_eq!(reply.problem(), "request-malformed", "{query}");
        assert_eq!(reply.expect(400)["name"], query.split('=').next().unwrap(), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_break_off_harm_nobody() {
    let (target, _data) = start_fresh().await;
    for bytes in [
        "GET /health HTTP/1.1\r\nHost:".to_owned(),
        format!("POST {UPLOAD} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {ADMIN}\r\nContent-Length: 99\r\n\r\nx"),
        "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(target.0).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        // Whether there is an answer or just an end: there is no hang.
        let _ = stream.read_to_end(&mut rest).await;
    }
    assert_eq!(target.get("/health").await.expect(200), json!({"status": "ok"}));
}

//! Responses of HTTP/1.1 by their letters (egress.md 7.5): what its grammar lets pass, and what it does not. But for the one letter
//! that is wrong, each of those that are refused would be a good answer.

use assay_harness::observatory::Reply;
use assay_harness::{Cx, Stop, ensure};

use super::{failed, handed};
use crate::outside::Outside;

/// A head up to the status, and one header: five bytes follow.
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

pub(super) async fn refused(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let head = |line: &str| format!("{line}\r\ncontent-length: 5\r\n\r\n12345");
    let field = |line: &str| format!("{HEAD}{line}\r\n\r\n12345");
    let chunked = |rest: &str| format!("{CHUNKED}{rest}");
    let cases = [
        ("LF behind the status", "HTTP/1.1 200 OK\ncontent-length: 5\r\n\r\n12345".to_owned()),
        ("LF behind a header", "HTTP/1.1 200 OK\r\ncontent-length: 5\n\r\n12345".to_owned()),
        ("LF for the empty line", format!("{HEAD}\n12345")),
        ("LF throughout", "HTTP/1.1 200 OK\ncontent-length: 5\n\n12345".to_owned()),
        ("CR in a value", field("x: a\rb")),
        ("CR in the reason", head("HTTP/1.1 200 O\rK")),
        ("a folded value", field("x: a\r\n b")),
        ("a folded value, with a tab", field("x: a\r\n\tb")),
        ("a blank before the colon", field("x : a")),
        ("a tab before the colon", field("x\t: a")),
        ("a blank before the first name", head("HTTP/1.1 200 OK\r\n x: a")),
        ("no name", field(": a")),
        ("a name that is no token", field("x(y): a")),
        ("a control character in a value", field("x: a\u{1}b")),
        ("DEL in a value", field("x: a\u{7f}b")),
        ("an empty line in front", format!("\r\n{HEAD}\r\n12345")),
        ("a blank in front", format!(" {HEAD}\r\n12345")),
        ("no head, as in HTTP/0.9", "<html>12345</html>".to_owned()),
        ("no version", head("200 OK")),
        ("a version in lower case", head("http/1.1 200 OK")),
        ("another version", head("HTTP/2.0 200 OK")),
        ("another minor version", head("HTTP/1.2 200 OK")),
        ("two blanks before the status", head("HTTP/1.1  200 OK")),
        ("a tab before the status", head("HTTP/1.1\t200 OK")),
        ("a status of four digits", head("HTTP/1.1 2000 OK")),
        ("a status below 100", head("HTTP/1.1 099 OK")),
        ("LF behind the size of a chunk", chunked("5\n12345\r\n0\r\n\r\n")),
        ("LF behind a chunk", chunked("5\r\n12345\n0\r\n\r\n")),
        ("LF behind the last chunk", chunked("5\r\n12345\r\n0\n\r\n")),
        ("a blank behind the size of a chunk", chunked("5 \r\n12345\r\n0\r\n\r\n")),
        ("LF behind a trailer", chunked("5\r\n12345\r\n0\r\nx: a\n\r\n")),
        ("a folded trailer", chunked("5\r\n12345\r\n0\r\nx: a\r\n b\r\n\r\n")),
        ("a trailer without a colon", chunked("5\r\n12345\r\n0\r\nxa\r\n\r\n")),
        ("a blank before the colon of a trailer", chunked("5\r\n12345\r\n0\r\nx : a\r\n\r\n")),
    ];
    for (what, text) in cases {
        cx.case(what, failed(&sender, &host, Reply::raw(text))).await;
    }
    let twin = async {
        let response = handed(&sender, &host, Reply::raw(field("x: a"))).await?;
        ensure!(response.carries(b"12345"), "the body came as {:?}", response.text());
        Ok(())
    };
    cx.case("the same with nothing wrong", twin).await;
    Ok(())
}

pub(super) async fn read(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let head = |line: &str| format!("{line}\r\nx-a: 1\r\ncontent-length: 5\r\n\r\n12345");
    let field = |line: &str| format!("{HEAD}{line}\r\n\r\n12345");
    let chunked = |rest: &str| format!("HTTP/1.1 200 OK\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n{rest}");
    let cases = [
        ("a reason of several words", head("HTTP/1.1 200 all is well")),
        ("an empty reason", head("HTTP/1.1 200 ")),
        ("no reason, and no blank before it", head("HTTP/1.1 200")),
        ("HTTP/1.0", head("HTTP/1.0 200 OK")),
        ("no blank behind the colon", field("x-a:1")),
        ("blanks and tabs around a value", field("x-a: \t 1 \t ")),
        ("a name of every kind of letter", field("x!#$%&'*+-.^_`|~9: 2\r\nx-a: 1")),
        ("until the end of the connection", "HTTP/1.1 200 OK\r\nx-a: 1\r\n\r\n12345".to_owned()),
        ("extensions of chunks", chunked("5 ; a=b;c=\"d\"\r\n12345\r\n0;e\r\n\r\n")),
        ("zeros before the size of a chunk", chunked("0005\r\n12345\r\n000\r\n\r\n")),
        ("trailers", chunked("5\r\n12345\r\n0\r\nx-b: 1\r\nx-c:\r\n\r\n")),
    ];
    for (what, text) in cases {
        let judged = async {
            let response = handed(&sender, &host, Reply::raw(text)).await?;
            ensure!(response.status == 200, "the status came as {}", response.status);
            ensure!(response.carries(b"12345"), "the body came as {:?}", response.text());
            ensure!(response.header("x-a") == ["1"], "`x-a` came as {:?}", response.header("x-a"));
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

pub(super) async fn trailer_bounds(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let count = cx.discovery().bound_as_size("egress_headers")?;
    let bytes = cx.discovery().bound_as_size("egress_header_bytes")?;
    let many = |count: usize| -> Vec<(String, String)> {
        (0..count).map(|number| (format!("x-{number}"), "1".to_owned())).collect()
    };
    let long = |bytes: usize| vec![("x-t".to_owned(), "t".repeat(bytes - "x-t".len()))];
    let split = |bytes: usize| {
        let half = bytes / 2;
        vec![("x-t".to_owned(), "t".repeat(half - 3)), ("x-u".to_owned(), "u".repeat(bytes - half - 3))]
    };
    let with = |trailers: &[(String, String)]| {
        let lines: String = trailers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Reply::raw(format!("{CHUNKED}5\r\n12345\r\n0\r\n{lines}\r\n"))
    };
    for (what, within, more) in [
        ("their number", many(count), many(count + 1)),
        ("the bytes of one", long(bytes), long(bytes + 1)),
        ("the bytes of all", split(bytes), split(bytes + 1)),
        ("far more", many(1), many(count * 8)),
    ] {
        let judged = async {
            failed(&sender, &host, with(&more)).await?;
            let response = handed(&sender, &host, with(&within)).await?;
            ensure!(response.carries(b"12345"), "the body came as {:?}", response.text());
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

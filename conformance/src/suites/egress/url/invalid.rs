//! Requests that are not of their form, for hosts that are denied: what is wrong with both is told in one order (egress.md 2.2).

use assay_fixtures::exchange::Request;
use assay_harness::{Cx, Stop};

use crate::outside::{Outside, unnoticed};

/// What is wrong with a request besides its host.
fn faults(cx: &Cx) -> Result<Vec<(&'static str, Request)>, Stop> {
    let bound = |name| cx.discovery().bound_as_size(name);
    let (count, bytes) = (bound("egress_headers")?, bound("egress_header_bytes")?);
    let body = bound("egress_body_bytes")?;
    let (get, post) = (|| Request::get(""), |body: Vec<u8>| Request::post("", body));
    let many = (0..=count).fold(get(), |request, number| request.header(format!("x-{number}"), "1"));
    Ok(vec![
        ("a method that is none", Request::new("TRACE", "")),
        ("a method in another case", Request::new("get", "")),
        ("a GET with a body", get().body("x")),
        ("a name that is no token", get().header("x y", "1")),
        ("a line break in a value", get().header("x-value", "1\r\nx-smuggled: 1")),
        ("a blank around a value", get().header("x-value", " 1")),
        ("a value outside of ASCII", get().header("x-value", "\u{e4}")),
        ("too many headers", many),
        ("too many bytes of headers", get().header("x-filler", "a".repeat(bytes))),
        ("too long a body", post(vec![b'x'; body + 1])),
    ])
}

pub(super) async fn and_denied(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, other) = (outside.host("api")?, outside.host("other")?);
    let memory = cx.discovery().bound("memory_bytes")?;
    let sender = outside.install(&outside.recipe("sender", &[host.rule()]).limit("memory_bytes", memory)).await?;
    let places = [
        ("a host without a rule", other.url("/")),
        ("another scheme", other.url("/").replacen("https", "http", 1)),
        ("user information", host.url("/").replacen("//", "//user@", 1)),
    ];
    for (place, url) in &places {
        // Of its form it is denied: the control of all that is not.
        cx.case(*place, async { sender.refused(Request::get(url), "denied", &host).await }).await;
    }
    for (what, request) in faults(&cx)? {
        // One kind of host for each fault would do for a runtime with one order; a long body is sent once.
        let places = if request.body.len() > 1 { &places[..1] } else { &places[..] };
        for (place, url) in places {
            let request = Request { url: url.clone(), ..request.clone() };
            let judged = async { sender.refused(request, "invalid-request", &host).await };
            cx.case(format!("{what}, {place}"), judged).await;
        }
    }
    unnoticed(&other)
}

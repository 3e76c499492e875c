//! Headers that are removed without an error (egress.md 3.4). In each request stands a header that arrives, so that a runtime
//! that sends none is noticed.

use assay_fixtures::exchange::Request;
use assay_harness::{Cx, Group, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "stripped",
    checks: checks![
        each("egress.stripped.connection", "headers of the connection are removed", &["EGR-REQ-006"], connection)
            .needs(NEEDS),
        each("egress.stripped.named", "headers that `connection` names are removed", &["EGR-REQ-006"], named)
            .needs(NEEDS),
        each("egress.stripped.authorization", "authorization is removed", &["EGR-REQ-007"], authorization).needs(NEEDS),
        each("egress.stripped.cookie", "cookie is removed", &["EGR-REQ-007"], cookie).needs(NEEDS),
        each(
            "egress.stripped.forwarding",
            "headers that speak for a proxy or a browser are removed",
            &["EGR-REQ-007"],
            forwarding
        )
        .needs(NEEDS),
        each("egress.stripped.trailers", "and nothing is sent as a trailer", &["EGR-REQ-011"], trailers).needs(NEEDS),
        each("egress.stripped.case", "whatever the case of their names", &["EGR-REQ-007"], letters).needs(NEEDS),
    ],
};

/// Sends a header of each of these names, alone and all together, and judges that none arrives.
async fn removed(cx: &Cx, names: &[&str]) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(cx).await?;
    let all = names.to_vec();
    for names in names.iter().map(std::slice::from_ref).chain([all.as_slice()]) {
        let judged = async {
            let mut request = Request::post(host.url("/"), "body").header("x-before", "kept");
            for name in names {
                request = request.header(*name, "planted-by-the-handler");
            }
            nonce(&sender.send(request.header("x-after", "kept")).await?, &host)?;
            let seen = host.requests().pop().ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
            for name in ["x-before", "x-after"] {
                ensure!(
                    seen.header(name) == ["kept"],
                    "`{name}`, which nobody removes, arrived as {:?}",
                    seen.header(name)
                );
            }
            for name in names {
                let planted = seen.header(name).iter().any(|value| value.contains("planted"));
                ensure!(!planted, "`{name}` was forwarded");
            }
            ensure!(seen.complete && seen.body == b"body", "the body arrived as {} bytes, expected 4", seen.body.len());
            Ok(())
        };
        cx.case(names.join(", "), judged).await;
    }
    Ok(())
}

async fn connection(cx: Cx) -> Result<(), Stop> {
    removed(&cx, &["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect"]).await
}

async fn named(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let request = Request::get(host.url("/"))
        .header("x-secret", "planted")
        .header("Connection", "close, X-Secret ,,x-other")
        .header("x-other", "planted")
        .header("connection", "x-third")
        .header("X-Third", "planted")
        .header("x-kept", "kept");
    nonce(&sender.send(request).await?, &host)?;
    let seen = host.requests().pop().ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
    ensure!(
        seen.header("x-kept") == ["kept"],
        "`x-kept`, which nobody removes, arrived as {:?}",
        seen.header("x-kept")
    );
    for name in ["x-secret", "x-other", "x-third"] {
        ensure!(seen.header(name).is_empty(), "`{name}` was forwarded, which `connection` names");
    }
    Ok(())
}

async fn authorization(cx: Cx) -> Result<(), Stop> {
    removed(&cx, &["authorization", "proxy-authorization"]).await
}

async fn cookie(cx: Cx) -> Result<(), Stop> {
    removed(&cx, &["cookie"]).await
}

async fn forwarding(cx: Cx) -> Result<(), Stop> {
    let names = [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-anything",
        "proxy-anything",
        "sec-fetch-site",
        "sec-websocket-key",
    ];
    removed(&cx, &names).await
}

/// A handler has no way to write a trailer but to announce a header as one.
async fn trailers(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    for (what, announced) in [
        ("announced", &[("trailer", "x-late")][..]),
        ("announced and asked for", &[("te", "trailers"), ("Trailer", "X-Late, x-absent")]),
        (
            "announced in chunks",
            &[("Transfer-Encoding", "chunked"), ("trailer", "x-absent,x-late"), ("te", "trailers")],
        ),
        (
            "announced as one of the connection",
            &[("connection", "te, trailer"), ("te", "trailers"), ("trailer", "x-late")],
        ),
    ] {
        let judged = async {
            let request = Request::post(host.url("/"), "0\r\nx-late: of the body\r\n\r\n");
            let length = request.body.len();
            let request = announced.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            nonce(&sender.send(request.header("x-late", "kept")).await?, &host)?;
            let seen = host.requests().pop().ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
            ensure!(seen.trailers.is_empty(), "behind the body came the trailers {:?}, expected none", seen.trailers);
            // What is no trailer is a header as any other.
            ensure!(
                seen.header("x-late") == ["kept"],
                "`x-late`, which nobody removes, arrived as {:?}",
                seen.header("x-late")
            );
            ensure!(
                seen.complete && seen.body.len() == length,
                "the body arrived as {} bytes, expected {length}",
                seen.body.len()
            );
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

async fn letters(cx: Cx) -> Result<(), Stop> {
    removed(&cx, &["Authorization", "COOKIE", "X-Forwarded-For", "Keep-Alive", "TE", "Sec-Fetch-Mode", "pRoXy-Status"])
        .await
}

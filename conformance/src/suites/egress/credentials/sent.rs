//! Sending credentials: for whom, to whom, and until when (egress.md 4.2 and 4.4).

use assay_fixtures::exchange::Request;
use assay_harness::observatory::Host;
use assay_harness::{Control as _, Cx, Stop, ensure};
use serde_json::json;

use super::{HEADER, arrives_with, body, keep, last, name, secret};
use crate::outside::{Outside, nonce};

pub(super) async fn injected(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let (key, token) = (secret(&cx, "key"), format!("Bearer {}", secret(&cx, "token")));
    keep(&outside, "key", &body(&outside, &[host.rule()], HEADER, &key)).await?;
    keep(&outside, "token", &body(&outside, &[host.rule()], "Authorization", &token)).await?;
    let written = Request::get(host.url("/"))
        .header("X-Api-Key", "own")
        .header("x-kept", "kept")
        .header(HEADER, "again")
        .header("authorization", "own");
    for (what, request) in [("alone", Request::get(host.url("/"))), ("over the handler's", written)] {
        let judged = async {
            nonce(&sender.send(request).await?, &host)?;
            for (header, expected) in [(HEADER, &key), ("authorization", &token)] {
                let found = last(&host, header);
                ensure!(found == [expected.as_str()], "`{header}` arrived as {found:?}, expected the credential only");
            }
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

pub(super) async fn named_by_connection(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let key = secret(&cx, "key");
    keep(&outside, "key", &body(&outside, &[host.rule()], HEADER, &key)).await?;
    for (what, connection) in [("as it is", HEADER), ("in other letters", "close, X-Api-Key, x-named")] {
        let judged = async {
            let request = Request::get(host.url("/")).header("x-named", "planted").header(HEADER, "planted");
            nonce(&sender.send(request.header("connection", connection)).await?, &host)?;
            let found = last(&host, HEADER);
            ensure!(found == [key.as_str()], "`{HEADER}` arrived as {found:?}, expected the credential only");
            let named = last(&host, "x-named");
            let expected: &[&str] = if connection == HEADER { &["planted"] } else { &[] };
            ensure!(named == expected, "`x-named` arrived as {named:?}, expected {expected:?}");
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

pub(super) async fn handlers(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let rules = [host.rule()];
    let senders = [
        ("one", outside.sender("one", &rules).await?, true),
        ("family.below", outside.sender("family.below", &rules).await?, true),
        ("family.a.b", outside.sender("family.a.b", &rules).await?, true),
        ("family", outside.sender("family", &rules).await?, false),
        ("familys.below", outside.sender("familys.below", &rules).await?, false),
        ("one.below", outside.sender("one.below", &rules).await?, false),
        ("other", outside.sender("other", &rules).await?, false),
    ];
    let secret = secret(&cx, "scope");
    let publisher = outside.publisher();
    let scope = [publisher.id("one"), format!("{}.*", publisher.id("family"))];
    let credential = json!({"handlers": scope, "hosts": rules, "header": HEADER, "value": secret});
    keep(&outside, "scope", &credential).await?;
    for (leaf, sender, fits) in &senders {
        let expected: &[&str] = if *fits { &[&secret] } else { &[] };
        cx.case(*leaf, arrives_with(sender, &host, expected)).await;
    }
    Ok(())
}

pub(super) async fn hosts(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (exact, below, apex, other) =
        (outside.host("exact")?, outside.host("a.wild")?, outside.host("wild")?, outside.host("other")?);
    let rules = [&exact, &below, &apex, &other].map(Host::rule);
    let sender = outside.sender("sender", &rules).await?;
    let secret = secret(&cx, "hosts");
    let wild = format!("https://*.{}:{}", apex.name(), apex.port());
    keep(&outside, "hosts", &body(&outside, &[exact.rule(), wild], HEADER, &secret)).await?;
    for (host, fits) in [(&exact, true), (&below, true), (&apex, false), (&other, false)] {
        let expected: &[&str] = if fits { &[&secret] } else { &[] };
        cx.case(host.name(), arrives_with(&sender, host, expected)).await;
    }
    Ok(())
}

pub(super) async fn ports(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let other = outside.host("other")?;
    let both = outside.sender("both", &[host.rule(), other.rule()]).await?;
    let secret = secret(&cx, "ports");
    let rules = [format!("https://{}", other.name()), format!("https://{}:8443", other.name()), host.rule()];
    keep(&outside, "ports", &body(&outside, &rules, HEADER, &secret)).await?;
    arrives_with(&sender, &host, &[&secret]).await.control("the credential is sent to its port")?;
    arrives_with(&both, &other, &[]).await
}

pub(super) async fn several(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let [first, second, third] = ["first", "second", "third"].map(|word| secret(&cx, word));
    // Kept in another order than that of the names.
    keep(&outside, "b", &body(&outside, &[host.rule()], HEADER, &second)).await?;
    keep(&outside, "c", &body(&outside, &[host.rule()], "x-other-key", &third)).await?;
    keep(&outside, "a", &body(&outside, &[host.rule()], "X-API-Key", &first)).await?;
    arrives_with(&sender, &host, &[&first]).await?;
    let other = last(&host, "x-other-key");
    ensure!(other == [third.as_str()], "the other header arrived as {other:?}, expected its own credential");
    Ok(())
}

pub(super) async fn removed(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let secret = secret(&cx, "removed");
    keep(&outside, "removed", &body(&outside, &[host.rule()], HEADER, &secret)).await?;
    arrives_with(&sender, &host, &[&secret]).await.control("the credential is sent")?;
    let removed = async { outside.publisher().control().delete_credential(&name(&cx, "removed")).await?.expect(204) };
    removed.await.control("it is removed")?;
    arrives_with(&sender, &host, &[]).await
}

pub(super) async fn replaced(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let (old, new) = (secret(&cx, "old"), secret(&cx, "new"));
    keep(&outside, "replaced", &body(&outside, &[host.rule()], HEADER, &old)).await?;
    arrives_with(&sender, &host, &[&old]).await.control("the credential is sent")?;
    let put = async {
        let body = body(&outside, &[host.rule()], HEADER, &new);
        outside.publisher().control().put_credential(&name(&cx, "replaced"), &body).await?.expect(200)
    };
    put.await.control("it is replaced")?;
    arrives_with(&sender, &host, &[&new]).await
}

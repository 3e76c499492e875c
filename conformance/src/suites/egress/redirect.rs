//! Nothing that a response or a handler says changes where a request goes (egress.md 7.2 and 7.3).

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{Host, Reply};
use assay_harness::{Cx, Group, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside, nonce, response, unnoticed};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "redirect",
    checks: checks![
        each("egress.redirect.handed-on", "a redirect is handed on and never followed", &["EGR-HTT-002"], handed_on)
            .needs(NEEDS),
        each("egress.redirect.anywhere", "wherever it points", &["EGR-HTT-002"], anywhere).needs(NEEDS),
        each("egress.redirect.destination", "nothing else changes where a request goes", &["EGR-HTT-001"], destination)
            .needs(NEEDS),
    ],
};

/// Sends a request to a host that answers with a redirect, and judges that the handler was handed it and nobody followed.
async fn not_followed(
    outside: &Outside,
    leaf: &str,
    from: &Host,
    rules: &[String],
    status: u16,
    to: &str,
) -> Result<(), Stop> {
    from.reply_with(Reply::redirect(status, to));
    let sender = outside.sender(leaf, rules).await?;
    let before = from.requests().len();
    let answer = sender.send(Request::post(from.url("/here"), "body")).await?;
    let response = response(&answer)?;
    ensure!(response.status == status, "the handler was handed {}, expected {status}", response.status);
    ensure!(response.header("location") == [to], "`location` is {:?}, expected {to}", response.header("location"));
    let seen = from.requests().len() - before;
    ensure!(seen == 1, "the host that redirects saw {seen} requests, expected one");
    Ok(())
}

async fn handed_on(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (from, to) = (outside.host("from")?, outside.host("to")?);
    // The handler might go there itself: it is for the handler to do so.
    let rules = [from.rule(), to.rule()];
    for status in [301, 302, 303, 307, 308] {
        let judged = async {
            not_followed(&outside, &format!("s{status}"), &from, &rules, status, &to.url("/there")).await?;
            unnoticed(&to)
        };
        cx.case(status.to_string(), judged).await;
    }
    let sender = outside.sender("twin", &rules).await?;
    sender.reaches(&to).await
}

async fn anywhere(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (from, denied, decoy) = (outside.host("from")?, outside.host("denied")?, outside.watch().decoy("decoy")?);
    let rules = [from.rule()];
    let places = [
        ("a denied host", denied.url("/")),
        ("plain http", denied.url("/").replacen("https", "http", 1)),
        ("a private address", format!("https://{}/", decoy.addr())),
        ("a name of this machine", decoy.url("/")),
        ("the same host", from.url("/elsewhere")),
        ("a path", "/elsewhere".to_owned()),
        ("another authority", format!("//{}:{}/", denied.name(), denied.port())),
    ];
    for (number, (what, to)) in places.into_iter().enumerate() {
        cx.case(what, not_followed(&outside, &format!("p{number}"), &from, &rules, 302, &to)).await;
    }
    unnoticed(&denied)?;
    unnoticed(&decoy)?;
    from.reply_with(Reply::json(&serde_json::json!({ "nonce": from.nonce() })));
    outside.sender("twin", &rules).await?.reaches(&from).await
}

async fn destination(cx: Cx) -> Result<(), Stop> {
    let (outside, host, _) = Outside::pair(&cx).await?;
    let other = outside.host("other")?;
    let both = outside.sender("both", &[host.rule(), other.rule()]).await?;
    let place = format!("{}:{}", other.name(), other.port());
    for (what, value) in [("name and port", place.clone()), ("name", other.name().to_owned())] {
        let request = Request::get(host.url("/")).header("host", value.clone()).header("x-forwarded-host", value);
        cx.case(what, async { nonce(&both.send(request).await?, &host) }).await;
    }
    let mut request = Request::get(host.url("/"));
    for name in
        ["proxy", "proxy-connection", "proxy-authorization", "forwarded", "x-original-url", "x-http-host-override"]
    {
        request = request.header(name, other.url("/"));
    }
    cx.case("headers for a proxy", async { nonce(&both.send(request).await?, &host) }).await;
    let absolute = Request::get(host.url(&format!("/{}", other.url("/"))));
    cx.case("a URL for a path", async { nonce(&both.send(absolute).await?, &host) }).await;
    host.reply_with(
        Reply::json(&serde_json::json!({ "nonce": host.nonce() }))
            .header("alt-svc", &format!("h2=\"{place}\"; ma=3600, http/1.1=\"{place}\""))
            .header("refresh", &format!("0; url={}", other.url("/")))
            .header("content-location", &other.url("/"))
            .header("link", &format!("<{}>; rel=preload", other.url("/"))),
    );
    let judged = async {
        let get = Request::get(host.url("/"));
        for answer in both.send_all(&[get.clone(), get.clone(), get]).await? {
            nonce(&answer, &host)?;
        }
        Ok(())
    };
    cx.case("what the response says of another service", judged).await;
    // Statuses that tell whoever believes them to come again elsewhere, or by way of somebody else.
    for status in [201, 300, 305, 407, 421] {
        host.reply_with(
            Reply::status(status).header("location", &other.url("/")).header("alt-svc", &format!("h2=\"{place}\"")),
        );
        let judged = async {
            let found = response(&both.send(Request::get(host.url("/"))).await?)?.status;
            ensure!(found == status, "the handler was handed {found}, expected {status}");
            Ok(())
        };
        cx.case(format!("{status} with another place"), judged).await;
    }
    unnoticed(&other)?;
    both.reaches(&other).await
}

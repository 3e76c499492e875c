//! The way through a forward proxy (egress.md 7.2). These checks run where the run gives the target one; so does all else of the
//! profile then, but for what judges addresses.

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{Connect, Host, Tunnel};
use assay_harness::{Control as _, Cx, Group, Need, Stop, checks, ensure};
use serde_json::json;

use crate::outside::{Outside, nonce, shown, unreached};

/// What every check of this group needs.
const THROUGH: &[Need] = &[Need::Feature("egress"), Need::Observatory, Need::Proxy];

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "proxy",
    checks: checks![
        each("egress.proxy.alone", "hosts are reached through the proxy alone", &["EGR-PRX-001"], alone).needs(THROUGH),
        each("egress.proxy.refused", "what the proxy does not open is failed", &["EGR-PRX-002"], refused)
            .needs(THROUGH),
        each("egress.proxy.silent", "and timed out if it says nothing", &["EGR-PRX-002"], silent).needs(THROUGH),
        each("egress.proxy.told", "the proxy is told the host and the port alone", &["EGR-PRX-003"], told)
            .needs(THROUGH),
    ],
};

/// Every connection to a host was asked of the proxy, by the host's name, and nobody else was asked for the name.
fn through_the_proxy(host: &Host) -> Result<(), Stop> {
    for query in host.queries() {
        ensure!(query.over == "proxy", "{} was asked for over {}, and not by CONNECT", host.name(), query.over);
    }
    let place = format!("{}:{}", host.name(), host.port());
    let asked: Vec<String> = host.connects().into_iter().map(|connect| connect.authority).collect();
    ensure!(asked.iter().all(|authority| *authority == place), "the proxy was asked for {asked:?}, expected {place}");
    let (asked, connected) = (asked.len(), host.connections().len());
    ensure!(connected == asked, "{connected} connections to {} after {asked} CONNECT", host.name());
    Ok(())
}

async fn alone(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, other) = (outside.host("api")?, outside.host("other")?);
    let sender = outside.sender("sender", &[host.rule(), other.rule()]).await?;
    // However the host is written, the proxy is asked for the canonical one.
    let written = host.url("/").replacen("api", "A%50i", 1);
    for request in [Request::get(host.url("/")), Request::get(written), Request::post(host.url("/"), "body")] {
        nonce(&sender.send(request).await?, &host)?;
    }
    nonce(&sender.send(Request::get(other.url("/"))).await?, &other)?;
    for host in [&host, &other] {
        ensure!(host.was_reached(), "nobody connected to {}: nothing was judged", host.name());
        through_the_proxy(host)?;
    }
    let seen = host.requests();
    let sni = seen.iter().all(|seen| seen.sni.as_deref() == Some(host.name()));
    ensure!(sni, "the TLS server name inside of the tunnel is not {}", host.name());
    Ok(())
}

/// A host that the proxy does not lead to, one that it leads to, and what becomes of a request for the former.
async fn shut(outside: &Outside, leaf: &str, tunnel: Tunnel, case: &str) -> Result<(), Stop> {
    let (host, shut) = (outside.host(&format!("{leaf}-open"))?, outside.host(leaf)?);
    let rules = [host.rule(), shut.rule()];
    let sender = outside.limited(leaf, &rules, json!({"timeout_ms": 1000})).await?;
    shut.tunnel(tunnel);
    sender.refused(Request::post(shut.url("/"), "secret"), case, &host).await?;
    let asked = shut.connects().len();
    ensure!(asked == 1, "the proxy was asked {asked} times, expected once");
    unreached(&shut)?;
    shut.tunnel(Tunnel::Opens);
    nonce(&sender.send(Request::get(shut.url("/"))).await?, &shut).control("the same host through an open tunnel")
}

async fn refused(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let says = |text: &str| Tunnel::Says(text.as_bytes().to_vec());
    let cases = [
        ("forbidden", says("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")),
        ("who-are-you", says("HTTP/1.1 407 Who\r\nproxy-authenticate: Basic realm=\"x\"\r\ncontent-length: 0\r\n\r\n")),
        ("redirect", says("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n")),
        ("gateway", says("HTTP/1.1 502 Bad Gateway\r\n\r\n")),
        ("switching", says("HTTP/1.1 101 Switching Protocols\r\nupgrade: tls\r\n\r\n")),
        ("garbage", says("\0\u{1}\u{2} no HTTP\r\n\r\n")),
        ("another-protocol", says("SSH-2.0-OpenSSH_9.2\r\n\r\n")),
        ("bytes-behind", says("HTTP/1.1 200 OK\r\n\r\nhello")),
        ("closed", Tunnel::Closed),
        ("endless", Tunnel::Endless),
    ];
    for (what, tunnel) in cases {
        cx.case(what, shut(&outside, what, tunnel, "failed")).await;
    }
    // What opens a tunnel does so in any of its forms.
    let host = outside.host("api")?;
    let sender = outside.sender("sender", &[host.rule()]).await?;
    for answer in ["HTTP/1.1 204 Opened\r\nx-proxy: 1\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"] {
        host.tunnel(says(answer));
        let judged = async { nonce(&sender.send(Request::get(host.url("/"))).await?, &host) };
        cx.case(format!("opened by {}", &answer[..12]), judged).await;
    }
    Ok(())
}

async fn silent(cx: Cx) -> Result<(), Stop> {
    shut(&Outside::new(&cx).await?, "silent", Tunnel::Silence, "timed-out").await
}

async fn told(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let secret = format!("secret-{}", cx.namespace());
    let credential = json!({
        "handlers": [sender.id()], "hosts": [host.rule()], "header": "x-credential", "value": format!("credential-{secret}"),
    });
    let name = format!("c-{}", cx.namespace());
    outside
        .publisher()
        .admin()
        .put_credential(&name, &credential)
        .await?
        .expect(201)
        .control("a credential is kept")?;
    let mut request = Request::post(host.url(&format!("/path-{secret}?query-{secret}")), format!("body-{secret}"));
    for header in ["proxy-authorization", "proxy-connection", "authorization", "cookie", "user-agent", "x-own", "host"]
    {
        request = request.header(header, format!("{header}-{secret}"));
    }
    nonce(&sender.send(request).await?, &host)?;
    through_the_proxy(&host)?;
    let seen = host.requests().pop();
    let arrived = seen.is_some_and(|seen| seen.header("x-own").len() + seen.header("x-credential").len() == 2);
    ensure!(arrived, "what is for the host did not arrive there: nothing was judged");
    for Connect { head, .. } in host.connects() {
        ensure!(!head.contains(&secret), "the proxy was told what is for the host: {:?}", shown(&head));
    }
    Ok(())
}

//! Which URL a handler may ask for, and what of it is sent (egress.md, section 2).

pub(super) mod generated;
mod invalid;

use assay_fixtures::exchange::Request;
use assay_harness::observatory::Host;
use assay_harness::{Cx, Group, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside, nonce, shown, told, unnoticed, unreached};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "url",
    checks: checks![
        each("egress.url.length", "a URL of 8192 bytes is sent, a longer one is refused", &["EGR-URL-001"], length)
            .needs(NEEDS),
        each(
            "egress.url.controls",
            "a URL with white space or control characters is refused",
            &["EGR-URL-001"],
            controls
        )
        .needs(NEEDS),
        each("egress.url.backslashes", "a URL with a backslash is refused", &["EGR-URL-001"], backslashes).needs(NEEDS),
        each("egress.url.relative", "what is no absolute URL is refused", &["EGR-URL-001"], relative).needs(NEEDS),
        each("egress.url.scheme", "another scheme than https is denied", &["EGR-URL-002"], scheme).needs(NEEDS),
        each(
            "egress.url.user-information",
            "a URL with user information is denied",
            &["EGR-URL-003"],
            user_information
        )
        .needs(NEEDS),
        each("egress.url.canonical", "the canonical host counts", &["EGR-URL-004", "EGR-URL-009"], canonical)
            .needs(NEEDS),
        each(
            "egress.url.trailing-dot",
            "a host with an empty label, as by a trailing dot, is denied",
            &["EGR-URL-005"],
            trailing_dot
        )
        .needs(NEEDS),
        each(
            "egress.url.addresses",
            "an address in any notation is denied",
            &["EGR-URL-001", "EGR-URL-005"],
            addresses
        )
        .needs(NEEDS),
        each("egress.url.localhost", "`localhost`, however it is written, is denied", &["EGR-URL-011"], localhost)
            .needs(NEEDS),
        each("egress.url.undeclared", "of a host that is denied nothing is asked", &["EGR-URL-006"], undeclared)
            .needs(NEEDS),
        each(
            "egress.url.invalid-and-denied",
            "a request for such a host that is not of its form is invalid",
            &["EGR-REQ-012"],
            invalid::and_denied
        )
        .needs(NEEDS),
        each("egress.url.target", "path and query are sent as they are serialised", &["EGR-URL-008"], target)
            .needs(NEEDS),
        each("egress.url.generated", "generated URLs are decided as the rules say", &["EGR-URL-010"], generated::urls)
            .needs(NEEDS),
    ],
};

/// Each of these is refused with this case, beside an allowed request.
async fn all_refused(cx: &Cx, case: &str, urls: impl Fn(&Host) -> Vec<String>) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(cx).await?;
    for url in urls(&host) {
        let name = shown(&url);
        cx.case(name, async { sender.refused(Request::get(url), case, &host).await }).await;
    }
    Ok(())
}

async fn length(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let url = |bytes: usize| {
        let front = host.url("/");
        format!("{front}{}", "x".repeat(bytes - front.len()))
    };
    sender.refused(Request::get(url(8193)), "invalid-request", &host).await?;
    nonce(&sender.send(Request::get(url(8192))).await?, &host)?;
    let seen = host.requests().pop().map(|seen| seen.target).unwrap_or_default();
    ensure!(host.url(&seen).len() == 8192, "of a URL of 8192 bytes {} arrived", host.url(&seen).len());
    Ok(())
}

async fn controls(cx: Cx) -> Result<(), Stop> {
    all_refused(&cx, "invalid-request", |host| {
        let mut urls: Vec<String> =
            ["\t", "\n", "\r", " ", "\0", "\u{1f}", "\u{7f}"].map(|byte| host.url(&format!("/a{byte}b"))).to_vec();
        urls.extend([
            format!(" {}", host.url("/")),
            format!("{}\n", host.url("/")),
            host.url("/").replacen("https", "ht\ttps", 1),
            host.url("/").replacen(".assay", ".as\nsay", 1),
        ]);
        urls
    })
    .await
}

async fn backslashes(cx: Cx) -> Result<(), Stop> {
    all_refused(&cx, "invalid-request", |host| {
        vec![
            host.url("/a\\b"),
            host.url("/").replacen("//", "\\\\", 1),
            format!("https://{}:{}\\@evil.example.com/", host.name(), host.port()),
            host.url("/?a\\b"),
            host.url("/#\\"),
        ]
    })
    .await
}

async fn relative(cx: Cx) -> Result<(), Stop> {
    all_refused(&cx, "invalid-request", |host| {
        let authority = format!("{}:{}", host.name(), host.port());
        vec![
            format!("//{authority}/"),
            host.name().to_owned(),
            format!("{}/a", host.name()),
            "/a".to_owned(),
            String::new(),
            "?".to_owned(),
            "https://".to_owned(),
            format!("https://{}:65536/", host.name()),
            format!("https://{}:x/", host.name()),
            "https://[::1/".to_owned(),
            "https://a%00b.example.com/".to_owned(),
            "https://xn--a.example.com/".to_owned(),
            "https://256.1.1.1/".to_owned(),
        ]
    })
    .await
}

async fn scheme(cx: Cx) -> Result<(), Stop> {
    all_refused(&cx, "denied", |host| {
        let with = |scheme: &str| host.url("/").replacen("https", scheme, 1);
        let mut urls = ["http", "HTTP", "ws", "wss", "ftp", "gopher"].map(with).to_vec();
        urls.extend(["data:text/plain,a", "file:///etc/hostname", "javascript:0"].map(str::to_owned));
        urls
    })
    .await
}

async fn user_information(cx: Cx) -> Result<(), Stop> {
    all_refused(&cx, "denied", |host| {
        ["user", "user:word", "", ":", "api.example.com", "a@b", "user%40"]
            .map(|user| host.url("/").replacen("//", &format!("//{user}@"), 1))
            .to_vec()
    })
    .await
}

async fn canonical(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let (host, idn) = (outside.host("api")?, outside.host("xn--bcher-kva")?);
    let sender = outside.sender("sender", &[host.rule(), idn.rule()]).await?;
    let unicode = |label: &str| idn.url("/").replacen("xn--bcher-kva", label, 1);
    let spellings = [
        (&host, host.url("/").to_uppercase()),
        (&host, host.url("/").replacen("api", "%61p%49", 1)),
        (&host, host.url("/").replacen("api", "\u{ff41}\u{ff50}\u{ff49}", 1)),
        (&host, host.url("/").replacen("api.", "api\u{3002}", 1)),
        (&host, host.url("/").replacen("//", "", 1)),
        (&idn, idn.url("/")),
        (&idn, unicode("b\u{fc}cher")),
        (&idn, unicode("BU\u{308}CHER")),
        (&idn, unicode("b%C3%BCcher")),
        (&idn, unicode("XN--BCHER-KVA")),
    ];
    for (host, url) in spellings {
        let judged = async {
            nonce(&sender.send(Request::get(url.clone())).await?, host)
                .map_err(|stop| told(stop, "the allowed host"))?;
            let seen = host.requests().pop().ok_or_else(|| Stop::Fail("the host saw nothing".to_owned()))?;
            let authority = format!("{}:{}", host.name(), host.port());
            ensure!(
                seen.header("host") == [authority.as_str()],
                "`Host` is {:?}, expected {authority}",
                seen.header("host")
            );
            ensure!(
                seen.sni.as_deref() == Some(host.name()),
                "the TLS server name is {:?}, expected {}",
                seen.sni,
                host.name()
            );
            Ok(())
        };
        cx.case(shown(&url), judged).await;
    }
    Ok(())
}

async fn trailing_dot(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("a.wild")?;
    let rules = [host.rule(), format!("https://*.{}:{}", outside.watch().name("wild"), host.port())];
    let sender = outside.sender("sender", &rules).await?;
    for (what, name) in [
        ("one dot", format!("{}.", host.name())),
        ("two dots", format!("{}..", host.name())),
        ("encoded", format!("{}%2e", host.name())),
        ("a dot in front", format!(".{}", host.name())),
        ("two dots in a row", host.name().replacen('.', "..", 1)),
    ] {
        let url = format!("https://{name}:{}/", host.port());
        cx.case(what, async { sender.refused(Request::get(url), "denied", &host).await }).await;
    }
    Ok(())
}

async fn addresses(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    // A host whose address is known, and which nobody may reach by it; whoever is led to this machine finds it, too.
    let known = outside.host("known")?;
    let port = known.port_everywhere()?;
    let [a, b, c, d] = match known.address() {
        std::net::IpAddr::V4(address) => address.octets().map(u32::from),
        std::net::IpAddr::V6(_) => [127, 77, 0, 1],
    };
    let number = (a << 24) | (b << 16) | (c << 8) | d;
    let hosts = [
        format!("{a}.{b}.{c}.{d}"),
        number.to_string(),
        format!("{number:#x}"),
        format!("0{number:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.{b}.{c}.{d}"),
        format!("{a}.{}", number & 0x00ff_ffff),
        format!("{a}.{b}.{}", number & 0xffff),
        format!("{a}.{b}.{c}.{d}."),
        format!("%31{}", &format!("{a}.{b}.{c}.{d}")[1..]),
        format!("[::ffff:{a}.{b}.{c}.{d}]"),
        "[::1]".to_owned(),
        "127.0.0.1".to_owned(),
        "127.1".to_owned(),
        "169.254.169.254".to_owned(),
        "[fd00:ec2::254]".to_owned(),
        "[64:ff9b::7f00:1]".to_owned(),
        "[2002:7f00:1::]".to_owned(),
    ];
    for address in hosts {
        let url = format!("https://{address}:{port}/");
        cx.case(address, async { sender.refused(Request::get(url), "denied", &host).await }).await;
    }
    // No URL has a zone.
    for zone in ["[fe80::1%25lo]", "[fe80::1%lo]", "[::1%251]"] {
        let url = format!("https://{zone}:{}/", host.port());
        cx.case(zone, async { sender.refused(Request::get(url), "invalid-request", &host).await }).await;
    }
    unreached(&known)
}

async fn localhost(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    // Whoever lets such names through finds a server that answers by this one, and sees every connection to this machine.
    let below = outside.watch().host_named(&format!("{}.localhost", cx.namespace()))?;
    let port = below.port_everywhere()?;
    let hosts = [
        "localhost",
        "LOCALHOST",
        "LocalHost",
        "localhost.",
        "%6c%6Fcalhost",
        "\u{ff4c}ocalhost",
        "a.localhost",
        "a.localhost.",
    ];
    for name in hosts.into_iter().chain([below.name()]) {
        for url in [format!("https://{name}:{port}/"), format!("https://{name}/")] {
            cx.case(shown(&url), async { sender.refused(Request::get(url), "denied", &host).await }).await;
        }
    }
    unnoticed(&below)?;
    for name in ["localhost", "a.localhost"] {
        let asked = outside.watch().stray_queries(name).len();
        ensure!(asked == 0, "{name} was noticed: {asked} questions for its name");
    }
    Ok(())
}

async fn undeclared(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let other = outside.host("other")?;
    let stray = outside.watch().name("nobody");
    for (what, url) in [
        ("a host that exists", other.url("/")),
        ("one that does not", format!("https://{stray}:{}/", host.port())),
        ("another port", format!("https://{}:8443/", other.name())),
        ("plain http", other.url("/").replacen("https", "http", 1)),
        ("user information", other.url("/").replacen("//", "//user@", 1)),
    ] {
        cx.case(what, async { sender.refused(Request::get(url), "denied", &host).await }).await;
    }
    unnoticed(&other)?;
    let asked = outside.watch().stray_queries(&stray).len();
    ensure!(asked == 0, "{stray} was noticed: {asked} questions for its name");
    Ok(())
}

async fn target(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = Outside::pair(&cx).await?;
    let targets = [
        ("", "/"),
        ("/", "/"),
        ("/a/./b/../c", "/a/c"),
        ("/a/%2e%2E/b", "/b"),
        ("/../../a", "/a"),
        ("/a/..", "/"),
        ("/a//b/", "/a//b/"),
        ("/%7e%41%zz", "/%7e%41%zz"),
        ("/a\"<>`{}", "/a%22%3C%3E%60%7B%7D"),
        ("/\u{e4}\u{20ac}", "/%C3%A4%E2%82%AC"),
        ("?a=b&c", "/?a=b&c"),
        ("/?", "/?"),
        ("/?a=\"<>'`{}", "/?a=%22%3C%3E%27`{}"),
        ("/?\u{e4}/../b", "/?%C3%A4/../b"),
        ("/a#secret", "/a"),
        ("/a?b#c?d", "/a?b"),
        ("#", "/"),
        ("/https://other.example.com/", "/https://other.example.com/"),
        ("/a;b=c,d:e@f!$&'()*+", "/a;b=c,d:e@f!$&'()*+"),
    ];
    for (given, expected) in targets {
        let judged = async {
            let before = host.requests().len();
            nonce(&sender.send(Request::get(host.url(given))).await?, &host)?;
            let seen: Vec<String> = host.requests().split_off(before).into_iter().map(|seen| seen.target).collect();
            ensure!(seen == [expected], "the target is {seen:?}, expected {expected:?}");
            Ok(())
        };
        cx.case(if given.is_empty() { "nothing" } else { given }, judged).await;
    }
    Ok(())
}

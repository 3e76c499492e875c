//! Which texts are rules (egress.md 1.1 and 1.2). Every refusal stands beside a list that is accepted and differs in one rule.

mod generated;

use assay_fixtures::Behaviour;
use assay_fixtures::exchange::Request;
use assay_harness::{Cx, Group, Need, Stop, checks};
use serde_json::json;

use crate::outside::{NEEDS, Outside, nonce, unnoticed};
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "rules",
    checks: checks![
        each("egress.rules.empty", "a list without a rule allows nothing", &["EGR-RUL-001"], empty).needs(NEEDS),
        once("egress.rules.count", "as many rules as the bound count, and no more", &["EGR-RUL-002"], count)
            .needs(NEEDS),
        once("egress.rules.scheme", "a rule for another scheme is refused", &["EGR-RUL-003"], scheme).needs(EGRESS),
        once("egress.rules.parts", "a rule with more than host and port is refused", &["EGR-RUL-003"], parts)
            .needs(EGRESS),
        once("egress.rules.white-space", "a rule with white space is refused", &["EGR-RUL-003"], white_space)
            .needs(EGRESS),
        once("egress.rules.empty-labels", "a rule with an empty label is refused", &["EGR-RUL-003"], empty_labels)
            .needs(EGRESS),
        once("egress.rules.names", "a rule for what is no domain is refused", &["EGR-RUL-003"], names).needs(EGRESS),
        once("egress.rules.ports", "a rule for what is no port is refused", &["EGR-RUL-003"], ports).needs(EGRESS),
        once("egress.rules.addresses", "a rule for an address is refused", &["EGR-RUL-004"], addresses).needs(EGRESS),
        once("egress.rules.single-labels", "a rule for one label is refused", &["EGR-RUL-005"], single_labels)
            .needs(EGRESS),
        once("egress.rules.localhost", "a rule for localhost is refused", &["EGR-RUL-005"], localhost).needs(EGRESS),
        once("egress.rules.stars", "a star stands only for the first labels", &["EGR-RUL-006"], stars).needs(EGRESS),
        once("egress.rules.public-suffixes", "`*.com` is refused", &["EGR-RUL-007"], public_suffixes).needs(EGRESS),
        once(
            "egress.rules.generated",
            "generated rules are taken or refused as the rule language says",
            &["EGR-RUL-012"],
            generated::rules
        )
        .needs(NEEDS),
    ],
};

/// What is refused at upload needs no hosts.
const EGRESS: &[Need] = &[Need::Feature("egress")];

/// Each text as the second of two rules is refused at its place; the list with another second rule is accepted.
async fn no_rules(cx: &Cx, texts: &[&str], twin: &str) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    let first = "https://first.example.com";
    for (number, text) in texts.iter().enumerate() {
        let recipe = publisher.recipe(&format!("h{number}"), Behaviour::Echo);
        let with = |second: &str| publisher.sign(&recipe.clone().set("/permissions/egress", json!([first, second])));
        let refusal = refused("egress-rule-invalid").at("/permissions/egress/1");
        let pair = async { publisher.pair(&with(text), &with(twin), &refusal).await };
        cx.case(text.escape_debug().to_string(), pair).await;
    }
    Ok(())
}

async fn empty(cx: Cx) -> Result<(), Stop> {
    let (outside, host, twin) = Outside::pair(&cx).await?;
    let other = outside.host("other")?;
    let nobody = outside.sender("nobody", &[]).await?;
    let answer = nobody.send(Request::get(other.url("/"))).await?;
    crate::outside::expect(&answer, "denied")?;
    unnoticed(&other)?;
    twin.reaches(&host).await
}

async fn count(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("last")?;
    let most = cx.discovery().bound_as_size("egress_rules")?;
    // The bound may be so high that no manifest holds as many.
    let count = most.min(1000);
    let mut rules: Vec<String> = (1..count).map(|n| format!("https://h{n}.example.com")).collect();
    rules.push(host.rule());
    let sender = outside.sender("many", &rules).await?;
    nonce(&sender.send(Request::get(host.url("/"))).await?, &host)?;
    let twice = outside.sender("twice", &[host.rule(), host.rule()]).await?;
    nonce(&twice.send(Request::get(host.url("/"))).await?, &host)?;
    if count < most {
        return Ok(());
    }
    let recipe = outside.recipe("more", &rules);
    let publisher = outside.publisher();
    rules.push("https://more.example.com".to_owned());
    let refusal = refused("egress-rule-invalid").at("/permissions/egress");
    publisher.pair(&publisher.sign(&outside.recipe("more", &rules)), &publisher.sign(&recipe), &refusal).await
}

async fn scheme(cx: Cx) -> Result<(), Stop> {
    let texts = [
        "http://api.example.com",
        "wss://api.example.com",
        "ftp://api.example.com",
        "HTTPS://api.example.com",
        "https:api.example.com",
        "https:/api.example.com",
        "api.example.com",
        "//api.example.com",
        "*",
        "",
        "https://",
    ];
    no_rules(&cx, &texts, "https://api.example.com").await
}

async fn parts(cx: Cx) -> Result<(), Stop> {
    let texts = [
        "https://user@api.example.com",
        "https://user:word@api.example.com",
        "https://@api.example.com",
        "https://api.example.com/",
        "https://api.example.com/v1",
        "https://api.example.com?",
        "https://api.example.com?a=b",
        "https://api.example.com#",
        "https://api.example.com#a",
        "https://api.example.com\\",
    ];
    no_rules(&cx, &texts, "https://api.example.com").await
}

async fn white_space(cx: Cx) -> Result<(), Stop> {
    let texts = [
        " https://api.example.com",
        "https://api.example.com ",
        "https:// api.example.com",
        "https://api.exam\tple.com",
        "https://api.exam\nple.com",
        "https://api.exam\rple.com",
        "https://api.example.com\0",
        "https://api.example.com\u{7f}",
        "https://api.example.com:443\n",
    ];
    no_rules(&cx, &texts, "https://api.example.com").await
}

async fn empty_labels(cx: Cx) -> Result<(), Stop> {
    let texts = [
        "https://api.example.com.",
        "https://api..example.com",
        "https://.example.com",
        "https://*..example.com",
        "https://*.example.com.",
        "https://.",
    ];
    no_rules(&cx, &texts, "https://api.example.com").await
}

async fn names(cx: Cx) -> Result<(), Stop> {
    let long_label = format!("https://{}.example.com", "a".repeat(64));
    let long_name = format!("https://{}example.com", "abcdefghi.".repeat(25));
    let texts = [
        "https://my_api.example.com",
        "https://-api.example.com",
        "https://api-.example.com",
        "https://ab--cd.example.com",
        "https://xn--a.example.com",
        "https://api%2eexample.com",
        "https://api,example.com",
        "https://a!b.example.com",
        &long_label,
        &long_name,
    ];
    no_rules(&cx, &texts, "https://my-api.example.com").await
}

async fn ports(cx: Cx) -> Result<(), Stop> {
    let texts = [
        "https://api.example.com:",
        "https://api.example.com:0",
        "https://api.example.com:0443",
        "https://api.example.com:00",
        "https://api.example.com:65536",
        "https://api.example.com:4294967739",
        "https://api.example.com:-1",
        "https://api.example.com:+443",
        "https://api.example.com:44a",
        "https://api.example.com:443:443",
        "https://api.example.com:*",
        "https://api.example.com:1-2",
        "https://api.example.com:\u{663}",
    ];
    no_rules(&cx, &texts, "https://api.example.com:65535").await
}

async fn addresses(cx: Cx) -> Result<(), Stop> {
    let texts = [
        "https://127.0.0.1",
        "https://93.184.216.34",
        "https://93.184.216.34:8443",
        "https://127.1",
        "https://10.0.1",
        "https://0x7f.0.0.1",
        "https://0177.0.0.1",
        "https://127.0.0.0x1",
        "https://1.2.3.4.5",
        "https://999.1.1.1",
        "https://[::1]",
        "https://[2606:4700::1]",
        "https://[::ffff:127.0.0.1]",
        "https://[fe80::1%25lo]",
        "https://[fe80::1%lo]",
        "https://\u{ff11}27.0.0.1",
    ];
    no_rules(&cx, &texts, "https://a127.0.0.1a.example.com").await
}

async fn single_labels(cx: Cx) -> Result<(), Stop> {
    let texts = ["https://intranet", "https://intranet:8443", "https://com", "https://a"];
    no_rules(&cx, &texts, "https://intranet.example.com").await
}

async fn localhost(cx: Cx) -> Result<(), Stop> {
    let texts = [
        "https://localhost",
        "https://localhost:8443",
        "https://LocalHost",
        "https://api.localhost",
        "https://a.b.LOCALHOST",
        "https://*.localhost",
        "https://*.api.localhost",
        "https://\u{ff4c}ocalhost",
    ];
    no_rules(&cx, &texts, "https://localhost.example.com").await
}

async fn stars(cx: Cx) -> Result<(), Stop> {
    let texts = [
        "https://*foo.example.com",
        "https://foo*.example.com",
        "https://api.*.example.com",
        "https://api.*.com",
        "https://*.*.example.com",
        "https://**.example.com",
        "https://example.*",
        "https://*",
        "https://*.",
        "https://*:443",
        "https://api.example.com*",
    ];
    no_rules(&cx, &texts, "https://*.api.example.com").await
}

async fn public_suffixes(cx: Cx) -> Result<(), Stop> {
    let texts = [
        "https://*.com",
        "https://*.COM",
        "https://*.org:8443",
        "https://*.co.uk",
        "https://*.com.au",
        "https://*.test",
    ];
    // The private section of the list is somebody's choice, not the registries'.
    no_rules(&cx, &texts, "https://*.github.io").await
}

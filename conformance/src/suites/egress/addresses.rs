//! Where a name leads (egress.md, section 6). Decoys serve like any other host, so one that is reached is seen to the end.

mod ranges;

use std::net::IpAddr;

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{DnsAnswer, Host};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};

use crate::outside::{DIRECT, NEEDS, Outside, expect, nonce, unreached};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "addresses",
    checks: checks![
        each("egress.addresses.once", "a host is resolved once", &["EGR-ADR-001", "EGR-ADR-005"], once_only)
            .needs(DIRECT),
        each("egress.addresses.each-exchange", "and for each exchange anew", &["EGR-ADR-001"], each_exchange)
            .needs(DIRECT),
        each(
            "egress.addresses.any-special",
            "one special address among several is enough",
            &["EGR-ADR-002"],
            any_special
        )
        .needs(DIRECT),
        each("egress.addresses.v4", "every special range of IPv4 is denied", &["EGR-ADR-003"], ranges::v4)
            .needs(DIRECT),
        each("egress.addresses.v6", "every special range of IPv6 is denied", &["EGR-ADR-004"], ranges::v6)
            .needs(DIRECT),
        each(
            "egress.addresses.embedded",
            "an address of IPv6 that holds one of the internet is special all the same",
            &["EGR-ADR-004"],
            ranges::embedded
        )
        .needs(DIRECT),
        each(
            "egress.addresses.decoys",
            "a name that leads to this machine is denied",
            &["EGR-ADR-002", "EGR-ADR-003"],
            ranges::decoys
        )
        .needs(DIRECT),
        each(
            "egress.addresses.metadata",
            "a name that leads to a metadata service is denied",
            &["EGR-ADR-007"],
            ranges::metadata
        )
        .needs(DIRECT),
        each("egress.addresses.half", "one question that fails has no address", &["EGR-ADR-008"], half).needs(DIRECT),
        each("egress.addresses.none", "a host without an address is failed", &["EGR-ADR-005"], none).needs(NEEDS),
        each("egress.addresses.alias", "an alias is followed", &["EGR-ADR-006"], alias).needs(NEEDS),
        each("egress.addresses.alias-to-special", "and judged by where it leads", &["EGR-ADR-006"], alias_to_special)
            .needs(DIRECT),
    ],
};

/// The loopback outside of the internet.
fn special(outside: &Outside) -> Result<(Host, IpAddr), Stop> {
    let decoy = outside.watch().decoy("decoy")?;
    let address = decoy.address();
    Ok((decoy, address))
}

fn asked(host: &Host, kind: &str) -> usize {
    host.queries().iter().filter(|query| query.kind == kind).count()
}

async fn once_only(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let (decoy, private) = special(&outside)?;
    // The second answer is the attacker's.
    host.resolves_to(vec![DnsAnswer::one(host.address()), DnsAnswer::one(private)]);
    nonce(&sender.send(Request::get(host.url("/"))).await?, &host)?;
    for kind in ["A", "AAAA"] {
        ensure!(asked(&host, kind) <= 1, "{} questions of type {kind} for one exchange", asked(&host, kind));
    }
    // Whether a second address is tried is the runtime's choice; to ask for another one is not.
    let refusing = outside.watch().refusing_address();
    let before = [asked(&host, "A"), asked(&host, "AAAA")];
    host.resolves_to(vec![DnsAnswer::Addresses(vec![refusing, host.address()]), DnsAnswer::one(private)]);
    let answer = sender.send(Request::get(host.url("/"))).await?;
    ensure!(matches!(crate::outside::case(&answer), "answered" | "failed"), "a second attempt came to {answer:?}");
    for (kind, before) in ["A", "AAAA"].into_iter().zip(before) {
        ensure!(
            asked(&host, kind) <= before + 1,
            "{} questions of type {kind} for a second attempt",
            asked(&host, kind) - before
        );
    }
    unreached(&decoy)
}

async fn each_exchange(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let (decoy, private) = special(&outside)?;
    let good = DnsAnswer::one(host.address());
    host.resolves_to(vec![good.clone(), DnsAnswer::one(private), good]);
    let get = Request::get(host.url("/"));
    let answers = sender.send_all(&[get.clone(), get.clone(), get]).await?;
    nonce(&answers[0], &host).control("the first answer of the resolver is good")?;
    expect(&answers[1], "denied")?;
    nonce(&answers[2], &host)?;
    unreached(&decoy)
}

async fn any_special(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let mixed = outside.host("mixed")?;
    let (decoy, private) = special(&outside)?;
    let (good, second) = (mixed.address(), mixed.further_address()?);
    let v6 = IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]);
    let both = outside.sender("both", &[host.rule(), mixed.rule()]).await?;
    sender.reaches(&host).await?;
    for (what, addresses) in [
        ("the last", vec![good, second, private]),
        ("the first", vec![private, good, second]),
        ("in between", vec![good, private, second]),
        ("that of IPv6", vec![good, v6]),
    ] {
        let judged = async {
            mixed.resolves_to(vec![DnsAnswer::Addresses(addresses)]);
            both.refused(Request::get(mixed.url("/")), "denied", &host).await
        };
        cx.case(what, judged).await;
    }
    unreached(&mixed)?;
    unreached(&decoy)?;
    mixed.resolves_to(vec![DnsAnswer::Addresses(vec![good, second])]);
    nonce(&both.send(Request::get(mixed.url("/"))).await?, &mixed).control("two good addresses are reached")
}

/// A resolver that fails for one family of addresses tells nothing about the other.
async fn half(cx: Cx) -> Result<(), Stop> {
    let (outside, host, _) = Outside::pair(&cx).await?;
    let other = outside.host("other")?;
    let (decoy, private) = special(&outside)?;
    let sender = outside.sender("both", &[host.rule(), other.rule()]).await?;
    let special_v6 = DnsAnswer::one(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]));
    let each = |of_a: DnsAnswer, of_aaaa: DnsAnswer| vec![DnsAnswer::Each(Box::new(of_a), Box::new(of_aaaa))];
    for (what, answers, case) in [
        ("AAAA fails, and A is special", each(DnsAnswer::one(private), DnsAnswer::ServFail), "denied"),
        ("A fails, and AAAA is special", each(DnsAnswer::ServFail, special_v6), "denied"),
        ("AAAA fails, and A has none", each(DnsAnswer::Empty, DnsAnswer::ServFail), "failed"),
        ("A fails, and AAAA has none", each(DnsAnswer::ServFail, DnsAnswer::Empty), "failed"),
    ] {
        let judged = async {
            other.resolves_to(answers);
            sender.refused(Request::get(other.url("/")), case, &host).await
        };
        cx.case(what, judged).await;
    }
    unreached(&other)?;
    unreached(&decoy)?;
    other.resolves_to(each(DnsAnswer::one(other.address()), DnsAnswer::ServFail));
    let alone = outside.sender("alone", &[other.rule()]).await?;
    let judged = async { nonce(&alone.send(Request::get(other.url("/"))).await?, &other) };
    cx.case("AAAA fails, and A is good", judged).await;
    Ok(())
}

async fn none(cx: Cx) -> Result<(), Stop> {
    let (outside, host, _) = Outside::pair(&cx).await?;
    let other = outside.host("other")?;
    let sender = outside.sender("both", &[host.rule(), other.rule()]).await?;
    for (what, answer) in [
        ("no such name", DnsAnswer::NxDomain),
        ("no address", DnsAnswer::Empty),
        ("the resolver fails", DnsAnswer::ServFail),
    ] {
        let judged = async {
            other.resolves_to(vec![answer]);
            sender.refused(Request::get(other.url("/")), "failed", &host).await
        };
        cx.case(what, judged).await;
    }
    unreached(&other)
}

async fn alias(cx: Cx) -> Result<(), Stop> {
    let (outside, host, sender) = Outside::pair(&cx).await?;
    let target = outside.watch().name("target");
    let there = DnsAnswer::one(host.address());
    let deep = DnsAnswer::AliasTo(
        outside.watch().name("between"),
        Box::new(DnsAnswer::AliasTo(target.clone(), Box::new(there.clone()))),
    );
    for (what, answer) in [("one", DnsAnswer::AliasTo(target, Box::new(there))), ("two", deep)] {
        let judged = async {
            host.resolves_to(vec![answer]);
            nonce(&sender.send(Request::get(host.url("/"))).await?, &host)?;
            let sni = host.requests().pop().and_then(|seen| seen.sni);
            ensure!(sni.as_deref() == Some(host.name()), "the TLS server name is {sni:?}, expected {}", host.name());
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

async fn alias_to_special(cx: Cx) -> Result<(), Stop> {
    let (outside, host, _) = Outside::pair(&cx).await?;
    let other = outside.host("other")?;
    let (decoy, private) = special(&outside)?;
    let sender = outside.sender("both", &[host.rule(), other.rule()]).await?;
    let end = DnsAnswer::one(private);
    let between = outside.watch().name("between");
    for (what, answer) in [
        ("one", DnsAnswer::Alias(decoy.name().to_owned())),
        ("one of its own", DnsAnswer::AliasTo(between.clone(), Box::new(end.clone()))),
        ("two", DnsAnswer::AliasTo(between, Box::new(DnsAnswer::AliasTo(decoy.name().to_owned(), Box::new(end))))),
    ] {
        let judged = async {
            other.resolves_to(vec![answer]);
            sender.refused(Request::get(other.url("/")), "denied", &host).await
        };
        cx.case(what, judged).await;
    }
    unreached(&other)?;
    unreached(&decoy)
}

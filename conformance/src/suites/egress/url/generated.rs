//! URLs that nobody thought of: written from the run's seed, decided by the oracle.

use assay_fixtures::exchange::{Answer, Request};
use assay_harness::observatory::Host;
use assay_harness::{Cx, Stop, ensure};
use rand::Rng as _;

use crate::egress::{Decision, Rule, Spelling, decide};
use crate::outside::{ANSWERED, Outside, case, expect, nonce, response, shown, unnoticed};

/// Generated URLs of one run.
const GENERATED: usize = 96;

/// Generated URLs under three rules.
pub(in crate::suites::egress) async fn urls(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let hosts = [outside.host("api")?, outside.host("a.wild")?, outside.host("xn--bcher-kva")?];
    let apex = outside.host("wild")?;
    let wild = format!("https://*.{}:{}", apex.name(), apex.port());
    let texts = [hosts[0].rule(), wild, hosts[2].rule()];
    let rules: Option<Vec<Rule>> = texts.iter().map(|text| Rule::read(text)).collect();
    let rules = rules.ok_or_else(|| Stop::Error("the oracle does not read its own rules".to_owned()))?;
    let sender = outside.sender("sender", &texts).await?;
    let names: Vec<&str> = hosts.iter().map(Host::name).chain([apex.name()]).collect();
    let mut rng = cx.rng();
    let urls: Vec<String> = (0..GENERATED).map(|_| Spelling::of(rng.random()).url(&names, &[apex.port()])).collect();
    let decisions: Vec<Decision> = urls.iter().map(|url| decide(&rules, url)).collect();
    let mut expected: Vec<Vec<String>> = vec![Vec::new(); hosts.len()];
    for (urls, decisions) in urls.chunks(16).zip(decisions.chunks(16)) {
        let requests: Vec<Request> = urls.iter().map(Request::get).collect();
        let answers = sender.send_all(&requests).await?;
        for ((url, decision), answer) in urls.iter().zip(decisions).zip(&answers) {
            cx.case(shown(url), async { decided(decision, answer, &hosts, &mut expected) }).await;
        }
    }
    ensure!(
        expected.iter().any(|targets| !targets.is_empty()),
        "no generated URL is allowed: the control says nothing"
    );
    for (host, expected) in hosts.iter().zip(expected) {
        let seen: Vec<String> = host.requests().into_iter().map(|seen| seen.target).collect();
        ensure!(seen == expected, "{} saw {seen:?}, expected {expected:?}", host.name());
    }
    unnoticed(&apex)
}

/// Judges one answer, and notes the target that its host must have seen.
pub(in crate::suites::egress) fn decided(
    decision: &Decision,
    answer: &Answer,
    hosts: &[Host],
    expected: &mut [Vec<String>],
) -> Result<(), Stop> {
    match decision {
        Decision::Invalid => expect(answer, "invalid-request"),
        Decision::Denied => expect(answer, "denied"),
        Decision::Allowed { host, port, target } => {
            match hosts.iter().position(|known| (known.name(), known.port()) == (host, *port)) {
                Some(at) => {
                    expected[at].push(target.clone());
                    response(answer)?;
                    nonce(answer, &hosts[at])
                }
                // Names below a wildcard that nobody registered do not resolve, and at other ports nobody listens.
                None => {
                    ensure!(case(answer) != ANSWERED, "a host that does not exist answered");
                    expect(answer, "failed")
                }
            }
        }
    }
}

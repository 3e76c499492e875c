//! With whom the runtime speaks TLS (egress.md 7.1). A host with a bad certificate answers like any other, so that a request that
//! is sent to it is seen.

use assay_fixtures::exchange::Request;
use assay_harness::observatory::Tls;
use assay_harness::{Cx, Group, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "tls",
    checks: checks![
        each("egress.tls.name", "a certificate for another name is failed", &["EGR-TLS-001"], name).needs(NEEDS),
        each("egress.tls.dates", "a certificate that is not valid now is failed", &["EGR-TLS-002"], dates).needs(NEEDS),
        each("egress.tls.roots", "a certificate without a trusted root is failed", &["EGR-TLS-003"], roots)
            .needs(NEEDS),
        each("egress.tls.versions", "what is not TLS 1.2 or later is failed", &["EGR-TLS-004"], versions).needs(NEEDS),
    ],
};

/// Each kind is `failed`, and the host saw no byte of the request.
async fn failed(cx: &Cx, kinds: &[(&str, Tls)]) -> Result<Outside, Stop> {
    let (outside, host, _) = Outside::pair(cx).await?;
    for (number, (what, tls)) in kinds.iter().enumerate() {
        let judged = async {
            let bad = outside.host(&format!("bad{number}"))?;
            bad.certificate(*tls);
            let sender = outside.sender(&format!("sender{number}"), &[host.rule(), bad.rule()]).await?;
            sender.refused(Request::post(bad.url("/"), "secret").header("x-key", "secret"), "failed", &host).await?;
            let seen = bad.requests().len();
            ensure!(seen == 0, "{seen} requests were sent to a host that is not trusted");
            ensure!(bad.was_reached(), "nobody connected to the host: nothing was judged");
            let (connections, handshakes) = (bad.connections().len(), bad.handshakes().len());
            ensure!(connections <= handshakes, "{} connections began without TLS", connections - handshakes);
            let low = bad
                .handshakes()
                .iter()
                .any(|shake| shake.went_on_below_1_2 || shake.versions.iter().any(|v| *v < 0x0303));
            ensure!(!low, "a version below TLS 1.2 was offered or accepted");
            bad.certificate(Tls::Good);
            nonce(&sender.send(Request::get(bad.url("/"))).await?, &bad)
        };
        cx.case(*what, judged).await;
    }
    Ok(outside)
}

async fn name(cx: Cx) -> Result<(), Stop> {
    failed(&cx, &[("another name", Tls::WrongName)]).await.map(drop)
}

async fn dates(cx: Cx) -> Result<(), Stop> {
    failed(&cx, &[("ended", Tls::Expired), ("not begun", Tls::NotYet)]).await.map(drop)
}

async fn roots(cx: Cx) -> Result<(), Stop> {
    failed(&cx, &[("unknown root", Tls::UnknownRoot), ("signed by itself", Tls::SelfSigned)]).await.map(drop)
}

async fn versions(cx: Cx) -> Result<(), Stop> {
    let kinds = [("TLS 1.1", Tls::Tls11), ("no TLS", Tls::Plain), ("closed at hello", Tls::Closed)];
    let outside = failed(&cx, &kinds).await?;
    let older = outside.host("older")?;
    older.certificate(Tls::Tls12);
    let sender = outside.sender("older", &[older.rule()]).await?;
    nonce(&sender.send(Request::get(older.url("/"))).await?, &older)
}

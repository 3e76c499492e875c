//! Two handlers share nothing (egress.md 7.7).

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{Host, Reply, Tls};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};

use crate::outside::{NEEDS, Outside, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "isolation",
    checks: checks![
        each("egress.isolation.connections", "two handlers never share a connection", &["EGR-ISO-001"], connections)
            .needs(NEEDS),
        each("egress.isolation.hosts", "nor do two hosts of one handler", &["EGR-ISO-001"], hosts).needs(NEEDS),
        each("egress.isolation.ports", "nor two ports of one host", &["EGR-ISO-001"], ports).needs(NEEDS),
        each("egress.isolation.sessions", "two handlers never share a TLS session", &["EGR-ISO-002"], sessions)
            .needs(NEEDS),
    ],
};

async fn connections(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let rules = [host.rule()];
    let (one, other) = (outside.sender("one", &rules).await?, outside.sender("other", &rules).await?);
    for (sender, target) in [(&one, "/one"), (&other, "/other"), (&one, "/one"), (&other, "/other")] {
        nonce(&sender.send(Request::get(host.url(target))).await?, &host).control("both handlers reach the host")?;
    }
    let of = |target: &str| -> Vec<u64> {
        host.requests().iter().filter(|seen| seen.target == target).map(|seen| seen.connection).collect()
    };
    let (mine, theirs) = (of("/one"), of("/other"));
    let shared = mine.iter().any(|connection| theirs.contains(connection));
    ensure!(!shared, "two handlers share a connection: one used {mine:?}, the other {theirs:?}");
    Ok(())
}

async fn hosts(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let hosts = [outside.host("one")?, outside.host("other")?];
    let sender = outside.sender("sender", &[hosts[0].rule(), hosts[1].rule()]).await?;
    let requests = [0, 1, 0, 1].map(|number: usize| Request::get(hosts[number].url("/")));
    let answers = sender.send_all(&requests).await?;
    for (number, answer) in [0, 1, 0, 1].into_iter().zip(&answers) {
        let host: &Host = &hosts[number];
        cx.case(format!("{} of {}", host.name(), requests.len()), async { nonce(answer, host) }).await;
    }
    for host in &hosts {
        let seen = host.requests();
        let own = seen.iter().all(|seen| seen.sni.as_deref() == Some(host.name()));
        ensure!(
            own && seen.len() == 2,
            "{} saw {} requests, expected two on connections of its own",
            host.name(),
            seen.len()
        );
    }
    Ok(())
}

async fn ports(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    let host = outside.host("api")?;
    let further = host.further_port()?;
    let rule = format!("https://{}:{further}", host.name());
    let sender = outside.sender("sender", &[host.rule(), rule.clone()]).await?;
    // Every other request is for the other port, so that whoever keeps connections has the wrong one at hand.
    let targets = [("/own", host.rule()), ("/further", rule)];
    let requests: Vec<Request> =
        (0..3).flat_map(|_| &targets).map(|(target, rule)| Request::get(format!("{rule}{target}"))).collect();
    for answer in &sender.send_all(&requests).await? {
        nonce(answer, &host)?;
    }
    let (seen, connections) = (host.requests(), host.connections());
    for (target, port) in [("/own", host.port()), ("/further", further)] {
        let arrived: Vec<u16> = seen
            .iter()
            .filter(|seen| seen.target == target)
            .filter_map(|seen| connections.iter().find(|known| known.number == seen.connection))
            .map(|connection| connection.to.port())
            .collect();
        ensure!(arrived == [port; 3], "the requests to port {port} arrived at the ports {arrived:?}");
        let authority = format!("{}:{port}", host.name());
        let named = seen.iter().filter(|seen| seen.target == target).all(|seen| seen.header("host") == [&authority]);
        ensure!(named, "a request to port {port} has another `Host` than {authority}");
    }
    Ok(())
}

async fn sessions(cx: Cx) -> Result<(), Stop> {
    let outside = Outside::new(&cx).await?;
    for (what, label, tls) in [("TLS 1.3", "new", Tls::Good), ("TLS 1.2", "old", Tls::Tls12)] {
        let judged = async {
            let host = outside.host(label)?;
            host.certificate(tls);
            let rules = [host.rule()];
            // Every request needs a handshake of its own.
            host.reply_with(Reply::json(&serde_json::json!({ "nonce": host.nonce() })).then_close());
            let one = outside.sender(&format!("{label}-one"), &rules).await?;
            let other = outside.sender(&format!("{label}-other"), &rules).await?;
            for sender in [&one, &one] {
                sender.reaches(&host).await?;
            }
            let before = host.handshakes().len();
            nonce(&other.send(Request::get(host.url("/"))).await?, &host)?;
            let shakes = host.handshakes().split_off(before);
            ensure!(!shakes.is_empty(), "the other handler's request came without a handshake");
            let resumes = shakes.iter().any(|shake| shake.asks_to_resume || shake.resumed);
            ensure!(!resumes, "the other handler asks to go on with a session that is not its own");
            Ok(())
        };
        cx.case(what, judged).await;
    }
    Ok(())
}

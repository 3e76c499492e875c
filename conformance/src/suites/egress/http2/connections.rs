//! What becomes of connections over HTTP/2.

use assay_fixtures::exchange::Request;
use assay_harness::observatory::{Frame, Gate};
use assay_harness::{Control as _, Cx, Stop, ensure};

use super::{last, pair, right};
use crate::outside::{nonce, told};

pub(super) async fn two_handlers(cx: Cx) -> Result<(), Stop> {
    let (outside, host, one) = pair(&cx).await?;
    let other = outside.sender("other", &[host.rule()]).await?;
    for (sender, target) in [(&one, "/one"), (&other, "/other"), (&one, "/one"), (&other, "/other")] {
        nonce(&sender.send(Request::get(host.url(target))).await?, &host).control("both handlers reach the host")?;
    }
    // Both wait for their answers at the same time.
    let gate = Gate::new();
    for target in ["/one/held", "/other/held"] {
        host.reply_at(target, right(&host).held(&gate));
    }
    let both_wait = async {
        let arrived = host.request_number(6).await;
        gate.open();
        arrived
    };
    let (mine, theirs, arrived) = tokio::join!(
        one.send(Request::get(host.url("/one/held"))),
        other.send(Request::get(host.url("/other/held"))),
        both_wait
    );
    arrived?;
    nonce(&mine?, &host)?;
    nonce(&theirs?, &host)?;
    last(&host)?;
    let of = |target: &str| -> Vec<u64> {
        host.requests().iter().filter(|seen| seen.target.starts_with(target)).map(|seen| seen.connection).collect()
    };
    let (mine, theirs) = (of("/one"), of("/other"));
    let shared = mine.iter().any(|connection| theirs.contains(connection));
    ensure!(!shared, "two handlers share a connection: one used {mine:?}, the other {theirs:?}");
    Ok(())
}

pub(super) async fn go_away(cx: Cx) -> Result<(), Stop> {
    let (_, host, sender) = pair(&cx).await?;
    host.replies(vec![right(&host).preceded_by(vec![Frame::go_away_after_this()]), right(&host)]);
    let answers = sender.send_all(&[Request::get(host.url("/first")), Request::get(host.url("/next"))]).await?;
    nonce(&answers[1], &host).map_err(|stop| told(stop, "after a GOAWAY a request"))?;
    nonce(&answers[0], &host)?;
    last(&host)?;
    let connections: Vec<u64> = host.requests().iter().map(|seen| seen.connection).collect();
    ensure!(
        connections.len() == 2 && connections[0] != connections[1],
        "the requests before and after a GOAWAY came on the connections {connections:?}"
    );
    Ok(())
}

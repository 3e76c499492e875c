//! Credentials: kept by an admin, sent by the runtime, and handed to no handler as they are (egress.md, section 4).

mod hidden;
mod kept;
mod sent;

use assay_fixtures::exchange::Request;
use assay_harness::observatory::Host;
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use rand::Rng as _;
use serde_json::{Value, json};

use crate::outside::{NEEDS, Outside, Sender, nonce};

/// The table.
pub const GROUP: Group = Group {
    profile: "egress",
    name: "credentials",
    checks: checks![
        once("egress.credentials.roles", "only an admin keeps credentials", &["EGR-CRD-001"], kept::roles).needs(NEEDS),
        once(
            "egress.credentials.form",
            "a credential that is not of its form is refused",
            &["EGR-CRD-002"],
            kept::form
        )
        .needs(NEEDS),
        once(
            "egress.credentials.members",
            "so is a body without its members, and a name that is none",
            &["EGR-CRD-010"],
            kept::members
        )
        .needs(NEEDS),
        once(
            "egress.credentials.listed",
            "credentials are listed without their values",
            &["EGR-CRD-003"],
            kept::listed
        )
        .needs(NEEDS),
        each(
            "egress.credentials.injected",
            "a credential is sent in place of what the handler wrote",
            &["EGR-CRD-004"],
            sent::injected
        )
        .needs(NEEDS),
        each(
            "egress.credentials.named-by-connection",
            "also where `connection` names its header",
            &["EGR-CRD-004"],
            sent::named_by_connection
        )
        .needs(NEEDS),
        each(
            "egress.credentials.handlers",
            "it is sent for the handlers in its scope only",
            &["EGR-CRD-005"],
            sent::handlers
        )
        .needs(NEEDS),
        each("egress.credentials.hosts", "it is sent to its hosts only", &["EGR-CRD-005"], sent::hosts).needs(NEEDS),
        each("egress.credentials.ports", "and to their ports only", &["EGR-CRD-005"], sent::ports).needs(NEEDS),
        each(
            "egress.credentials.several",
            "of several for one header the first name counts",
            &["EGR-CRD-006"],
            sent::several
        )
        .needs(NEEDS),
        each("egress.credentials.echoed-header", "a handler finds it in no header", &["EGR-CRD-007"], hidden::header)
            .needs(NEEDS),
        each("egress.credentials.echoed-body", "nor in a body", &["EGR-CRD-007"], hidden::body).needs(NEEDS),
        each("egress.credentials.echoed-trailer", "nor in what follows a body", &["EGR-CRD-007"], hidden::trailer)
            .needs(NEEDS),
        each(
            "egress.credentials.echoed-elsewhere",
            "nor one that is for another host",
            &["EGR-CRD-011"],
            hidden::elsewhere
        )
        .needs(NEEDS),
        each(
            "egress.credentials.logged",
            "nor does it come into a log, however encoded",
            &["EGR-CRD-008"],
            hidden::logged
        )
        .needs(NEEDS),
        each(
            "egress.credentials.removed",
            "one that was removed is not sent any more",
            &["EGR-CRD-009"],
            sent::removed
        )
        .needs(NEEDS),
        each("egress.credentials.replaced", "nor is one that was replaced", &["EGR-CRD-009"], sent::replaced)
            .needs(NEEDS),
    ],
};

/// The header of a credential here; handlers may write it, too.
pub(super) const HEADER: &str = "x-api-key";

/// A value that nothing else has.
pub(super) fn secret(cx: &Cx, word: &str) -> String {
    format!("cred-{word}-{:016x}", cx.rng().random::<u64>())
}

/// The name of a credential of the check.
pub(super) fn name(cx: &Cx, leaf: &str) -> String {
    format!("{}-{leaf}", cx.namespace())
}

/// A credential for all handlers of the check.
pub(super) fn body(outside: &Outside, rules: &[String], header: &str, value: &str) -> Value {
    json!({"handlers": [outside.publisher().scope()], "hosts": rules, "header": header, "value": value})
}

pub(super) async fn keep(outside: &Outside, leaf: &str, body: &Value) -> Result<(), Stop> {
    let put =
        async { outside.publisher().control().put_credential(&name(outside.cx(), leaf), body).await?.expect(201) };
    put.await.control("a credential is kept").map(drop)
}

/// The values of a header in the last request that the host saw.
pub(super) fn last(host: &Host, header: &str) -> Vec<String> {
    let seen = host.requests().pop();
    seen.map(|seen| seen.header(header).into_iter().map(str::to_owned).collect()).unwrap_or_default()
}

/// Sends a `GET` and judges with which values of [`HEADER`] it arrived.
async fn arrives_with(sender: &Sender, host: &Host, expected: &[&str]) -> Result<(), Stop> {
    nonce(&sender.send(Request::get(host.url("/"))).await?, host)?;
    let found = last(host, HEADER);
    ensure!(found == expected, "the request to {} arrived with {found:?}, expected {expected:?}", host.name());
    Ok(())
}

//! What the runtime itself writes shows nothing sensitive (core.md 11.4). The harness reads it only where it launched the
//! target, so the check has a target of its own.

use assay_fixtures::{Behaviour, LogLevel};
use assay_harness::{Control as _, Cx, Group, Need, Stop, checks, ensure};
use rand::Rng as _;
use serde_json::json;

use crate::publisher::Publisher;
use crate::refusal::refused;
use crate::traces::traces;

/// The table.
pub const GROUP: Group = Group {
    profile: "lifecycle",
    name: "redaction",
    checks: checks![
        once(
            "lifecycle.redaction.server-log",
            "the runtime's own log shows no sensitive value and no token",
            &["LIFE-RED-001"],
            server_log
        )
        .needs(&[Need::Launch])
    ],
};

async fn server_log(cx: Cx) -> Result<(), Stop> {
    let mut target = cx.own_target().await?;
    let publisher = Publisher::new(&target.cx()).await?;
    let secret = format!("sek{:016x}", cx.rng().random::<u64>());
    let token = target.cx().user_token().to_owned();
    let schema =
        json!({"properties": {"secret": {"type": "string", "x-sensitive": true}, "count": {"type": "integer"}}});
    let recipe = publisher.recipe("logs", Behaviour::LogInput(LogLevel::Error)).input(schema);
    let handler = publisher.install(&recipe).await?;
    let user = publisher.user();
    let served = async {
        user.execute(handler.id(), &json!({"input": {"secret": secret}})).await?.expect(200)?;
        let rejected = user.execute(handler.id(), &json!({"input": {"secret": secret, "count": "none"}})).await?;
        refused("input-rejected").judge(&rejected)?;
        refused("request-malformed").judge(&user.execute(&token, &json!({"input": 1})).await?)?;
        refused("forbidden").judge(&user.uninstall(handler.id()).await?)
    };
    served.await.control("the requests are answered")?;
    target.terminate().await?;
    let written = target.written();
    for (what, value) in [("a sensitive value", &secret), ("the caller's token", &token)] {
        for (how, trace) in traces(value) {
            ensure!(!written.contains(&trace), "the runtime's output shows {what} {how}");
        }
    }
    Ok(())
}

//! Some hundred executions at once, good and hostile (sandbox.md, section 10). Ten thousand of them are the profile `load`.

use assay_harness::{Cx, Group, Need, Stop, checks};

use crate::crowd::{CHAIN, Crowd, MIXED};
use crate::publisher::Publisher;

/// The table.
pub const GROUP: Group = Group {
    profile: "sandbox",
    name: "crowd",
    checks: checks![
        each(
            "sandbox.crowd.answers",
            "in a crowd each execution is answered with its own outcome, output and log",
            &["SBX-CRW-001", "SBX-CRW-002"],
            answers
        )
        .costly(),
        each(
            "sandbox.crowd.state",
            "in a crowd executions that share a state come one after the other",
            &["SBX-CRW-003"],
            state
        )
        .costly()
        .needs(&[Need::Feature("state")]),
    ],
};

const EXECUTIONS: usize = 300;
const CHANGES: usize = 100;
/// At once, where the target takes so many.
const AT_ONCE: usize = 64;

/// Other checks run beside this one, so a quarter of the places must do.
fn at_once(cx: &Cx) -> Result<usize, Stop> {
    let capacity = cx.discovery().bound("concurrent_executions")?;
    Ok(usize::try_from(capacity / 4).unwrap_or(usize::MAX).clamp(1, AT_ONCE))
}

async fn answers(cx: Cx) -> Result<(), Stop> {
    let crowd = Crowd::gather(&cx, MIXED, &[Publisher::packaging(&cx)]).await?;
    crowd.run(EXECUTIONS, at_once(&cx)?).await?;
    crowd.judge_state().await
}

async fn state(cx: Cx) -> Result<(), Stop> {
    let crowd = Crowd::gather(&cx, CHAIN, &[Publisher::packaging(&cx)]).await?;
    crowd.run(CHANGES, at_once(&cx)?).await?;
    crowd.judge_state().await
}

//! Ten thousand executions, good and hostile, as many at once as the target takes: every answer is judged (load.md, section 1).

use std::time::Duration;

use assay_harness::{Cx, Group, Need, Stop, checks};

use super::ground::Ground;
use crate::crowd::{CHAIN, Crowd, MIXED};
use crate::publisher::Publisher;

/// The table.
pub const GROUP: Group = Group {
    profile: "load",
    name: "mixed",
    checks: checks![
        each(
            "load.mixed.answers",
            "of ten thousand executions at once each is answered with its own outcome, output and log",
            &["LOAD-ANS-001", "LOAD-ANS-002", "LOAD-ANS-003"],
            answers
        )
        .costly()
        .within(PATIENCE),
        each("load.mixed.state", "executions that share a state come one after the other", &["LOAD-STA-001"], state)
            .costly()
            .needs(&[Need::Feature("state")])
            .within(PATIENCE),
    ],
};

/// The checks of this profile wait for one another.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// Executions of the mixed crowd, and of the one that shares a state.
pub const EXECUTIONS: usize = 10_000;
const CHANGES: usize = 1000;

async fn answers(cx: Cx) -> Result<(), Stop> {
    let ground = Ground::alone(&cx).await?;
    let packaging = Publisher::packaging(ground.cx());
    let crowd = Crowd::gather(ground.cx(), MIXED, &[packaging]).await?;
    crowd.run(EXECUTIONS, ground.at_once()?).await?;
    crowd.judge_state().await
}

async fn state(cx: Cx) -> Result<(), Stop> {
    let ground = Ground::alone(&cx).await?;
    let packaging = Publisher::packaging(ground.cx());
    let crowd = Crowd::gather(ground.cx(), CHAIN, &[packaging]).await?;
    crowd.run(CHANGES, ground.at_once()?).await?;
    crowd.judge_state().await
}

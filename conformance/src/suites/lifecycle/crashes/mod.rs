//! SIGKILL at points spread over uploads, signatures, installs, writes, migrations, uninstalls, revocations and changes of trust
//! (lifecycle.md, section 2). Several lanes work at once, a kill comes, the target is started again, and everything that can be seen has to
//! be what one of the possible histories left. Then the lanes go on where they were cut off.

mod aims;
mod field;
mod lane;
mod life;
mod reading;
mod round;

use std::iter::repeat_n;
use std::time::Duration;

use assay_harness::{Cx, Group, Need, Stop, checks};

use self::aims::aims;
use self::field::Field;
use crate::history::Kind;

/// The table.
pub const GROUP: Group = Group {
    profile: "lifecycle",
    name: "crashes",
    checks: checks![
        once(
            "lifecycle.crashes.history",
            "whenever a kill comes, what is there afterwards follows from what was answered",
            &["LIFE-CRA-001", "LIFE-CRA-002", "LIFE-CRA-003", "LIFE-CRA-004", "LIFE-CRA-005"],
            history
        )
        .needs(&[Need::Launch])
        .within(PATIENCE)
        .costly()
    ],
};

/// The check that a soak runs with more kills.
pub const SOAKED: &str = "lifecycle.crashes.history";

/// Kills of a run that nobody asked for more: two in the middle of each kind of operation, and six right after an answer.
const KILLS: usize = 24;
/// Clients at once.
const LANES: usize = 3;
/// A machine that is loaded takes so long for a few starts.
const PATIENCE: Duration = Duration::from_secs(120);
/// How far into an operation the kills come that make up for those that came too late, as fractions of its time.
const EARLIER: [f64; 2] = [0.3, 0.1];
/// After these, so many come as soon as it is asked for. On a machine with much else to do that may be too late as well, but not
/// so often.
const AT_ONCE: usize = 22;

async fn history(cx: Cx) -> Result<(), Stop> {
    let soak = cx.soak();
    let keeps_state = cx.discovery().has_feature("state");
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| keeps_state || *kind != Kind::Write).collect();
    let kills = soak.map_or(KILLS, |soak| soak.kills as usize);
    let is_stopped = || soak.is_some_and(|soak| soak.stop.is_thrown());
    let mut field = Field::start(&cx, LANES).await?;
    field.watch_a_life().await?;
    for aim in aims(kills, &kinds, &mut cx.rng()) {
        if is_stopped() {
            break;
        }
        field.kill(aim).await?;
    }
    for &kind in kinds.iter().filter(|_| kills >= kinds.len()) {
        for fraction in EARLIER.into_iter().chain(repeat_n(0.0, AT_ONCE)) {
            if field.kills_during(kind) == 0 && !is_stopped() {
                field.kill(aims::during(kind, fraction)).await?;
            }
        }
    }
    field.look_at_everything().await?;
    field.tell(&kinds).await;
    match field.kills() {
        done if done < kills => {
            Err(Stop::Inconclusive(format!("it was ended after {done} of {kills} kills, which lost nothing")))
        }
        _ => Ok(()),
    }
}

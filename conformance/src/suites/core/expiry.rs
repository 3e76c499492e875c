//! Gate 6: statements are in date, at every moment that asks (core.md, section 6).

use std::time::Duration;

use assay_fixtures::{Behaviour, Release};
use assay_harness::{Cx, Group, Reply, Stop, checks, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "expiry",
    checks: checks![
        once("core.expiry.expired", "a release that has expired is refused", &["CORE-EXP-001"], expired),
        once("core.expiry.future", "a release dated in the future is refused", &["CORE-EXP-002"], future),
        each(
            "core.expiry.at-install",
            "a release that expires after its upload is not installed",
            &["CORE-EXP-003"],
            at_install
        ),
        each(
            "core.expiry.at-execute",
            "an installed release that expires is not executed",
            &["CORE-EXP-004"],
            at_execute
        ),
    ],
};

async fn expired(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.recipe("old", Behaviour::Echo).build();
    let now = Timestamp::now();
    let ended = Release::valid()
        .issued_at(now - SignedDuration::from_hours(48))
        .expires_at(now - SignedDuration::from_hours(1));
    let flawed = package.clone().signed_with(publisher.key(), ended);
    publisher.pair(&flawed, &package.signed(publisher.key()), &refused("release-expired")).await
}

async fn future(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.recipe("early", Behaviour::Echo).build();
    let skew = i64::try_from(cx.discovery().bounds["clock_skew_ms"]).unwrap_or(i64::MAX / 2);
    let issued = Timestamp::now() + SignedDuration::from_millis(skew) + SignedDuration::from_hours(1);
    let early = Release::valid().issued_at(issued).expires_at(issued + SignedDuration::from_hours(24));
    let flawed = package.clone().signed_with(publisher.key(), early);
    publisher.pair(&flawed, &package.signed(publisher.key()), &refused("release-not-yet-valid")).await
}

/// How long a release lives in the attempts at these checks: long enough for the steps before its end. A slow target gets
/// more time for the control, never for the subject.
const LIVES: [Duration; 3] = [Duration::from_millis(700), Duration::from_secs(3), Duration::from_secs(8)];

/// How long after its end, on the suite's clock, a release may go on: the two clocks may differ by this much.
const GRACE: Duration = Duration::from_millis(1500);

/// Asks until the target refuses, from the end of a release until the grace is over. What was granted in between is undone by `undo`.
async fn refused_after<F, U>(
    end: Timestamp,
    mut ask: impl FnMut() -> F,
    mut undo: impl FnMut() -> U,
) -> Result<(), Stop>
where
    F: Future<Output = Result<Reply, Stop>>,
    U: Future<Output = Result<(), Stop>>,
{
    let wait = Duration::try_from(end.duration_since(Timestamp::now())).unwrap_or_default();
    tokio::time::sleep(wait + Duration::from_millis(10)).await;
    let give_up = tokio::time::Instant::now() + GRACE;
    loop {
        let reply = ask().await?;
        if reply.status() >= 400 {
            return refused("release-expired").judge(&reply);
        }
        ensure!(
            tokio::time::Instant::now() < give_up,
            "{} {} ms after the release expired",
            reply.describe(),
            GRACE.as_millis()
        );
        undo().await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn living(life: Duration) -> (Timestamp, Release) {
    let end = Timestamp::now() + SignedDuration::try_from(life).unwrap_or(SignedDuration::ZERO);
    (end, Release::valid().expires_at(end))
}

async fn at_install(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (attempt, life) in LIVES.into_iter().enumerate() {
        let package = publisher.recipe(&format!("soon{attempt}"), Behaviour::Echo).build();
        let (id, (end, release)) = (package.id(), living(life));
        let stored = publisher.store(&package.signed_with(publisher.key(), release)).await;
        if Timestamp::now() < end {
            stored?;
            let (admin, undoing) = (publisher.admin(), publisher.control());
            let install = || async { admin.install(&id, "1.0.0").await };
            let undo = || async { undoing.uninstall(&id).await.map(|_| ()) };
            return refused_after(end, install, undo).await;
        }
    }
    Err(Stop::Inconclusive("the target took longer to store a release than the release lived".to_owned()))
}

async fn at_execute(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (attempt, life) in LIVES.into_iter().enumerate() {
        let package = publisher.recipe(&format!("soon{attempt}"), Behaviour::Echo).build();
        let (id, (end, release)) = (package.id(), living(life));
        let package = package.signed_with(publisher.key(), release);
        let ready = async {
            publisher.store(&package).await?;
            publisher.install_stored(&package).await?.runs(json!("in date")).await
        };
        let ready = ready.await;
        if Timestamp::now() < end {
            ready?;
            let admin = publisher.admin();
            let execute = || async { admin.execute(&id, &json!({"input": 1})).await };
            return refused_after(end, execute, || async { Ok(()) }).await;
        }
    }
    Err(Stop::Inconclusive("the target took longer to run a release than the release lived".to_owned()))
}

//! State: durable, private, whole (core.md 9.11, 9.2, 9.3).

use assay_fixtures::{Behaviour, FailureKind};
use assay_harness::{Control as _, Cx, Group, Need, Stop, checks};
use serde_json::{Value, json};

use crate::installed::Installed;
use crate::publisher::Publisher;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "state",
    checks: checks![
        each(
            "core.state.persists",
            "state that was written is seen by the next execution",
            &["CORE-STA-001"],
            persists
        )
        .needs(STATE),
        each("core.state.isolated", "a handler never sees the state of another", &["CORE-STA-002"], isolated)
            .needs(STATE),
        each("core.state.uninstalled", "state is gone after uninstall", &["CORE-STA-003"], uninstalled).needs(STATE),
        each("core.state.failed", "an execution that does not succeed leaves no change", &["CORE-STA-004"], failed)
            .needs(STATE),
        each("core.state.quota", "a change past the quota is refused", &["CORE-STA-005"], quota).needs(STATE),
        each(
            "core.state.quota-filled",
            "a change that exactly fills the quota is kept",
            &["CORE-STA-005"],
            quota_filled
        )
        .needs(STATE),
        each("core.state.upgraded", "state stays at an upgrade", &["CORE-STA-006"], upgraded).needs(STATE),
    ],
};

const STATE: &[Need] = &[Need::Feature("state")];

fn swap() -> Behaviour {
    Behaviour::StateSwap { key: "last".to_owned() }
}

async fn persists(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("keeper", swap())).await?;
    handler.execute(json!({"n": 1})).await?.expect_output(&Value::Null)?;
    handler.execute(json!({"n": 2})).await?.expect_output(&json!({"n": 1}))?;
    handler.execute(json!(3)).await?.expect_output(&json!({"n": 2}))
}

async fn isolated(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let owner = publisher.install(&publisher.recipe("owner", swap())).await?;
    let other = publisher.install(&publisher.recipe("other", swap())).await?;
    let lister = publisher.install(&publisher.recipe("lister", Behaviour::StateKeys)).await?;
    owner.runs(json!("secret")).await?;
    other.execute(json!("mine")).await?.expect_output(&Value::Null)?;
    lister.execute(Value::Null).await?.expect_output(&json!([]))?;
    owner.runs(json!("x")).await?.expect_output(&json!("secret")).control("the owner sees its state")
}

async fn uninstalled(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let package = publisher.publish(&publisher.recipe("keeper", swap())).await?;
    let handler = publisher.install_stored(&package).await?;
    handler.runs(json!(1)).await?;
    handler.runs(json!(2)).await?.expect_output(&json!(1)).control("state persists while installed")?;
    let uninstall = async { publisher.control().uninstall(handler.id()).await?.expect(204) };
    uninstall.await.control("the handler is uninstalled")?;
    let handler = publisher.install_stored(&package).await?;
    handler.execute(json!(3)).await?.expect_output(&Value::Null)
}

async fn failed(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let key = || "last".to_owned();
    let breakers = [
        ("trap", Behaviour::StateSetThenTrap { key: key() }, "trap"),
        ("failure", Behaviour::StateSetThenFail { key: key() }, "failure"),
    ];
    for (leaf, breaker, outcome) in breakers {
        // The three versions share the state: one writes, one breaks, one reads.
        let writer = publisher.publish(&publisher.recipe(leaf, swap())).await?;
        let breaking = publisher.publish_after(&publisher.recipe(leaf, breaker).version("1.1.0"), &writer).await?;
        let reader = publisher.recipe(leaf, Behaviour::StateGet { key: key() }).version("1.2.0");
        publisher.publish_after(&reader, &breaking).await?;
        let handler = publisher.install_stored(&writer).await?;
        handler.runs(json!("kept")).await?;
        let upgrade = async |version| publisher.control().upgrade(handler.id(), version).await?.expect(200);
        upgrade("1.1.0").await.control("the upgrade works")?;
        handler.execute(json!("lost")).await?.expect(outcome).control("the handler breaks off")?;
        upgrade("1.2.0").await.control("the upgrade works")?;
        let judged = async { handler.execute(Value::Null).await?.expect_output(&json!("kept")) };
        cx.case(leaf, judged).await;
    }
    // A failure is an answer of the handler; that it is told apart from success is judged elsewhere.
    let twin = Behaviour::Fail { kind: FailureKind::Internal, message: "no".to_owned() };
    publisher
        .install(&publisher.recipe("twin", twin))
        .await?
        .execute(Value::Null)
        .await?
        .expect("failure")
        .control("failures are told apart")?;
    Ok(())
}

/// Two quotas, so that one of the runtime's own does not pass for the manifest's.
const QUOTAS: [u32; 2] = [1000, 3000];

/// A handler that writes one value under the key `k` so that key and value have this many bytes, with this quota.
async fn filling(publisher: &Publisher, leaf: &str, bytes: u32, quota: u32) -> Result<Installed, Stop> {
    let fill = Behaviour::StateFill { key: "k".to_owned(), len: bytes - 1 };
    publisher.install(&publisher.recipe(leaf, fill).set("/permissions/state/max_bytes", quota)).await
}

async fn quota(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for quota in QUOTAS {
        let above = filling(&publisher, &format!("above{quota}"), quota + 1, quota).await?;
        let below = filling(&publisher, &format!("below{quota}"), quota - 1, quota).await?;
        let judged = async {
            above.execute(Value::Null).await?.expect_output(&json!("quota-exceeded"))?;
            below.runs(Value::Null).await?.expect_output(&json!("ok")).control("a change below the quota is kept")
        };
        cx.case(format!("{quota} bytes"), judged).await;
    }
    Ok(())
}

async fn quota_filled(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for quota in QUOTAS {
        let handler = filling(&publisher, &format!("at{quota}"), quota, quota).await?;
        let judged = async {
            // The second time the value replaces itself: what it replaces does not count.
            for _ in 0..2 {
                handler.execute(Value::Null).await?.expect_output(&json!("ok"))?;
            }
            Ok(())
        };
        cx.case(format!("{quota} bytes"), judged).await;
    }
    Ok(())
}

async fn upgraded(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let first = publisher.publish(&publisher.recipe("keeper", swap())).await?;
    publisher.publish_after(&publisher.recipe("keeper", swap()).version("1.1.0"), &first).await?;
    let handler = publisher.install_stored(&first).await?;
    handler.runs(json!("old")).await?;
    let upgrade = async { publisher.control().upgrade(handler.id(), "1.1.0").await?.expect(200) };
    upgrade.await.control("the upgrade works")?;
    handler.execute(json!("new")).await?.expect_output(&json!("old"))
}

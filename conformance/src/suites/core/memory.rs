//! Memory is limited and counted (core.md 9.8, 9.9).

use assay_fixtures::Behaviour;
use assay_harness::{Cx, Group, Stop, checks, ensure};
use serde_json::json;

use crate::installed::Installed;
use crate::publisher::Publisher;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "memory",
    checks: checks![
        each("core.memory.at-the-limit", "growth to exactly the limit is granted", &["CORE-MEM-001"], at_the_limit),
        each(
            "core.memory.one-page-more",
            "growth one page past the limit ends the execution",
            &["CORE-MEM-001"],
            one_page_more
        ),
        each("core.memory.runaway", "growth without end ends the execution", &["CORE-MEM-002"], runaway),
        each("core.memory.usage", "the memory used is reported", &["CORE-MEM-003"], usage),
    ],
};

const PAGE: u64 = 65536;

/// Two limits, so that one of the runtime's own does not pass for the manifest's.
const LIMITS: [u32; 2] = [16, 40];

/// A handler that grows to so many pages under a limit of so many.
async fn growing(publisher: &Publisher, leaf: &str, pages: u32, limit: u32) -> Result<Installed, Stop> {
    let recipe = publisher.recipe(leaf, Behaviour::GrowMemory { pages });
    publisher.install(&recipe.limit("memory_bytes", u64::from(limit) * PAGE)).await
}

async fn at_the_limit(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for limit in LIMITS {
        let handler = growing(&publisher, &format!("at{limit}"), limit, limit).await?;
        let judged = async { handler.execute(json!("grown")).await?.expect_output(&json!("grown")) };
        cx.case(format!("{limit} pages"), judged).await;
    }
    Ok(())
}

async fn one_page_more(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for limit in LIMITS {
        let handler = growing(&publisher, &format!("above{limit}"), limit + 1, limit).await?;
        let twin = growing(&publisher, &format!("below{limit}"), limit - 1, limit).await?;
        let judged = async {
            handler.execute(json!(1)).await?.expect("memory-exceeded")?;
            twin.runs(json!(1)).await.map(|_| ())
        };
        cx.case(format!("{limit} pages"), judged).await;
    }
    Ok(())
}

async fn runaway(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let recipe = publisher.recipe("runaway", Behaviour::GrowForever).limit("timeout_ms", 1000);
    let handler = publisher.install(&recipe).await?;
    let twin = growing(&publisher, "below", 2, 16).await?;
    handler.execute(json!(1)).await?.expect("memory-exceeded")?;
    twin.runs(json!(1)).await?;
    Ok(())
}

async fn usage(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for pages in [3_u32, 11] {
        let handler = growing(&publisher, &format!("p{pages}"), pages, 16).await?;
        let judged = async {
            let execution = handler.execute(json!(1)).await?;
            execution.expect("success")?;
            let used = execution.body["usage"]["memory_bytes"].as_u64();
            ensure!(used == Some(u64::from(pages) * PAGE), "{pages} pages are reported as {used:?} bytes");
            Ok(())
        };
        cx.case(format!("{pages} pages"), judged).await;
    }
    Ok(())
}

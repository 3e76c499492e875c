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
const LIMIT_PAGES: u32 = 16;

/// A handler that grows to so many pages under a limit of 16.
async fn growing(publisher: &Publisher, leaf: &str, pages: u32) -> Result<Installed, Stop> {
    let recipe = publisher.recipe(leaf, Behaviour::GrowMemory { pages });
    publisher.install(&recipe.limit("memory_bytes", u64::from(LIMIT_PAGES) * PAGE)).await
}

async fn at_the_limit(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = growing(&publisher, "at", LIMIT_PAGES).await?;
    handler.execute(json!("grown")).await?.expect_output(&json!("grown"))
}

async fn one_page_more(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = growing(&publisher, "above", LIMIT_PAGES + 1).await?;
    let twin = growing(&publisher, "below", LIMIT_PAGES - 1).await?;
    handler.execute(json!(1)).await?.expect("memory-exceeded")?;
    twin.runs(json!(1)).await?;
    Ok(())
}

async fn runaway(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let recipe = publisher.recipe("runaway", Behaviour::GrowForever).limit("timeout_ms", 1000);
    let handler = publisher.install(&recipe).await?;
    let twin = growing(&publisher, "below", 2).await?;
    handler.execute(json!(1)).await?.expect("memory-exceeded")?;
    twin.runs(json!(1)).await?;
    Ok(())
}

async fn usage(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for pages in [3_u32, 11] {
        let handler = growing(&publisher, &format!("p{pages}"), pages).await?;
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

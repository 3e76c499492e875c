//! Migrations that do not succeed.

use assay_fixtures::{AllocatorFault, Behaviour, Moment, Recipe, Step, Twist};
use assay_harness::{Control as _, Cx, Stop, ensure};
use serde_json::{Value, json};

use super::{LOOK, keeper, kept, line, set, shows, upgraded, written};
use crate::installed::Installed;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// Judges that an upgrade to 1.1.0 is refused because its migration came to this.
async fn refuses(publisher: &Publisher, handler: &Installed, outcome: &str) -> Result<Value, Stop> {
    let reply = publisher.admin().upgrade(handler.id(), "1.1.0").await?;
    refused("migration-failed").named(outcome).judge(&reply)?;
    let body = reply.json()?.clone();
    ensure!(body["migration"].is_object(), "{}: the problem has no `migration`", reply.describe());
    Ok(body)
}

/// Three releases: one that keeps a name, one whose migration changes it and then takes this step, one that migrates.
fn breaking(publisher: &Publisher, leaf: &str, last: Step, edit: impl Fn(Recipe) -> Recipe) -> Vec<Recipe> {
    let breaks = vec![set("name", "lost"), set("from", "half"), last];
    let works = vec![Step::SetToInput("from".to_owned())];
    vec![
        publisher.recipe(leaf, keeper()),
        edit(publisher.recipe(leaf, keeper().migrating(breaks)).version("1.1.0")),
        publisher.recipe(leaf, keeper().migrating(works)).version("1.2.0"),
    ]
}

/// Judges that nothing came of an upgrade, that it may be tried again, and that a later release still migrates.
async fn leaves_all(publisher: &Publisher, handler: &Installed, outcome: &str) -> Result<(), Stop> {
    let installation = async || -> Result<Value, Stop> {
        let shown = publisher.admin().installation(handler.id()).await?.expect(200)?;
        Ok(shown.json()?["installed_at"].clone())
    };
    let before = installation().await?;
    for _ in 0..2 {
        refuses(publisher, handler, outcome).await?;
        shows(publisher, handler, "1.0.0").await?;
        let execution = handler.execute(json!(LOOK)).await?;
        execution.expect_output(&kept())?;
        let ran = &execution.body["version"];
        ensure!(*ran == "1.0.0", "the version {ran} runs after a migration that failed");
    }
    let after = installation().await?;
    ensure!(before == after, "it was installed at {before}, and at {after} after a migration that failed");
    upgraded(publisher, handler, "1.2.0").await.control("a release whose migration succeeds takes over")?;
    Ok(())
}

pub async fn failed(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let short = |recipe: Recipe| recipe.limit("output_bytes", 4);
    for (leaf, last, outcome, limited) in [
        ("failure", Step::Fail, "failure", false),
        ("trap", Step::Trap, "trap", false),
        ("memory", Step::Grow, "memory-exceeded", false),
        ("message", Step::Fail, "output-rejected", true),
    ] {
        let edit = |recipe| if limited { short(recipe) } else { recipe };
        let handler = written(&publisher, breaking(&publisher, leaf, last, edit)).await?;
        cx.case(leaf, leaves_all(&publisher, &handler, outcome)).await;
    }
    Ok(())
}

/// Loops that no processor is done with in the 50 ms that they are given.
const LATE: u64 = 400_000_000;

pub async fn time(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (leaf, last) in [("ends too late", Step::Turns(LATE)), ("never ends", Step::Hang)] {
        let name = leaf.replace(' ', "-");
        let brief = |recipe: Recipe| recipe.limit("timeout_ms", 50);
        let handler = written(&publisher, breaking(&publisher, &name, last, brief)).await?;
        cx.case(leaf, leaves_all(&publisher, &handler, "timeout")).await;
    }
    Ok(())
}

pub async fn hostile(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let arguments = |fault| Behaviour::Allocator(fault, Moment::Arguments);
    let migrate = |by| Behaviour::Echo.migrating_by(by);
    for (leaf, behaviour, outcome) in [
        ("a trap in the allocator", migrate(arguments(AllocatorFault::Traps)), "trap"),
        ("an address beyond the memory", migrate(arguments(AllocatorFault::Beyond)), "trap"),
        ("an import in the allocator", migrate(arguments(AllocatorFault::Logs)), "trap"),
        ("growth in the allocator", migrate(arguments(AllocatorFault::Grows)), "memory-exceeded"),
        ("a trap in the clean-up", migrate(Behaviour::Twist(Twist::PostTraps)), "trap"),
        ("an import in the clean-up", migrate(Behaviour::Twist(Twist::PostLogs)), "trap"),
        ("growth in the clean-up", migrate(Behaviour::Twist(Twist::PostGrows)), "memory-exceeded"),
        ("a trap in the start function", Behaviour::Twist(Twist::StartTraps).migrating(vec![]), "trap"),
        ("growth in the start function", Behaviour::Twist(Twist::StartGrows).migrating(vec![]), "memory-exceeded"),
        ("the memory", migrate(Behaviour::GrowForever), "memory-exceeded"),
    ] {
        let name = leaf.replace(' ', "-");
        let releases = vec![
            publisher.recipe(&name, Behaviour::Echo),
            publisher.recipe(&name, behaviour).version("1.1.0"),
            publisher.recipe(&name, Behaviour::Echo.migrating(vec![])).version("1.2.0"),
        ];
        let handler = line(&publisher, releases).await?;
        let judged = async {
            refuses(&publisher, &handler, outcome).await?;
            shows(&publisher, &handler, "1.0.0").await?;
            handler.execute(json!("on")).await?.expect_output(&json!("on"))?;
            upgraded(&publisher, &handler, "1.2.0").await.control("a migration that is none of this succeeds")?;
            Ok(())
        };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

//! What it costs to make a module ready (core.md 4.7 to 4.11): modules that are small to send and expensive to compile.

use std::time::{Duration, Instant};

use assay_fixtures::{Behaviour, Burden, Flaw, Packaging};
use assay_harness::{Cx, Group, Need, Stop, checks, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::operations::Operations;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "cost",
    checks: checks![
        each(
            "core.cost.module-cost",
            "a module that costs more than the bound is refused, one within it runs",
            &["CORE-CST-001"],
            module_cost
        )
        .costly(),
        each("core.cost.block-depth", "blocks nest to the bound and no deeper", &["CORE-CST-002"], block_depth)
            .costly(),
        each("core.cost.loop-depth", "loops nest to the bound and no deeper", &["CORE-CST-002"], loop_depth).costly(),
        once(
            "core.cost.component-entries",
            "a component with more entries than the bound is refused, one within it runs",
            &["CORE-CST-003"],
            component_entries
        )
        .needs(COMPONENTS)
        .costly(),
        once(
            "core.cost.instances",
            "a package of more instances than the bound is refused, one within it runs",
            &["CORE-CST-004"],
            instances
        )
        .needs(COMPONENTS)
        .costly(),
        once(
            "core.cost.memories",
            "a package of more memories than the bound is refused, one at the bound runs",
            &["CORE-CST-004"],
            memories
        )
        .needs(COMPONENTS)
        .costly(),
        each(
            "core.cost.tables",
            "a package of more tables than the bound is refused, one within it runs",
            &["CORE-CST-004"],
            tables
        )
        .costly(),
        once(
            "core.cost.responsive",
            "health and executions are answered while costly modules are installed",
            &["CORE-CST-005"],
            responsive
        )
        .costly(),
    ],
};

/// What only a component can have many of.
const COMPONENTS: &[Need] = &[Need::Packaging("component")];

/// The locals of a costly function; an engine may refuse more than 50 000.
const LOCALS: u64 = 40_000;
/// What a function, or a label, loop or number of those below costs beside what is counted here is less than a twentieth.
const SLACK: u64 = 20;

/// A published bound, as far as a module that can be sent can pass it.
fn bound(cx: &Cx, name: &str, most: u64) -> Result<u64, Stop> {
    let bound = cx.discovery().bound(name)?;
    match bound <= most {
        true => Ok(bound),
        false => Err(Stop::Inconclusive(format!("`bounds.{name}` is {bound}: no module that can be sent passes it"))),
    }
}

/// As the number of something in a module.
fn number(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Echoes and carries a burden.
fn carrying(publisher: &Publisher, leaf: &str, burden: Burden) -> assay_fixtures::Recipe {
    publisher.recipe(leaf, Behaviour::Echo).flaw(Flaw::Carries(burden))
}

/// A minimal pair of burdens of which the second is refused by a bound, and the first is installed and runs.
async fn runs_within(
    publisher: &Publisher,
    bound: &str,
    (within, past): (Burden, Burden),
    packaging: Option<Packaging>,
) -> Result<(), Stop> {
    let leaf = bound.replace('_', "-");
    let recipe = |burden| {
        let recipe = carrying(publisher, &leaf, burden);
        packaging.into_iter().fold(recipe, assay_fixtures::Recipe::packaging)
    };
    let twin = publisher.sign(&recipe(within));
    publisher.pair(&publisher.sign(&recipe(past)), &twin, &refused("module-too-costly").named(bound)).await?;
    let (id, version) = (twin.id(), twin.version());
    publisher.admin().install(&id, &version).await?.expect(201)?;
    let reply = publisher.admin().execute(&id, &json!({"input": "within"})).await?.expect(200)?;
    ensure!(reply.json()?["output"] == "within", "{}: the handler within the bound does not run", reply.describe());
    Ok(())
}

/// A burden of so many.
type Shape = fn(u64) -> Burden;

async fn module_cost(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let bound = bound(&cx, "module_cost", 100_000_000_000)?;
    let (within, past) = (bound - bound / SLACK, bound + bound / SLACK);
    let labels = |cost| Burden::Labels { locals: number(LOCALS), labels: number(cost / LOCALS) };
    cx.case("labels and locals", runs_within(&publisher, "module_cost", (labels(within), labels(past)), None)).await;
    let shapes: [(&str, Shape); 3] = [
        ("labels-and-stack", |cost| Burden::Stack { height: number(LOCALS / 2), labels: number(cost / (LOCALS / 2)) }),
        ("loops", |cost| Burden::Loops { locals: number(LOCALS), loops: number(cost / LOCALS / 64) }),
        ("functions", |cost| Burden::Functions(number(cost / 1050))),
    ];
    let refusal = refused("module-too-costly").named("module_cost");
    for (name, shape) in shapes {
        let twin = publisher.sign(&carrying(&publisher, name, shape(within)));
        let flawed = publisher.sign(&carrying(&publisher, name, shape(past)));
        cx.case(name, publisher.pair(&flawed, &twin, &refusal)).await;
    }
    Ok(())
}

async fn block_depth(cx: Cx) -> Result<(), Stop> {
    let most = number(bound(&cx, "block_depth", 500_000)?);
    let burdens = (Burden::NestedBlocks(most), Burden::NestedBlocks(most + 1));
    runs_within(&Publisher::new(&cx).await?, "block_depth", burdens, None).await
}

async fn loop_depth(cx: Cx) -> Result<(), Stop> {
    let most = number(bound(&cx, "loop_depth", cx.discovery().bound("block_depth")? - 1)?);
    let burdens = (Burden::NestedLoops(most), Burden::NestedLoops(most + 1));
    runs_within(&Publisher::new(&cx).await?, "loop_depth", burdens, None).await
}

async fn component_entries(cx: Cx) -> Result<(), Stop> {
    let most = number(bound(&cx, "component_entries", 1_000_000)?);
    // The component of the handler itself has a few dozen.
    let burdens = (Burden::Types(most - 200), Burden::Types(most));
    runs_within(&Publisher::new(&cx).await?, "component_entries", burdens, Some(Packaging::Component)).await
}

async fn instances(cx: Cx) -> Result<(), Stop> {
    let most = number(bound(&cx, "instances", cx.discovery().bound("component_entries")? / 2)?);
    // The component of the handler itself has one, or a few.
    let burdens = (Burden::Instances(most - 4), Burden::Instances(most + 1));
    runs_within(&Publisher::new(&cx).await?, "instances", burdens, Some(Packaging::Component)).await
}

async fn memories(cx: Cx) -> Result<(), Stop> {
    let most = number(bound(&cx, "memories", cx.discovery().bound("instances")? - 8)?);
    // The handler itself has one.
    let burdens = (Burden::Memories(most - 1), Burden::Memories(most));
    runs_within(&Publisher::new(&cx).await?, "memories", burdens, Some(Packaging::Component)).await
}

async fn tables(cx: Cx) -> Result<(), Stop> {
    let most = number(bound(&cx, "tables", 50_000)?);
    // The component of the handler itself may have one.
    let burdens = (Burden::Tables(most - 1), Burden::Tables(most + 1));
    runs_within(&Publisher::new(&cx).await?, "tables", burdens, None).await
}

/// How many costly modules are under way at once.
const COSTLY: u32 = 2;
/// The functions of the module that shows how long the target takes for so many.
const FUNCTIONS: u32 = 1000;
/// So long each of the others shall take at least, however fast the target is.
const WANTED: Duration = Duration::from_millis(450);
/// The others are at most so many times as large.
const LARGEST: f64 = 8.0;
/// An answer that takes less was not held up, whatever went on meanwhile.
const LONG_ENOUGH: Duration = Duration::from_millis(200);

/// With a custom section that no other run has: a target that knows the module from before would have nothing to do.
fn of_this_run(mut module: Vec<u8>, run: &str) -> Vec<u8> {
    let name = run.as_bytes();
    let length = u8::try_from(name.len()).expect("a namespace is a short word");
    module.extend([0, length + 1, length]);
    module.extend(name);
    module
}

async fn responsive(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let other = publisher.install(&publisher.recipe("other", Behaviour::Echo)).await?;
    let costly = async |leaf: &str, functions| {
        let (run, recipe) = (cx.namespace().to_owned(), carrying(&publisher, leaf, Burden::Functions(functions)));
        publisher.publish(&recipe.edit_module(move |module| of_this_run(module, &run))).await
    };
    let package = costly("alone", FUNCTIONS).await?;
    let started = Instant::now();
    publisher.install_stored(&package).await?;
    let times = (WANTED.as_secs_f64() / started.elapsed().as_secs_f64()).clamp(1.0, LARGEST);
    let functions = (f64::from(FUNCTIONS) * times) as u32;
    let mut packages = Vec::new();
    for number in 0..COSTLY {
        // None has as many as another, so that nothing is compiled only once.
        packages.push(costly(&format!("costly{number}"), functions + 1 + number).await?);
    }
    let mut installing = JoinSet::new();
    let started = Instant::now();
    for package in packages {
        let publisher = publisher.clone();
        installing.spawn(async move { publisher.install_stored(&package).await });
    }
    let installs = async {
        let mut installed = Vec::new();
        while let Some(done) = installing.join_next().await {
            installed.push(done.map_err(|error| Stop::Error(error.to_string()))??);
        }
        Ok::<_, Stop>((installed, started.elapsed()))
    };
    let mut installs = std::pin::pin!(installs);
    let (mut longest, mut rounds) = (Duration::ZERO, 0);
    let (installed, took) = loop {
        let asked = Instant::now();
        let round = async {
            Operations::of(cx.anonymous()).health().await?.expect(200)?;
            other.execute(json!("meanwhile")).await?.expect_output(&json!("meanwhile"))
        };
        let mut round = std::pin::pin!(round);
        tokio::select! {
            answered = &mut round => answered?,
            done = &mut installs => {
                // What was asked meanwhile is answered, and counts for as long as it had to wait.
                let done = done?;
                round.await?;
                longest = longest.max(asked.elapsed());
                break done;
            }
        }
        longest = longest.max(asked.elapsed());
        rounds += 1;
    };
    for handler in &installed {
        handler.runs(json!(1)).await?;
    }
    ensure!(
        longest < (took / 3).max(LONG_ENOUGH),
        "while costly modules were installed, which took {} ms, an answer took {} ms ({rounds} came before the end)",
        took.as_millis(),
        longest.as_millis()
    );
    Ok(())
}

//! State that is migrated at an upgrade (core.md 9.30 to 9.36).

mod failing;
mod meanwhile;
mod telling;

use assay_fixtures::{Behaviour, Flaw, Packaging, Recipe, Step};
use assay_harness::{Control as _, Cx, Group, Need, Reply, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::installed::Installed;
use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "core",
    name: "migration",
    checks: checks![
        each(
            "core.migration.migrates",
            "the new version finds the state as its `migrate` has left it",
            &["CORE-MIG-001"],
            migrates
        )
        .needs(STATE),
        each("core.migration.context", "a migration is told what it is part of", &["CORE-MIG-002"], context)
            .needs(STATE),
        each("core.migration.limits", "the limits of the new version hold", &["CORE-MIG-003"], limits).needs(STATE),
        each(
            "core.migration.time",
            "also that of time, however the migration spends it",
            &["CORE-MIG-003", "CORE-MIG-004"],
            failing::time
        )
        .needs(STATE)
        .costly(),
        each(
            "core.migration.failed",
            "a migration that does not succeed leaves version and state as they were",
            &["CORE-MIG-004"],
            failing::failed
        )
        .needs(STATE),
        each("core.migration.hostile", "what a migration may not do ends it", &["CORE-MIG-005"], failing::hostile),
        each("core.migration.reported", "log and usage are answered", &["CORE-MIG-006"], telling::reported),
        each("core.migration.uncounted", "it is no execution", &["CORE-MIG-007"], telling::uncounted),
        each("core.migration.redacted", "the caller's token is nowhere in it", &["CORE-MIG-008"], telling::redacted),
        each("core.migration.types", "a `migrate` of another type is refused", &["CORE-MIG-009"], types),
        each(
            "core.migration.executions",
            "executions meanwhile see one version and its state",
            &["CORE-MIG-010"],
            meanwhile::executions
        )
        .needs(STATE)
        .costly(),
        each("core.migration.others", "nobody else waits for it", &["CORE-MIG-011"], meanwhile::others)
            .needs(STATE)
            .costly(),
        each(
            "core.migration.revoked",
            "a release that is revoked meanwhile is refused",
            &["CORE-MIG-012"],
            meanwhile::revoked
        )
        .needs(STATE)
        .costly(),
        each("core.migration.at-once", "two upgrades at once come in one order", &["CORE-MIG-013"], meanwhile::at_once)
            .needs(STATE)
            .costly(),
    ],
};

const STATE: &[Need] = &[Need::Feature("state")];

/// The input that writes, and the one that looks, of [`keeper`].
const WRITE: u8 = 0;
const LOOK: u8 = 1;

/// What every version of a handler does here: it keeps a name, and tells what there is.
fn keeper() -> Behaviour {
    let looks = vec![Step::Keys, get("name"), get("renamed"), get("from")];
    Behaviour::Scripts(vec![vec![set("name", "kept")], looks])
}

fn set(key: &str, value: impl Into<Vec<u8>>) -> Step {
    Step::Set(key.to_owned(), value.into())
}

fn get(key: &str) -> Step {
    Step::Get(key.to_owned())
}

/// Bytes as the scripts answer them.
fn hex(bytes: impl AsRef<[u8]>) -> Value {
    json!(hex::encode(bytes))
}

/// What [`LOOK`] answers before anything is migrated.
fn kept() -> Value {
    json!([[hex("name")], hex("kept"), null, null])
}

/// Uploads releases that follow one another, and installs the first one.
async fn line(publisher: &Publisher, recipes: Vec<Recipe>) -> Result<Installed, Stop> {
    let mut previous = None;
    let mut first = None;
    for recipe in recipes {
        let package = match &previous {
            None => publisher.publish(&recipe).await?,
            Some(previous) => publisher.publish_after(&recipe, previous).await?,
        };
        first.get_or_insert_with(|| package.clone());
        previous = Some(package);
    }
    let first = first.ok_or_else(|| Stop::Error("a line of no releases".to_owned()))?;
    publisher.install_stored(&first).await
}

/// The same with a state that the first one has written.
async fn written(publisher: &Publisher, recipes: Vec<Recipe>) -> Result<Installed, Stop> {
    let handler = line(publisher, recipes).await?;
    handler.runs(json!(WRITE)).await?;
    handler.runs(json!(LOOK)).await?.expect_output(&kept()).control("the state is there")?;
    Ok(handler)
}

/// Upgrades, as what is judged.
async fn upgraded(publisher: &Publisher, handler: &Installed, version: &str) -> Result<Reply, Stop> {
    let reply = publisher.admin().upgrade(handler.id(), version).await?.expect(200)?;
    ensure!(reply.json()?["version"] == version, "{}: not the new version", reply.describe());
    shows(publisher, handler, version).await?;
    Ok(reply)
}

/// Judges which version is installed.
async fn shows(publisher: &Publisher, handler: &Installed, version: &str) -> Result<(), Stop> {
    let shown = publisher.admin().installation(handler.id()).await?.expect(200)?;
    let found = shown.json()?["version"].clone();
    ensure!(found == version, "the installed version is {found}, expected {version}");
    Ok(())
}

async fn migrates(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let steps = vec![Step::Move("name".to_owned(), "renamed".to_owned()), Step::SetToInput("from".to_owned())];
    let releases = vec![
        publisher.recipe("keeper", keeper()),
        publisher.recipe("keeper", keeper()).version("1.1.0"),
        publisher.recipe("keeper", keeper().migrating(steps)).version("1.2.0"),
        publisher.recipe("keeper", keeper()).version("1.3.0"),
        publisher.recipe("keeper", keeper().migrating(vec![Step::Fail])).version("1.4.0"),
    ];
    let handler = written(&publisher, releases).await?;
    // Over a version that never was installed: what is told is the one that is replaced.
    upgraded(&publisher, &handler, "1.2.0").await?;
    let migrated = json!([[hex("from"), hex("renamed")], null, hex("kept"), hex("1.0.0")]);
    handler.execute(json!(LOOK)).await?.expect_output(&migrated)?;
    upgraded(&publisher, &handler, "1.3.0").await?;
    let judged = async { handler.execute(json!(LOOK)).await?.expect_output(&migrated) };
    cx.case("a version that does not migrate", judged).await;
    let uninstall = async { publisher.control().uninstall(handler.id()).await?.expect(204) };
    uninstall.await.control("the handler is uninstalled")?;
    let judged = async {
        publisher.admin().install(handler.id(), "1.4.0").await?.expect(201)?;
        handler.execute(json!(LOOK)).await?.expect_output(&json!([[], null, null, null]))
    };
    cx.case("install never migrates", judged).await;
    Ok(())
}

async fn context(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let key = || "context".to_owned();
    let reader = || Behaviour::StateGet { key: key() };
    let migrating = reader().migrating_by(Behaviour::StateSetContext { key: key() });
    let releases = vec![publisher.recipe("told", reader()), publisher.recipe("told", migrating).version("1.1.0")];
    let handler = line(&publisher, releases).await?;
    let reply = upgraded(&publisher, &handler, "1.1.0").await?;
    let told = handler.execute(Value::Null).await?;
    let execution = &reply.json()?["migration"]["execution"];
    let expected = [
        ("handler", json!(handler.id())),
        ("version", json!("1.1.0")),
        ("caller", json!("admin")),
        ("execution", execution.clone()),
        ("attributes", json!({})),
    ];
    for (name, value) in expected {
        let found = &told.output()[name];
        ensure!(*found == value, "the migration was told `{name}` as {found}, expected {value}");
    }
    Ok(())
}

async fn limits(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let steps = vec![set("large", vec![b'x'; 2000]), set("small", "x")];
    let handle = || Behaviour::Scripts(vec![vec![Step::Keys]]);
    for (leaf, before, after, keys) in
        [("more", 1000, 4000, vec!["large", "small"]), ("less", 4000, 1000, vec!["small"])]
    {
        let quota = |recipe: Recipe, bytes: u32| recipe.set("/permissions/state/max_bytes", bytes);
        let releases = vec![
            quota(publisher.recipe(leaf, handle()), before),
            quota(publisher.recipe(leaf, handle().migrating(steps.clone())).version("1.1.0"), after),
        ];
        let handler = line(&publisher, releases).await?;
        let judged = async {
            upgraded(&publisher, &handler, "1.1.0").await?;
            let keys: Vec<Value> = keys.iter().map(hex).collect();
            handler.execute(json!(0)).await?.expect_output(&json!([keys]))
        };
        cx.case(format!("{leaf} room than before"), judged).await;
    }
    Ok(())
}

async fn types(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let wrong = |name: &str| refused("export-type-mismatch").named(name);
    let missing = |name: &str| refused("export-missing").named(name);
    let flaws = [
        ("type", Flaw::ExportType("migrate"), wrong("migrate")),
        ("kind", Flaw::ExportKind("migrate"), wrong("migrate")),
        ("post-type", Flaw::ExportType("cabi_post_migrate"), wrong("cabi_post_migrate")),
        ("post-kind", Flaw::ExportKind("cabi_post_migrate"), missing("cabi_post_migrate")),
        ("post-missing", Flaw::MissingExport("cabi_post_migrate"), missing("cabi_post_migrate")),
    ];
    let packaging = Publisher::packaging(&cx);
    for (leaf, flaw, refusal) in flaws {
        if flaw.applies_to(packaging) {
            let twin = publisher.recipe(leaf, Behaviour::Echo.migrating(vec![]));
            let flawed = publisher.sign(&twin.clone().flaw(flaw));
            cx.case(leaf, publisher.pair(&flawed, &publisher.sign(&twin), &refusal)).await;
        }
    }
    if packaging == Packaging::Core {
        // Without `migrate` it is one of the exports that are ignored.
        let further = publisher.recipe("further", Behaviour::Echo.migrating(vec![]));
        let flaws = [Flaw::MissingExport("migrate"), Flaw::ExportType("cabi_post_migrate")];
        let further = flaws.into_iter().fold(further, Recipe::flaw);
        cx.case("further", publisher.accepted(&publisher.sign(&further))).await;
    }
    Ok(())
}

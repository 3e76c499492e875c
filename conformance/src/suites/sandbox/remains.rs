//! What one execution leaves for another to find: nothing (sandbox.md, section 6).
//!
//! A planter puts a word wherever a guest can leave one; a searcher looks there for it. The searcher is told the word in
//! hexadecimal digits only, so what it finds is not its own input. In each check the same search first finds a word that was
//! planted in its own execution: a search that cannot find anything shows nothing.

use assay_fixtures::{Behaviour, LogLevel, Recipe};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use rand::Rng as _;
use serde_json::{Value, json};

use crate::installed::{Execution, Installed};
use crate::publisher::Publisher;

/// The table.
pub const GROUP: Group = Group {
    profile: "sandbox",
    name: "remains",
    checks: checks![
        each(
            "sandbox.remains.same-handler",
            "an execution finds nothing of an earlier one of its handler",
            &["SBX-REM-001"],
            same_handler
        ),
        each(
            "sandbox.remains.other-handler",
            "an execution finds nothing of one of another handler",
            &["SBX-REM-002"],
            other_handler
        ),
        each(
            "sandbox.remains.upgrade",
            "an execution finds nothing of one of the version before",
            &["SBX-REM-003"],
            upgrade
        ),
        each("sandbox.remains.trap", "an execution that trapped leaves nothing", &["SBX-REM-004"], trap),
        each("sandbox.remains.timeout", "an execution that ran out of time leaves nothing", &["SBX-REM-004"], timeout)
            .costly(),
        each(
            "sandbox.remains.memory-exceeded",
            "an execution that asked for too much memory leaves nothing",
            &["SBX-REM-004"],
            memory_exceeded
        ),
        each(
            "sandbox.remains.zeroed",
            "memory that nobody wrote to reads as zero, also where it has grown",
            &["SBX-REM-005"],
            zeroed
        ),
        each("sandbox.remains.log", "a log holds the lines of its own execution only", &["SBX-REM-006"], log),
        each(
            "sandbox.remains.context",
            "a context holds what its own request said, and nothing of an earlier one",
            &["SBX-REM-007"],
            context
        ),
        each("sandbox.remains.host", "a handler finds nothing of the host's", &["SBX-REM-008"], host),
    ],
};

const PAGE: u64 = 65536;

/// Pages of a handler that plants and searches: its limit, so that what it looks at holds every page that it can get.
const PAGES: u32 = 4;

/// How often a searcher looks: a runtime that recycles memory need not hand out the same one at once.
const SEARCHES: usize = 2;

/// A handler that plants or searches in all of its memory.
fn residue(publisher: &Publisher, leaf: &str, pages: u32) -> Recipe {
    let table = u64::from(Behaviour::RESIDUE_SLOTS) * 8;
    publisher.recipe(leaf, Behaviour::Residue { pages }).limit("memory_bytes", u64::from(pages) * PAGE + table)
}

/// A word of eight letters that nobody else has.
struct Secret([u8; 8]);

impl Secret {
    fn new(cx: &Cx) -> Secret {
        let mut rng = cx.rng();
        Secret(std::array::from_fn(|_| rng.random_range(b'a'..=b'z')))
    }

    /// The first eight bytes of a text, if it has as many.
    fn of(text: &str) -> Option<Secret> {
        text.as_bytes().first_chunk().copied().map(Secret)
    }

    /// An input that plants, in this mode of [`Behaviour::Residue`].
    fn planted(&self, mode: char) -> Value {
        json!(format!("{mode}{}{}", String::from_utf8_lossy(&self.0), self.digits()))
    }

    /// An input that searches, in which the word itself is not.
    fn searched(&self) -> Value {
        json!(format!("s--------{}", self.digits()))
    }

    fn digits(&self) -> String {
        format!("{:016x}", u64::from_le_bytes(self.0))
    }

    /// Judges that the handler's search finds what is planted in the same execution.
    async fn is_found_by(&self, searcher: &Installed) -> Result<(), Stop> {
        let found = searcher.runs(self.planted('b')).await?;
        let found = found.output();
        let places = ["memory", "globals", "table", "data"];
        let everywhere = places.iter().all(|place| found[place].as_u64().is_some_and(|count| count > 0));
        let judged = async {
            ensure!(everywhere, "a word that was planted in the same execution was found in {found}");
            Ok(())
        };
        judged.await.control("the search finds")
    }

    /// Judges that the handler finds nothing of it.
    async fn is_not_found_by(&self, searcher: &Installed) -> Result<(), Stop> {
        for _ in 0..SEARCHES {
            let execution = searcher.execute(self.searched()).await?;
            execution.expect("success")?;
            for place in ["memory", "globals", "table", "data"] {
                let left = &execution.output()[place];
                ensure!(*left == 0, "in `{place}` it found {left} traces: {}", execution.output());
            }
        }
        Ok(())
    }
}

async fn same_handler(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&residue(&publisher, "keeper", PAGES)).await?;
    let secret = Secret::new(&cx);
    secret.is_found_by(&handler).await?;
    secret.is_not_found_by(&handler).await?;
    handler.runs(secret.planted('p')).await?;
    secret.is_not_found_by(&handler).await
}

async fn other_handler(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let planter = publisher.install(&residue(&publisher, "planter", PAGES)).await?;
    let secret = Secret::new(&cx);
    // One handler of the same module, and one of another.
    for (leaf, pages) in [("twin", PAGES), ("stranger", PAGES - 1)] {
        let searcher = publisher.install(&residue(&publisher, leaf, pages)).await?;
        secret.is_found_by(&searcher).await?;
        planter.runs(secret.planted('p')).await?;
        cx.case(leaf, secret.is_not_found_by(&searcher)).await;
    }
    Ok(())
}

async fn upgrade(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let recipe = residue(&publisher, "keeper", PAGES);
    let first = publisher.publish(&recipe).await?;
    publisher.publish_after(&recipe.version("1.1.0"), &first).await?;
    let handler = publisher.install_stored(&first).await?;
    let secret = Secret::new(&cx);
    secret.is_found_by(&handler).await?;
    handler.runs(secret.planted('p')).await?;
    let upgrade = async { publisher.control().upgrade(handler.id(), "1.1.0").await?.expect(200) };
    upgrade.await.control("the upgrade works")?;
    secret.is_not_found_by(&handler).await
}

/// Plants in an execution that ends with `outcome`, and searches in the next ones of the same and of another handler.
async fn ended(cx: &Cx, mode: char, outcome: &str, limit: u64) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    let planter = publisher.install(&residue(&publisher, "planter", PAGES).limit("timeout_ms", limit)).await?;
    let other = publisher.install(&residue(&publisher, "other", PAGES)).await?;
    let secret = Secret::new(cx);
    secret.is_found_by(&planter).await?;
    let planting = planter.execute(secret.planted(mode)).await?;
    planting.expect(outcome).control("the planter ends as it must")?;
    for searcher in [&planter, &other] {
        secret.is_not_found_by(searcher).await?;
    }
    Ok(())
}

async fn trap(cx: Cx) -> Result<(), Stop> {
    ended(&cx, 't', "trap", 10_000).await
}

async fn timeout(cx: Cx) -> Result<(), Stop> {
    ended(&cx, 'l', "timeout", 800).await
}

async fn memory_exceeded(cx: Cx) -> Result<(), Stop> {
    ended(&cx, 'm', "memory-exceeded", 10_000).await
}

async fn zeroed(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&residue(&publisher, "keeper", PAGES)).await?;
    let secret = Secret::new(&cx);
    for what in ["at first", "after others wrote"] {
        for _ in 0..SEARCHES {
            let execution = handler.execute(secret.searched()).await?;
            execution.expect("success")?;
            let dirty = &execution.output()["dirty"];
            ensure!(*dirty == 0, "{what}: {dirty} places of a fresh memory are not zero");
        }
        handler.runs(secret.planted('p')).await?;
    }
    Ok(())
}

async fn log(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("logger", Behaviour::LogInput(LogLevel::Info))).await?;
    let expect = |execution: &Execution, line: &str| {
        let logs = execution.logs();
        ensure!(logs == [("info", line)], "the log is {logs:?}, the execution wrote {line}");
        Ok(())
    };
    let first = handler.runs(json!("first")).await?;
    expect(&first, "\"first\"").control("lines are logged")?;
    for text in ["second", "third"] {
        expect(&handler.execute(json!(text)).await?, &format!("\"{text}\""))?;
    }
    Ok(())
}

async fn context(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("told", Behaviour::Context)).await?;
    let attributes = async |context: Option<Value>| {
        let mut request = json!({"input": 1});
        if let Some(context) = context {
            request["context"] = context;
        }
        let execution = handler.request(&request).await?;
        execution.expect("success")?;
        Ok::<_, Stop>(execution.output()["attributes"].clone())
    };
    let given = json!({"ticket": "T-100", "tenant": "a"});
    let told = async {
        let told = attributes(Some(given.clone())).await?;
        ensure!(told == given, "of {given} the handler was told {told}");
        Ok(())
    };
    told.await.control("the context reaches the handler")?;
    for (case, context) in [("none", None), ("empty", Some(json!({}))), ("another", Some(json!({"ticket": "T-101"})))] {
        let expected = context.clone().unwrap_or(json!({}));
        let judged = async {
            let told = attributes(context).await?;
            ensure!(told == expected, "the handler was told {told}; its request said {expected}");
            Ok(())
        };
        cx.case(case, judged).await;
    }
    Ok(())
}

async fn host(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let searcher = publisher.install(&residue(&publisher, "searcher", PAGES)).await?;
    // Installed, and no business of the searcher's.
    publisher.install(&publisher.recipe("neighbour", Behaviour::Echo)).await?;
    Secret::new(&cx).is_found_by(&searcher).await?;
    for (name, text) in
        [("the admin token", cx.admin_token()), ("the user token", cx.user_token()), ("another handler", "neighbour")]
    {
        let Some(secret) = Secret::of(text) else { continue };
        cx.case(name, secret.is_not_found_by(&searcher)).await;
    }
    Ok(())
}

//! Every way to trap is a trap (sandbox.md, section 3). One handler has all of them: the input says which, and whether
//! to trap or to stay just inside. So the execution after each trap is one of the same handler.

use assay_fixtures::{Behaviour, StartTrap, TrapCause};
use assay_harness::{Control as _, Cx, Group, Stop, checks, ensure};
use serde_json::json;

use crate::installed::Installed;
use crate::publisher::Publisher;

/// The table.
pub const GROUP: Group = Group {
    profile: "sandbox",
    name: "traps",
    checks: checks![
        each(
            "sandbox.traps.arithmetic",
            "arithmetic without a result is a trap, and the nearest with one works",
            &["SBX-TRP-001"],
            arithmetic
        ),
        each("sandbox.traps.memory", "an access outside of the memory is a trap", &["SBX-TRP-002"], memory),
        each("sandbox.traps.tables", "an access outside of a table is a trap", &["SBX-TRP-003"], tables),
        each("sandbox.traps.stack", "exhausting the stack is a trap", &["SBX-TRP-004"], stack),
        each("sandbox.traps.depth", "a recursion of 2000 frames works", &["SBX-TRP-005"], depth),
        each("sandbox.traps.start", "a trap while the instance is made is a trap", &["SBX-TRP-006"], start),
        each("sandbox.traps.detail", "the detail of a trap says nothing of the host", &["SBX-TRP-007"], detail),
        each("sandbox.traps.kinds", "the detail of a trap tells its kind", &["SBX-TRP-008"], kinds),
    ],
};

const ARITHMETIC: [TrapCause; 7] = [
    TrapCause::Unreachable,
    TrapCause::DivideByZero,
    TrapCause::RemainderByZero,
    TrapCause::DivisionOverflow,
    TrapCause::ConvertNan,
    TrapCause::ConvertAbove,
    TrapCause::ConvertBelow,
];

const MEMORY: [TrapCause; 11] = [
    TrapCause::LoadAtEnd,
    TrapCause::StoreAtEnd,
    TrapCause::LoadHighest,
    TrapCause::StoreHighest,
    TrapCause::OffsetPast4GiB,
    TrapCause::Fill,
    TrapCause::FillPast4GiB,
    TrapCause::CopyFrom,
    TrapCause::CopyTo,
    TrapCause::InitFrom,
    TrapCause::InitTo,
];

const TABLES: [TrapCause; 7] = [
    TrapCause::TableGet,
    TrapCause::TableSet,
    TrapCause::TableFill,
    TrapCause::TableCopy,
    TrapCause::CallNull,
    TrapCause::CallOfOtherType,
    TrapCause::CallPastTable,
];

/// One cause of each kind that `detail` tells apart (sandbox.md 3.7).
const KINDS: [TrapCause; 5] = [
    TrapCause::Unreachable,
    TrapCause::DivideByZero,
    TrapCause::LoadHighest,
    TrapCause::CallNull,
    TrapCause::DeepRecursion,
];

/// Longest `detail` of a trap, in bytes (sandbox.md 3.6).
const DETAIL_BYTES: usize = 200;

async fn handler(cx: &Cx) -> Result<Installed, Stop> {
    let publisher = Publisher::new(cx).await?;
    publisher.install(&publisher.recipe("traps", Behaviour::TrapBy)).await
}

/// Each cause: inside of it the handler works, at it the handler traps, and afterwards it works again.
async fn causes(cx: Cx, causes: &[TrapCause]) -> Result<(), Stop> {
    let handler = handler(&cx).await?;
    for cause in causes {
        let (inside, past) = (json!(cause.input(false)), json!(cause.input(true)));
        let judged = async {
            handler.execute(inside.clone()).await?.expect_output(&inside)?;
            handler.execute(past).await?.expect("trap")?;
            handler.execute(inside.clone()).await?.expect_output(&inside)
        };
        cx.case(format!("{cause:?}"), judged).await;
    }
    Ok(())
}

async fn arithmetic(cx: Cx) -> Result<(), Stop> {
    causes(cx, &ARITHMETIC).await
}

async fn memory(cx: Cx) -> Result<(), Stop> {
    causes(cx, &MEMORY).await
}

async fn tables(cx: Cx) -> Result<(), Stop> {
    causes(cx, &TABLES).await
}

async fn stack(cx: Cx) -> Result<(), Stop> {
    causes(cx, &[TrapCause::DeepRecursion, TrapCause::WideRecursion]).await
}

async fn depth(cx: Cx) -> Result<(), Stop> {
    let handler = handler(&cx).await?;
    handler.runs(json!(TrapCause::DeepRecursion.input(false))).await?;
    let deep = json!(TrapCause::GRANTED_DEPTH);
    handler.execute(deep.clone()).await?.expect_output(&deep)
}

async fn start(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for cause in StartTrap::ALL {
        let leaf = format!("{cause:?}").to_lowercase();
        let handler = publisher.install(&publisher.recipe(&leaf, Behaviour::TrapAtStart(cause, true))).await?;
        let twin = publisher.recipe(&format!("{leaf}-inside"), Behaviour::TrapAtStart(cause, false));
        let twin = publisher.install(&twin).await?;
        let judged = async {
            handler.execute(json!(1)).await?.expect("trap")?;
            twin.execute(json!("inside")).await?.expect_output(&json!("inside"))
        };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

/// The detail of a trap by this cause, whatever outcome it was reported under.
async fn detail_of(handler: &Installed, cause: TrapCause) -> Result<String, Stop> {
    let execution = handler.execute(json!(cause.input(true))).await?;
    execution.expect("trap").control("the handler traps")?;
    Ok(execution.body["detail"].as_str().unwrap_or_default().to_owned())
}

async fn detail(cx: Cx) -> Result<(), Stop> {
    let handler = handler(&cx).await?;
    for cause in TrapCause::ALL {
        let judged = async {
            let detail = detail_of(&handler, cause).await?;
            ensure!(!detail.trim().is_empty(), "`detail` says nothing");
            ensure!(detail.len() <= DETAIL_BYTES, "`detail` has {} bytes", detail.len());
            ensure!(!detail.contains(char::is_control), "`detail` has more than one line: {detail:?}");
            let host = ["0x", "/", "\\", ".rs", "backtrace"].iter().find(|trace| detail.contains(**trace));
            ensure!(host.is_none(), "`detail` tells of the host: {detail:?}");
            Ok(())
        };
        cx.case(format!("{cause:?}"), judged).await;
    }
    Ok(())
}

async fn kinds(cx: Cx) -> Result<(), Stop> {
    let handler = handler(&cx).await?;
    let mut details: Vec<(TrapCause, String)> = Vec::new();
    for cause in KINDS {
        let detail = detail_of(&handler, cause).await?;
        if let Some((other, _)) = details.iter().find(|(_, known)| *known == detail) {
            return Err(Stop::Fail(format!("`detail` is the same for {other:?} and {cause:?}: {detail:?}")));
        }
        details.push((cause, detail));
    }
    Ok(())
}

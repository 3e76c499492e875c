//! Hostile handlers and the memory limit (sandbox.md, section 2).

use assay_fixtures::{Behaviour, Extent, Flaw, Growth, Occupy, Packaging, Recipe};
use assay_harness::{Cx, Group, Need, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::publisher::Publisher;
use crate::refusal::refused;

/// The table.
pub const GROUP: Group = Group {
    profile: "sandbox",
    name: "memory",
    checks: checks![
        each("sandbox.memory.one-step", "one growth of any size is judged by the sum", &["SBX-MEM-001"], one_step),
        each("sandbox.memory.tables", "table elements count, to the element", &["SBX-MEM-002"], tables).costly(),
        once("sandbox.memory.several", "the memories of a component count together", &["SBX-MEM-003"], several)
            .needs(&[Need::Packaging("component")])
            .costly(),
        each(
            "sandbox.memory.own-maximum",
            "growth past a declared maximum answers -1, and the maximum takes up nothing",
            &["SBX-MEM-004"],
            own_maximum
        ),
        each("sandbox.memory.usage", "all memories and tables are in the usage", &["SBX-MEM-005"], usage),
        each("sandbox.memory.initial", "initial memories and tables are summed", &["SBX-MEM-006"], initial).costly(),
    ],
};

const PAGE: u64 = 65536;
/// Table elements that count as much as a page.
const ELEMENTS: u32 = 8192;

/// What a handler takes up under a limit, and what must become of it.
struct Case {
    name: &'static str,
    occupy: Occupy,
    flaws: Vec<Flaw>,
    /// Pages.
    limit: u64,
    end: End,
}

enum End {
    /// It succeeds, and so many growths were answered with -1.
    Refused(u32),
    /// `memory-exceeded`.
    Exceeded,
}

fn case(name: &'static str, limit: u64, growths: &[Growth], end: End) -> Case {
    Case { name, occupy: Occupy { growths: growths.to_vec(), ..Occupy::default() }, flaws: Vec::new(), limit, end }
}

fn recipe(publisher: &Publisher, leaf: &str, case: &Case) -> Recipe {
    let recipe =
        publisher.recipe(leaf, Behaviour::Occupy(case.occupy.clone())).limit("memory_bytes", case.limit * PAGE);
    case.flaws.iter().cloned().fold(recipe, Recipe::flaw)
}

/// Runs the cases in the packaging under test, or in this one.
async fn judge(cx: &Cx, packaging: Option<Packaging>, cases: Vec<Case>) -> Result<(), Stop> {
    let publisher = Publisher::new(cx).await?;
    for (number, case) in cases.into_iter().enumerate() {
        let recipe = recipe(&publisher, &format!("c{number}"), &case);
        let recipe = packaging.into_iter().fold(recipe, Recipe::packaging);
        let handler = publisher.install(&recipe).await?;
        let judged = async {
            let execution = handler.execute(json!(1)).await?;
            match case.end {
                End::Refused(times) => execution.expect_output(&json!(times)),
                End::Exceeded => execution.expect("memory-exceeded").map(|_| ()),
            }
        };
        cx.case(case.name, judged).await;
    }
    Ok(())
}

async fn one_step(cx: Cx) -> Result<(), Stop> {
    // One page is there at first.
    let step = |name, pages, end| case(name, 16, &[Growth::Memory(pages)], end);
    let cases = vec![
        step("to one page below the limit", 14, End::Refused(0)),
        step("to the limit", 15, End::Refused(0)),
        step("one page past it", 16, End::Exceeded),
        step("to 4 GiB", 65535, End::Exceeded),
        step("past 4 GiB", 65536, End::Exceeded),
        step("by the most that can be asked for", u32::MAX, End::Exceeded),
    ];
    judge(&cx, None, cases).await
}

async fn tables(cx: Cx) -> Result<(), Stop> {
    // A page of memory and a page of tables.
    let tables = |name, growths: &[Growth], end| {
        let mut case = case(name, 2, growths, end);
        case.occupy.tables = vec![Extent::of(0), Extent::of(0)];
        case
    };
    let half = ELEMENTS / 2;
    let cases = vec![
        tables("to the limit", &[Growth::Table(0, ELEMENTS)], End::Refused(0)),
        tables("one element past it", &[Growth::Table(0, ELEMENTS + 1)], End::Exceeded),
        tables("two tables to the limit", &[Growth::Table(0, half), Growth::Table(1, half)], End::Refused(0)),
        tables("two tables past it", &[Growth::Table(0, half), Growth::Table(1, half + 1)], End::Exceeded),
        tables("an element after all memory", &[Growth::Memory(1), Growth::Table(0, 1)], End::Exceeded),
        tables("a page after an element", &[Growth::Table(0, 1), Growth::Memory(1)], End::Exceeded),
        tables("by the most that can be asked for", &[Growth::Table(0, u32::MAX)], End::Exceeded),
    ];
    judge(&cx, None, cases).await
}

/// One more core module in a component.
fn further(pages: u64, growths: u32, elements: u64) -> Flaw {
    Flaw::FurtherModule { pages, growths, elements }
}

async fn several(cx: Cx) -> Result<(), Stop> {
    // Four pages of the handler's own, and four of the other modules.
    let beside = |name, flaws, end| Case { flaws, ..case(name, 8, &[Growth::Memory(3)], end) };
    let cases = vec![
        beside("to the limit", vec![further(4, 0, 0)], End::Refused(0)),
        beside("grown to the limit", vec![further(1, 3, 0)], End::Refused(0)),
        beside("grown one page past it", vec![further(1, 4, 0)], End::Exceeded),
        beside("three modules to the limit", vec![further(1, 1, 0), further(1, 1, 0)], End::Refused(0)),
        beside("three modules past it", vec![further(1, 1, 0), further(2, 1, 0)], End::Exceeded),
        beside("an element past it", vec![further(1, 3, 1)], End::Exceeded),
    ];
    judge(&cx, Some(Packaging::Component), cases).await
}

async fn own_maximum(cx: Cx) -> Result<(), Stop> {
    let bounded = |name, maximum, growths: &[Growth], end| {
        let mut case = case(name, 16, growths, end);
        case.occupy.memory = Some(Extent { initial: 1, maximum: Some(maximum) });
        case.occupy.tables = vec![Extent { initial: 0, maximum: Some(10) }];
        case
    };
    let memory = [Growth::Memory(4), Growth::Memory(3), Growth::Memory(1)];
    let table = [Growth::Table(0, 11), Growth::Table(0, 10), Growth::Table(0, 1)];
    let huge = u64::from(u32::MAX);
    let mut largest = case("the largest maximum, and growth to the limit", 16, &[Growth::Memory(15)], End::Refused(0));
    largest.occupy.memory = Some(Extent { initial: 1, maximum: Some(65536) });
    largest.occupy.tables = vec![Extent { initial: 0, maximum: Some(huge) }];
    let cases = vec![
        bounded("memory, then on", 4, &memory, End::Refused(2)),
        bounded("table, then on", 4, &table, End::Refused(2)),
        bounded("what was refused is not counted", 16, &[Growth::Table(0, 11), Growth::Memory(15)], End::Refused(1)),
        bounded("past both", 4, &[Growth::Memory(16)], End::Exceeded),
        largest,
    ];
    judge(&cx, None, cases).await
}

async fn usage(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let (three, elements) = (Growth::Memory(2), 1001);
    let mut grown = case("grown", 16, &[three, Growth::Table(1, elements)], End::Refused(0));
    grown.occupy.tables = vec![Extent::of(7), Extent::of(0)];
    let mut cases = vec![(grown, 3 * PAGE + (7 + u64::from(elements)) * 8)];
    if cx.packaging() == Packaging::Component.as_str() {
        let flaws = vec![further(2, 3, 5)];
        cases.push((Case { flaws, ..case("several modules", 16, &[three], End::Refused(0)) }, 8 * PAGE + 40));
    }
    for (number, (case, bytes)) in cases.into_iter().enumerate() {
        let handler = publisher.install(&recipe(&publisher, &format!("c{number}"), &case)).await?;
        let judged = async {
            let execution = handler.execute(Value::Null).await?;
            execution.expect("success")?;
            let used = execution.body["usage"]["memory_bytes"].as_u64();
            ensure!(used == Some(bytes), "{bytes} bytes are reported as {used:?}");
            Ok(())
        };
        cx.case(case.name, judged).await;
    }
    Ok(())
}

async fn initial(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    // A page of memory and two of tables: an element more in the second table is too much.
    let page = u64::from(ELEMENTS);
    let tables = |elements| vec![Flaw::InitialTable(page), Flaw::InitialTable(elements)];
    let mut pairs = vec![
        ("two tables", 3, tables(page + 1), tables(page)),
        ("the largest memory", 3, vec![Flaw::InitialMemory(65536)], vec![Flaw::InitialMemory(3)]),
        ("a very large table", 3, vec![Flaw::InitialTable(9_000_000)], vec![Flaw::InitialTable(2 * page)]),
    ];
    if cx.packaging() == Packaging::Component.as_str() {
        let two = |pages| vec![further(2, 0, 0), further(pages, 0, 0)];
        pairs.push(("three memories", 5, two(3), two(2)));
        pairs.push(("tables of several modules", 5, vec![further(4, 0, 1)], vec![further(4, 0, 0)]));
    }
    let refusal = refused("module-over-limit").at("/limits/memory_bytes");
    for (number, (name, pages, above, at)) in pairs.into_iter().enumerate() {
        let limited = |flaws: Vec<Flaw>| {
            let echo = publisher.recipe(&format!("c{number}"), Behaviour::Echo).limit("memory_bytes", pages * PAGE);
            publisher.sign(&flaws.into_iter().fold(echo, Recipe::flaw))
        };
        let twin = limited(at);
        let judged = async {
            publisher.pair(&limited(above), &twin, &refusal).await?;
            let handler = publisher.install_stored(&twin).await?;
            handler.execute(json!("at the limit")).await?.expect_output(&json!("at the limit"))
        };
        cx.case(name, judged).await;
    }
    Ok(())
}

//! Pointers, lists, strings and allocations between handler and runtime (sandbox.md, section 4).

mod words;

use assay_fixtures::{AllocatorFault, Behaviour, Border, HostFunction, LogLevel, Moment, Operand, Twist};
use assay_harness::{Control as _, Cx, Group, Need, Stop, checks, ensure};
use serde_json::{Value, json};

use crate::publisher::Publisher;
use words::{Case, Choices, import, judge, message, output, state_import, trapping};

/// The table.
pub const GROUP: Group = Group {
    profile: "sandbox",
    name: "border",
    checks: checks![
        each("sandbox.border.result", "a result out of its place is a trap", &["SBX-ABI-001"], result),
        each(
            "sandbox.border.places",
            "a place for an import's result that is none is a trap",
            &["SBX-ABI-001"],
            places
        )
        .needs(STATE),
        each("sandbox.border.answers", "an answer outside of the memory is a trap", &["SBX-ABI-002"], answers),
        each("sandbox.border.operands", "an operand outside of the memory is a trap", &["SBX-ABI-002"], operands)
            .needs(STATE),
        each("sandbox.border.overlap", "what overlaps is read as it stands there", &["SBX-ABI-003"], overlap)
            .needs(STATE),
        each("sandbox.border.text", "a string that is not UTF-8 is a trap", &["SBX-ABI-004"], text).needs(STATE),
        each("sandbox.border.cases", "a case out of range is a trap", &["SBX-ABI-005"], cases),
        each("sandbox.border.allocator", "an allocator that is wrong about the arguments", &["SBX-ABI-006"], allocator),
        each("sandbox.border.results", "an allocator that is wrong about results", &["SBX-ABI-006"], results)
            .needs(STATE),
        each("sandbox.border.leaving", "no import is called at the wrong moment", &["SBX-ABI-007"], leaving)
            .needs(STATE),
        each("sandbox.border.start", "a start function runs first, once, within the limits", &["SBX-ABI-008"], start),
        each("sandbox.border.once", "`handle` and its clean-up are called once", &["SBX-ABI-009"], once),
        each("sandbox.border.clean-up", "how the clean-up ends is the outcome", &["SBX-ABI-009"], clean_up),
        each("sandbox.border.arguments", "each argument is allocated once", &["SBX-ABI-010"], arguments),
    ],
};

const STATE: &[Need] = &[Need::Feature("state")];

async fn result(cx: Cx) -> Result<(), Stop> {
    let returning = |at| Behaviour::Border(Border::Result(at));
    let mut all = Choices::new();
    for offset in 1..4 {
        all.add(format!("{offset} past a multiple of 4"), returning(Operand::InResult(offset)), Case::Trap);
    }
    for (name, at) in [
        ("its last 4 bytes past the end", Operand::End(-12)),
        ("all but its first 4 bytes past the end", Operand::End(-4)),
        ("at the end", Operand::End(0)),
        ("past the end", Operand::End(4)),
        ("at the last multiple of 4", Operand::Number(0xffff_fffc)),
        ("at half of all addresses", Operand::Number(0x8000_0000)),
    ] {
        all.add(name, returning(at), Case::Trap);
    }
    all.twin("at the last place in the memory", returning(Operand::End(-16)), Value::Null);
    judge(&cx, all).await
}

async fn places(cx: Cx) -> Result<(), Stop> {
    use HostFunction::{StateDelete, StateGet, StateKeys, StateSet};
    let mut all = Choices::new();
    for (function, size, aligned) in
        [(StateGet, 12, true), (StateKeys, 8, true), (StateSet, 2, false), (StateDelete, 2, false)]
    {
        let calling = |place| state_import(function, b"k", place);
        let name = |what: &str| format!("{function:?} {what}");
        all.twin(name("at the last place"), calling(Operand::End(-size)), Value::Null);
        let outside = if aligned { Operand::End(4 - size) } else { Operand::End(1 - size) };
        all.add(name("partly past the end"), calling(outside), Case::Trap);
        all.add(name("at the end"), calling(Operand::End(0)), Case::Trap);
        all.add(name("at the last address"), calling(Operand::Number(0xffff_fffc)), Case::Trap);
        if aligned {
            all.add(name("2 past a multiple of 4"), calling(Operand::InResult(2)), Case::Trap);
        } else {
            all.twin(name("at an odd address"), calling(Operand::InResult(1)), Value::Null);
        }
    }
    judge(&cx, all).await
}

/// Addresses and lengths of which no byte may be read.
fn outside() -> Vec<(&'static str, Operand, u32)> {
    vec![
        ("1 byte at the end", Operand::End(0), 1),
        ("2 bytes before the end", Operand::End(-1), 2),
        ("no bytes past the end", Operand::End(1), 0),
        ("no bytes at the last address", Operand::Number(0xffff_ffff), 0),
        ("1 byte at the last address", Operand::Number(0xffff_ffff), 1),
        ("a sum of exactly 2^32", Operand::Number(0xffff_fff0), 0x10),
        ("a sum that wraps around into the memory", Operand::Number(0xffff_fff0), 0x50),
        ("a length with the highest bit", Operand::Bytes(b"null".to_vec()), 0x8000_0000),
        ("all lengths there are", Operand::Bytes(b"null".to_vec()), 0xffff_ffff),
        ("two halves of all addresses", Operand::Number(0x8000_0000), 0x8000_0000),
    ]
}

async fn answers(cx: Cx) -> Result<(), Stop> {
    let mut all = Choices::new();
    for (name, at, length) in outside() {
        all.add(format!("output: {name}"), output(at.clone(), length), Case::Trap);
        all.add(format!("message: {name}"), message(at, length), Case::Trap);
    }
    // No bytes at the end lie in the memory; they are no JSON.
    all.add("output: no bytes at the end", output(Operand::End(0), 0), Case::Outcome("output-rejected"));
    all.add("message: no bytes at the end", message(Operand::End(0), 0), Case::Outcome("failure"));
    all.twin("output: 4 bytes", output(Operand::Bytes(b"null".to_vec()), 4), Value::Null);
    judge(&cx, all).await
}

async fn operands(cx: Cx) -> Result<(), Stop> {
    use HostFunction::{LogWrite, StateDelete, StateGet, StateSet};
    let number = Operand::Number;
    let key = || [Operand::Bytes(b"k".to_vec()), number(1)];
    let room = || Operand::Room;
    let calls = |at: Operand, length: u32| {
        let text = || [at.clone(), number(length)];
        [
            ("line", import(LogWrite, &[&[number(2)], &text()])),
            ("key to get", import(StateGet, &[&text(), &[room()]])),
            ("key to set", import(StateSet, &[&text(), &key(), &[room()]])),
            ("value to set", import(StateSet, &[&key(), &text(), &[room()]])),
            ("key to delete", import(StateDelete, &[&text(), &[room()]])),
        ]
    };
    // Two handlers: a number of two digits chooses among 90.
    let mut all = Choices::new();
    for (name, at, length) in outside() {
        for (what, behaviour) in calls(at, length) {
            all.add(format!("{what}: {name}"), behaviour, Case::Trap);
        }
    }
    for (what, behaviour) in calls(Operand::End(0), 0) {
        all.add(format!("{what}: no bytes at the end"), behaviour, Case::Echo);
    }
    judge(&cx, all).await
}

async fn overlap(cx: Cx) -> Result<(), Stop> {
    use HostFunction::StateSet;
    let number = Operand::Number;
    let publisher = Publisher::new(&cx).await?;
    let mut all = Choices::new();
    // The last word of a result that is an output says nothing, so its bytes can be the output.
    let digits = number(u32::from_le_bytes(*b"1234"));
    let inside = Behaviour::Border(Border::Words([number(0), Operand::InResult(12), number(4), digits]));
    all.add("an output inside of the result", inside, Case::Output(json!(1234)));
    let value_in_key = [Operand::Bytes(b"567".to_vec()), number(3), Operand::Again(1), number(2), Operand::Room];
    all.add("a value inside of its key", import(StateSet, &[&value_in_key]), Case::Echo);
    all.add("and is what was set", Behaviour::StateGet { key: "567".to_owned() }, Case::Output(json!(67)));
    let result_over_key = [Operand::InResult(0), number(1), Operand::InResult(0), number(1), Operand::InResult(0)];
    all.add("a result over a key and a value", import(StateSet, &[&result_over_key]), Case::Echo);
    let handler = all.install(&publisher, "overlap").await?;
    handler.judge(&cx).await;
    // The line and the output are the same bytes.
    let logger = publisher.install(&publisher.recipe("logger", Behaviour::LogInput(LogLevel::Info))).await?;
    let judged = async {
        let execution = logger.execute(json!("both")).await?;
        execution.expect_output(&json!("both"))?;
        ensure!(execution.logs() == [("info", "\"both\"")], "the log is {:?}", execution.logs());
        Ok(())
    };
    cx.case("a line that is the output", judged).await;
    Ok(())
}

async fn text(cx: Cx) -> Result<(), Stop> {
    use HostFunction::{LogWrite, StateDelete, StateGet, StateSet};
    let forms: [(&str, &[u8], Case); 11] = [
        ("a byte that is none", b"a\xff", Case::Trap),
        ("a byte in the middle of nothing", b"a\x80", Case::Trap),
        ("a surrogate", b"a\xed\xa0\x80", Case::Trap),
        ("a pair of surrogates", b"a\xed\xa0\xbd\xed\xb8\x80", Case::Trap),
        ("an overlong zero", b"a\xc0\x80", Case::Trap),
        ("an overlong slash", b"a\xe0\x80\xaf", Case::Trap),
        ("above the highest character", b"a\xf4\x90\x80\x80", Case::Trap),
        ("cut", b"a\xe2\x82", Case::Trap),
        ("the highest character", b"a\xf4\x8f\xbf\xbf", Case::Echo),
        ("zero", b"a\0", Case::Echo),
        ("the replacement character", b"a\xef\xbf\xbd", Case::Echo),
    ];
    let number = Operand::Number;
    let mut all = Choices::new();
    for (name, bytes, case) in forms {
        let length = u32::try_from(bytes.len()).map_err(|fault| Stop::Error(fault.to_string()))?;
        let text = || [Operand::Bytes(bytes.to_vec()), number(length)];
        let room = || [Operand::Room];
        for (what, behaviour) in [
            ("line", import(LogWrite, &[&[number(2)], &text()])),
            ("key to get", import(StateGet, &[&text(), &room()])),
            ("key to set", import(StateSet, &[&text(), &[number(0), number(0)], &room()])),
            ("key to delete", import(StateDelete, &[&text(), &room()])),
        ] {
            all.add(format!("{what}: {name}"), behaviour, case.clone());
        }
        let failure = if matches!(case, Case::Trap) { Case::Trap } else { Case::Outcome("failure") };
        all.add(format!("message: {name}"), message(Operand::Bytes(bytes.to_vec()), length), failure);
    }
    judge(&cx, all).await
}

async fn cases(cx: Cx) -> Result<(), Stop> {
    let number = Operand::Number;
    let words = |first, second| {
        let null = Operand::Bytes(b"null".to_vec());
        Behaviour::Border(Border::Words([number(first), number(second), null, number(4)]))
    };
    let level = |level| import(HostFunction::LogWrite, &[&[number(level), Operand::Room, number(0)]]);
    let mut all = Choices::new();
    for case in [2, 3, 0x80, 0xff] {
        all.add(format!("result {case}"), words(case, 0), Case::Trap);
    }
    for case in [3, 4, 0x80, 0xff] {
        all.add(format!("failure {case}"), words(1, case), Case::Trap);
    }
    for case in [5, 0x100, 0x1_0002, 0x8000_0000, 0xffff_ffff] {
        all.add(format!("level {case}"), level(case), Case::Trap);
    }
    // Only one byte of the result's words is the case.
    all.add("failure 2 beside other bytes", words(0xabcd_ef01, 0xabcd_ef02), Case::Outcome("failure"));
    all.twin("level 4", level(4), Value::Null);
    judge(&cx, all).await
}

/// What becomes of an allocator with this fault.
fn faulty(fault: AllocatorFault) -> Case {
    match fault {
        AllocatorFault::Grows => Case::Outcome("memory-exceeded"),
        AllocatorFault::Zero | AllocatorFault::Same => Case::Echo,
        _ => Case::Trap,
    }
}

async fn allocator(cx: Cx) -> Result<(), Stop> {
    use AllocatorFault::{Beyond, Grows, Misaligned, PartlyBeyond, Same, Traps, Zero};
    let publisher = Publisher::new(&cx).await?;
    for fault in [Traps, Beyond, PartlyBeyond, Misaligned, Grows, Zero, Same] {
        let name = format!("{fault:?}").to_lowercase();
        let behaviour = Behaviour::Allocator(fault, Moment::Arguments);
        let handler = publisher.install(&publisher.recipe(&name, behaviour)).await?;
        // The input comes last, so nothing is written over it.
        let judged = async { faulty(fault).judge(&handler.execute(json!(123)).await?, &json!(123)) };
        cx.case(name, judged).await;
    }
    Ok(())
}

async fn results(cx: Cx) -> Result<(), Stop> {
    use AllocatorFault::{Beyond, Grows, Misaligned, PartlyBeyond, Same, Traps, Zero};
    let mut all = Choices::new();
    all.twin("there is a value", Behaviour::StateFill { key: "k".to_owned(), len: 9 }, json!("ok"));
    for import in [HostFunction::StateGet, HostFunction::StateKeys] {
        for fault in [Traps, Beyond, PartlyBeyond, Misaligned, Grows, Zero, Same] {
            // Only the list of keys has an alignment that can be missed.
            let right = fault == Misaligned && import == HostFunction::StateGet;
            let case = if right { Case::Echo } else { faulty(fault) };
            all.add(format!("{import:?}: {fault:?}"), Behaviour::Allocator(fault, Moment::Result(import)), case);
        }
    }
    judge(&cx, all).await
}

async fn leaving(cx: Cx) -> Result<(), Stop> {
    use AllocatorFault::{Logs, ReadsState};
    let publisher = Publisher::new(&cx).await?;
    let mut all = Choices::new();
    for fault in [Logs, ReadsState] {
        for import in [HostFunction::StateGet, HostFunction::StateKeys] {
            let behaviour = Behaviour::Allocator(fault, Moment::Result(import));
            all.add(format!("{fault:?} during {import:?}"), behaviour, Case::Trap);
        }
        all.twin(format!("{fault:?} by itself"), Behaviour::Allocator(fault, Moment::Own), Value::Null);
    }
    // Without a value nothing is allocated for it.
    all.set_up(Behaviour::StateFill { key: "k".to_owned(), len: 9 }, json!("ok"));
    all.install(&publisher, "results").await?.judge(&cx).await;
    for (leaf, behaviour) in [
        ("arguments", Behaviour::Allocator(Logs, Moment::Arguments)),
        ("clean-up", Behaviour::Twist(Twist::PostLogs)),
        ("start", Behaviour::Twist(Twist::StartLogs)),
    ] {
        let handler = publisher.install(&publisher.recipe(leaf, behaviour)).await?;
        let judged = async {
            let execution = handler.execute(json!(1)).await?;
            execution.expect("trap")?;
            ensure!(execution.logs().is_empty(), "the line was written: {:?}", execution.logs());
            Ok(())
        };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

async fn start(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let counts = publisher.install(&publisher.recipe("counts", Behaviour::Twist(Twist::StartCounts))).await?;
    let judged = async {
        for _ in 0..2 {
            counts.execute(Value::Null).await?.expect_output(&json!(1))?;
        }
        Ok(())
    };
    cx.case("what it did is seen, once", judged).await;
    ends(&cx, &publisher, [("traps", Twist::StartTraps), ("grows", Twist::StartGrows), ("runs-on", Twist::StartLoops)])
        .await
}

/// Judges handlers that trap, grow and run on before or after `handle`.
async fn ends(cx: &Cx, publisher: &Publisher, twists: [(&str, Twist); 3]) -> Result<(), Stop> {
    for ((leaf, twist), outcome) in twists.into_iter().zip(["trap", "memory-exceeded", "timeout"]) {
        let recipe = publisher.recipe(leaf, Behaviour::Twist(twist));
        let recipe = if outcome == "timeout" { recipe.limit("timeout_ms", 100) } else { recipe };
        let handler = publisher.install(&recipe).await?;
        cx.case(leaf, trapping(&handler, outcome)).await;
    }
    Ok(())
}

async fn once(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    for (leaf, behaviour, input, expected) in [
        ("handle", Behaviour::Counter, Value::Null, json!(0)),
        ("clean-up", Behaviour::Twist(Twist::PostOnce), json!(["read before"]), json!(["read before"])),
    ] {
        let handler = publisher.install(&publisher.recipe(leaf, behaviour)).await?;
        let judged = async { handler.execute(input).await?.expect_output(&expected) };
        cx.case(leaf, judged).await;
    }
    Ok(())
}

async fn clean_up(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let twin = publisher.install(&publisher.recipe("twin", Behaviour::Twist(Twist::PostOnce))).await?;
    twin.runs(json!(1)).await?;
    ends(&cx, &publisher, [("traps", Twist::PostTraps), ("grows", Twist::PostGrows), ("runs-on", Twist::PostLoops)])
        .await
}

async fn arguments(cx: Cx) -> Result<(), Stop> {
    let publisher = Publisher::new(&cx).await?;
    let handler = publisher.install(&publisher.recipe("record", Behaviour::Allocations)).await?;
    for (name, context) in
        [("no attributes", json!({})), ("attributes", json!({"b": "", "a": "caf\u{e9}", "long": "x".repeat(1000)}))]
    {
        let judged = async {
            let execution = handler.request(&json!({"input": true, "context": context})).await?;
            execution.expect("success")?;
            let (expected, found) = words::allocations(&execution.body, &context)?;
            ensure!(found == expected, "the allocations are {found:?}, expected {expected:?}");
            Ok(())
        };
        cx.case(name, judged).await;
    }
    let twin = handler.runs(json!(true)).await?;
    ensure_a_record(twin.output()).control("the handler tells its allocations")
}

fn ensure_a_record(output: &Value) -> Result<(), Stop> {
    let calls = output.as_array().map_or(0, Vec::len);
    ensure!(calls > 1, "the record is {output}");
    Ok(())
}

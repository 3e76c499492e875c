//! Handlers whose end is known, with limits near to what they need; and the others.

use std::collections::BTreeMap;

use assay_fixtures::{
    AbiBreach, Behaviour, Extent, FailureKind, Growth, LogLevel, Occupy, Packaging, Recipe, StartTrap, TrapCause,
};
use assay_sandbox::{Context, Job};
use serde_json::json;

use super::{
    Case,
    job::{PAGE, SHORT, ample},
    known::{End, Known},
    script, smith,
};
use crate::source::Source;

/// A case.
pub fn case(source: &mut Source<'_>) -> Case {
    let kind = source.below(16);
    let packaging = source.pick(&Packaging::ALL);
    if kind >= 13 {
        return smith::case(source, packaging);
    }
    let (behaviour, job, known) = match kind {
        0 => output(source),
        1 => failure(source),
        2 => log(source),
        3 => trap(source),
        4 => endless(source),
        5 => pages(source),
        6 | 7 => occupy(source),
        8 => context(source),
        9 => (Behaviour::Counter, ample("null"), None),
        _ => script::any(source),
    };
    let known = known.or_else(|| Some(Known::new(&job, End::Output(b"0".to_vec())).memory(PAGE)));
    let module = Recipe::new("com.example.fuzz", behaviour).packaging(packaging).build().module;
    Case { packaging, module, job, known }
}

/// A behaviour, what it is run with, and what comes of it; without that it answers 0.
pub type Drawn = (Behaviour, Job, Option<Known>);

/// At the limit, one byte past it, and one before it.
fn near(source: &mut Source<'_>, length: usize) -> u64 {
    (length as u64 + 1).saturating_sub(source.below(3) as u64)
}

fn output(source: &mut Source<'_>) -> Drawn {
    let mut job = ample(source.pick(&["\"ping\"", "[1,2,3]", "0"]));
    let (behaviour, output) = match source.below(3) {
        0 => (Behaviour::Echo, job.input.clone()),
        1 => (Behaviour::Fixed(b"not JSON \xff".to_vec()), b"not JSON \xff".to_vec()),
        _ => {
            let len = source.pick(&[0_u32, 100, 1000]);
            let text = [vec![b'"'], vec![b'z'; len as usize], vec![b'"']].concat();
            (Behaviour::Filled { byte: b'z', len }, text)
        }
    };
    job.limits.output_bytes = near(source, output.len());
    let known = Known::new(&job, End::Output(output)).memory(PAGE);
    (behaviour, job, Some(known))
}

fn failure(source: &mut Source<'_>) -> Drawn {
    let kind = source.pick(&[FailureKind::InvalidInput, FailureKind::Unavailable, FailureKind::Internal]);
    let message = source.text(&["no", "", "b\u{fc}cher", "a longer text about what is wrong"]);
    let mut job = ample("1");
    job.limits.output_bytes = near(source, message.len());
    let known = Known::new(&job, End::Failure(kind, message.clone()));
    (Behaviour::Fail { kind, message }, job, Some(known))
}

/// A behaviour that writes lines first.
type Logging = fn(Vec<(LogLevel, String)>) -> Behaviour;

fn log(source: &mut Source<'_>) -> Drawn {
    const LEVELS: [LogLevel; 5] = [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];
    let texts = ["one", "", "b\u{fc}cher \u{1f600}", "another line"];
    let lines: Vec<(LogLevel, String)> =
        (0..1 + source.below(4)).map(|_| (source.pick(&LEVELS), source.text(&texts))).collect();
    let mut job = ample("1");
    let all: usize = lines.iter().map(|(_, text)| text.len()).sum();
    job.limits.log_bytes = if source.one_in(2) { near(source, all) } else { source.below(all + 1) as u64 };
    let ends_with = source.below(6);
    let (behaviour, end): (Logging, End) = match ends_with {
        0 => (Behaviour::LogThenTrap, End::Trap),
        1 => (Behaviour::LogThenFail, End::Failure(FailureKind::Internal, "after log".to_owned())),
        2 => (Behaviour::LogThenGrow, End::MemoryExceeded),
        3 => (Behaviour::LogThenLoop, End::Timeout),
        _ => (Behaviour::Log, End::Output(job.input.clone())),
    };
    if end == End::Timeout {
        job.limits.timeout = SHORT;
    }
    let known = Known::new(&job, end).lines(&job, &lines);
    (behaviour(lines), job, Some(known))
}

fn trap(source: &mut Source<'_>) -> Drawn {
    let mut job = ample("1");
    let behaviour = match source.below(6) {
        0 => Behaviour::Trap,
        1..=3 => Behaviour::BreakAbi(source.pick(&AbiBreach::ALL)),
        4 => Behaviour::TrapAtStart(source.pick(&StartTrap::ALL), true),
        _ => {
            let cause = source.pick(&TrapCause::ALL);
            let past = !source.one_in(3);
            job.input = cause.input(past).to_string().into_bytes();
            if !past {
                let known = Known::new(&job, End::Output(job.input.clone()));
                return (Behaviour::TrapBy, job, Some(known));
            }
            Behaviour::TrapBy
        }
    };
    let known = Known::new(&job, End::Trap);
    (behaviour, job, Some(known))
}

fn endless(source: &mut Source<'_>) -> Drawn {
    let mut job = ample("1");
    if source.one_in(2) {
        let known = Known::new(&job, End::MemoryExceeded);
        return (Behaviour::GrowForever, job, Some(known));
    }
    job.limits.timeout = SHORT;
    let known = Known::new(&job, End::Timeout);
    (Behaviour::LoopForever, job, Some(known))
}

/// A limit near to a number of bytes.
fn near_bytes(source: &mut Source<'_>, bytes: u64) -> u64 {
    let over = source.pick(&[0, 8, PAGE, 1, 2 * PAGE]);
    if source.one_in(3) { bytes.saturating_sub(source.pick(&[1, 8, PAGE])) } else { bytes + over }
}

fn pages(source: &mut Source<'_>) -> Drawn {
    let pages = source.pick(&[2_u32, 1, 3, 17]);
    let bytes = u64::from(pages) * PAGE;
    let mut job = ample("1");
    job.limits.memory_bytes = near_bytes(source, bytes);
    let known = match job.limits.memory_bytes < bytes {
        true => Known::new(&job, End::MemoryExceeded),
        false => Known::new(&job, End::Output(job.input.clone())).memory(bytes),
    };
    (Behaviour::GrowMemory { pages }, job, Some(known))
}

/// sandbox.md 2: memories and tables together, their own maxima, growth in any steps.
fn occupy(source: &mut Source<'_>) -> Drawn {
    let extent = |source: &mut Source<'_>, initial: u64| {
        let room = source.pick(&[1, 0, 5, 1000]);
        Extent { initial, maximum: source.one_in(2).then_some(initial + room) }
    };
    let pages = source.pick(&[1, 2]);
    let memory = extent(source, pages);
    let tables: Vec<Extent> = (0..source.below(3))
        .map(|_| {
            let elements = source.pick(&[0, 1, 100]);
            extent(source, elements)
        })
        .collect();
    let growths: Vec<Growth> = (0..source.below(4))
        .map(|_| match (source.below(2), tables.len()) {
            (1, some @ 1..) => {
                let table = u32::try_from(source.below(some)).unwrap_or_default();
                Growth::Table(table, source.pick(&[1, 0, 5, 6, 8192, u32::MAX]))
            }
            _ => Growth::Memory(source.pick(&[1, 0, 2, 6, 65_535, u32::MAX])),
        })
        .collect();
    // All that is asked for, but for what no limit grants; so the last growth is the one that does or does not fit.
    let asked = growths.iter().map(|growth| match *growth {
        Growth::Memory(pages) => u64::from(pages % 65_535) * PAGE,
        Growth::Table(_, elements) => u64::from(elements % u32::MAX) * 8,
    });
    let initial = memory.initial * PAGE + tables.iter().map(|table| table.initial * 8).sum::<u64>();
    let all = initial + asked.sum::<u64>();
    let mut job = ample("1");
    job.limits.memory_bytes = (all + source.pick(&[0, 0, 8, PAGE])).saturating_sub(source.pick(&[0, 8, 1, PAGE]));
    let known = occupied(&job, memory, &tables, &growths);
    (Behaviour::Occupy(Occupy { memory: Some(memory), tables, growths }), job, Some(known))
}

fn occupied(job: &Job, memory: Extent, tables: &[Extent], growths: &[Growth]) -> Known {
    let (limit, exceeded) = (job.limits.memory_bytes, Known::new(job, End::MemoryExceeded));
    // What each has, and may have by itself, and the bytes of one unit of it.
    let mut all: Vec<(u64, u64, u64)> = vec![(memory.initial, memory.maximum.unwrap_or(u64::MAX), PAGE)];
    all.extend(tables.iter().map(|table| (table.initial, table.maximum.unwrap_or(u64::MAX), 8)));
    let sum = |all: &[(u64, u64, u64)]| all.iter().map(|(has, _, unit)| has * unit).sum::<u64>();
    if sum(&all) > limit {
        return exceeded;
    }
    let mut refused = 0;
    for growth in growths {
        let (place, by) = match *growth {
            Growth::Memory(pages) => (0, u64::from(pages)),
            Growth::Table(table, elements) => (table as usize + 1, u64::from(elements)),
        };
        let (has, most, unit) = all[place];
        if sum(&all) + by * unit > limit {
            return exceeded;
        }
        match has + by > most {
            true => refused += 1,
            false => all[place].0 += by,
        }
    }
    Known::new(job, End::Output(refused.to_string().into_bytes())).memory(sum(&all))
}

/// core.md 9.12: the context as the handler got it.
fn context(source: &mut Source<'_>) -> Drawn {
    let mut job = ample("1");
    let names = ["trace", "a", "b\u{fc}cher", "zz"];
    job.context.attributes =
        (0..source.below(4)).map(|_| (source.text(&names), source.text(&["", "one", "\u{1f600}"]))).collect();
    job.context.caller = source.text(&["user", "admin"]);
    let known = Known::new(&job, End::Output(told(&job.context)));
    (Behaviour::Context, job, Some(known))
}

/// A context as a handler tells it that writes down what it is told.
pub fn told(context: &Context) -> Vec<u8> {
    // Written out, because the handler keeps the order in which it was told, and serde does not.
    let pairs: Vec<String> =
        context.attributes.iter().map(|(name, value)| format!("{}:{}", json!(name), json!(value))).collect();
    let order: Vec<&String> = context.attributes.keys().collect();
    let text = format!(
        "{{\"execution\":{},\"handler\":{},\"version\":{},\"caller\":{},\"admitted_at\":{},\"attributes\":{{{}}},\"order\":{}}}",
        json!(context.execution),
        json!(context.handler),
        json!(context.version),
        json!(context.caller),
        context.admitted_at_ms,
        pairs.join(","),
        json!(order),
    );
    text.into_bytes()
}

/// Values of a state.
pub type Values = BTreeMap<String, Vec<u8>>;

//! Modules that are handlers, or nearly: of the fixtures with one flaw, of wasm-smith with a handler's exports and imports,
//! and any of them with bytes changed.

use std::sync::LazyLock;

use assay_fixtures::{Behaviour, Burden, Flaw, Packaging, Recipe};
use assay_package::{Abi, Feature, Offer};

use super::Case;
use crate::{
    shape::{EXPORTS, imports},
    source::{Source, mutate},
};

/// Handlers that import nothing, the log, and the state, and one that migrates.
pub const BEHAVIOURS: [fn() -> Behaviour; 4] = [
    || Behaviour::Echo,
    || Behaviour::LogInput(assay_fixtures::LogLevel::Info),
    || Behaviour::StateKeys,
    || Behaviour::Echo.migrating_by(Behaviour::Echo),
];

/// Instances and core modules that no handler may import from, one class after the other.
const FOREIGN: [(&str, &str); 20] = [
    ("wasi:filesystem/types@0.2.0", "open-at"),
    ("wasi_snapshot_preview1", "path_open"),
    ("wasi:cli/environment@0.2.0", "get-environment"),
    ("wasi_snapshot_preview1", "environ_get"),
    ("wasi:cli/exit@0.2.0", "exit"),
    ("wasi_snapshot_preview1", "proc_exit"),
    ("wasi:io/streams@0.2.0", "read"),
    ("wasi_snapshot_preview1", "fd_write"),
    ("wasi:sockets/tcp@0.2.0", "connect"),
    ("wasi_snapshot_preview1", "sock_send"),
    ("wasi:clocks/monotonic-clock@0.2.0", "now"),
    ("wasi_snapshot_preview1", "clock_time_get"),
    ("wasi:random/random@0.2.0", "get-random-u64"),
    ("wasi_snapshot_preview1", "random_get"),
    ("wasi:http/outgoing-handler@0.2.0", "handle"),
    ("example:host/extra@1.0.0", "run"),
    ("env", "run"),
    ("assay:handler/log@0.2.0", "write"),
    ("assay:handler/vault@0.1.0", "seal"),
    ("assay:handler/logs@0.1.0", "write"),
];

/// A module as it is, for the packaging that it announces.
pub fn plain(module: Vec<u8>) -> Case {
    let component = module.get(4) == Some(&0x0d);
    let abi = if component { Abi::Component } else { Abi::Core };
    Case { module, abi, state: true, egress: false, memory_bytes: 1 << 20, offer: Offer::default() }
}

/// A module with what is around it.
pub fn case(source: &mut Source<'_>) -> Case {
    source.byte();
    let packaging = source.pick(&Packaging::ALL);
    let (mut module, announced) = match source.below(4) {
        0 => (smith(source), Packaging::Core),
        _ => (fixture(source, packaging), packaging),
    };
    if source.one_in(4) {
        mutate(source, &mut module, 3);
    }
    let abi = match (announced, source.one_in(16)) {
        (Packaging::Core, false) | (Packaging::Component, true) => Abi::Core,
        _ => Abi::Component,
    };
    let mut offer = Offer::default();
    offer.features.extend([Feature::State, Feature::Egress]);
    if source.one_in(3) {
        bounds(source, &mut offer);
    }
    let memory_bytes = source.pick(&[1 << 20, 65_536, 131_072, 65_544, 64 << 20]);
    Case { module, abi, state: !source.one_in(3), egress: source.one_in(2), memory_bytes, offer }
}

/// One bound that even small modules can pass.
fn bounds(source: &mut Source<'_>, offer: &mut Offer) {
    let bounds = &mut offer.bounds;
    match source.below(7) {
        0 => bounds.module_cost = source.pick(&[20_000, 30_000, 50_000, 100_000]),
        1 => bounds.block_depth = source.pick(&[1, 0, 2, 3]),
        2 => bounds.loop_depth = source.pick(&[0, 1, 2]),
        3 => bounds.component_entries = source.pick(&[40, 30, 20, 60]),
        4 => bounds.instances = source.pick(&[3, 1, 2, 4, 5]),
        5 => bounds.memories = source.pick(&[1, 0, 2]),
        _ => bounds.tables = source.pick(&[0, 1, 2]),
    }
}

/// A module of a fixture, right or with one flaw, and sometimes two.
fn fixture(source: &mut Source<'_>, packaging: Packaging) -> Vec<u8> {
    let behaviour = source.pick(&BEHAVIOURS)();
    let mut recipe = Recipe::new("com.example.fuzz", behaviour).packaging(packaging);
    let first = flaw(source);
    let second = Flaw::Carries(burden(source));
    for flaw in first.into_iter().chain(source.one_in(4).then_some(second)) {
        if flaw.applies_to(packaging) {
            recipe = recipe.flaw(flaw);
        }
    }
    recipe.build().module
}

fn flaw(source: &mut Source<'_>) -> Option<Flaw> {
    let export = source.pick(&["handle", "memory", "cabi_realloc", "cabi_post_handle", "migrate", "cabi_post_migrate"]);
    Some(match source.below(26) {
        0..=2 => return None,
        3 => Flaw::MissingExport(export),
        4 => Flaw::ExportKind(export),
        5 => Flaw::ExportType(export),
        6..=9 => {
            let (module, field) = source.pick(&FOREIGN);
            Flaw::Import { module: module.to_owned(), field: field.to_owned() }
        }
        10 => Flaw::ImportType,
        11 => Flaw::ImportUnknownFunction,
        12 => Flaw::ImportMemory,
        13 => Flaw::ImportState,
        14 => Flaw::ImportEgress,
        15 => Flaw::InitialMemory(source.pick(&[2, 16, 17, 1, 1024, 65_536])),
        16 => Flaw::InitialTable(source.pick(&[1, 8192, 122_880, 131_072, 10_000_000])),
        17 => Flaw::FurtherModule {
            pages: source.pick(&[0, 1, 15, 16]),
            growths: 0,
            elements: source.pick(&[0, 1, 8192, 131_072]),
        },
        18 => Flaw::InvalidBody,
        19 => Flaw::TrailingBytes,
        20 => source.pick(&[|| Flaw::Threads, || Flaw::Memory64, || Flaw::MultiMemory, || Flaw::Exceptions])(),
        21 => source.pick(&[|| Flaw::TailCall, || Flaw::Gc, || Flaw::RelaxedSimd, || Flaw::ComponentAsync])(),
        _ => Flaw::Carries(burden(source)),
    })
}

fn burden(source: &mut Source<'_>) -> Burden {
    let few = source.pick(&[1_u32, 2, 3, 4]);
    match source.below(10) {
        0 => Burden::Labels { locals: source.pick(&[1, 100, 10_000]), labels: source.pick(&[1, 10, 10_000]) },
        1 => Burden::Stack { height: few * 10, labels: few * 10 },
        2 => Burden::Loops { locals: few * 10, loops: few },
        3 => Burden::Functions(source.pick(&[1, 10, 20, 50])),
        4 => Burden::NestedBlocks(source.pick(&[1, 2, 3, 4096, 4097])),
        5 => Burden::NestedLoops(source.pick(&[1, 2, 3, 64, 65])),
        6 => Burden::Types(source.pick(&[1, 10, 20, 1000])),
        7 => Burden::Instances(few),
        8 => Burden::Memories(few),
        _ => Burden::Tables(few),
    }
}

/// Imports that handlers have, and some that they may not have, as a module that has them.
static IMPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    imports(&[
        ("assay:handler/log@0.1.0", "write", 3),
        ("assay:handler/state@0.1.0", "get", 3),
        ("assay:handler/state@0.1.0", "keys", 1),
        ("assay:handler/state@0.1.0", "set", 4),
        ("assay:handler/egress@0.1.0", "send", 9),
        ("wasi_snapshot_preview1", "fd_write", 4),
    ])
});

/// A module of wasm-smith; where its bytes do not suffice for one, the module of a fixture.
fn smith(source: &mut Source<'_>) -> Vec<u8> {
    let proposals = source.one_in(4);
    let config = wasm_smith::Config {
        exports: Some(EXPORTS.clone()),
        available_imports: source.one_in(2).then(|| IMPORTS.clone()),
        max_funcs: 8,
        max_types: 8,
        max_instructions: 60,
        max_tables: 3,
        max_memories: 1 + usize::from(proposals),
        max_memory32_bytes: 32 << 16,
        memory64_enabled: proposals,
        tail_call_enabled: proposals,
        threads_enabled: proposals,
        exceptions_enabled: proposals,
        relaxed_simd_enabled: proposals,
        gc_enabled: false,
        compact_imports_enabled: false,
        wide_arithmetic_enabled: false,
        extended_const_enabled: proposals,
        ..wasm_smith::Config::default()
    };
    let module = wasm_smith::Module::new(config, source.unstructured());
    module.map_or_else(|_| EXPORTS.clone(), |module| module.to_bytes())
}

//! Modules of wasm-smith with the exports of a handler and the imports that one may have, in either packaging.

use std::sync::LazyLock;

use assay_fixtures::Packaging;
use assay_sandbox::StateSnapshot;
use wasmparser::{Validator, WasmFeatures};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::{
    Case,
    job::{PAGE, SHORT, ample},
};
use crate::{
    shape::{EXPORTS, imports},
    source::Source,
};

/// How many turns of loops and calls a module may take that is made to end.
const FUEL: u32 = 2_000;

/// The imports that a handler may have, but for egress, as a module that has them (core.md 10.2).
static IMPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    imports(&[
        ("assay:handler/log@0.1.0", "write", 3),
        ("assay:handler/state@0.1.0", "get", 3),
        ("assay:handler/state@0.1.0", "set", 5),
        ("assay:handler/state@0.1.0", "delete", 3),
        ("assay:handler/state@0.1.0", "keys", 1),
    ])
});

/// A module of which nobody knows what it does.
pub fn case(source: &mut Source<'_>, packaging: Packaging) -> Case {
    let mut job = ample("\"ping\"");
    job.limits.memory_bytes = source.pick(&[4 * PAGE, PAGE, 16 * PAGE]);
    job.limits.log_bytes = source.pick(&[64, 0, 4096]);
    job.limits.output_bytes = source.pick(&[64, 1, 4096]);
    job.state = Some(StateSnapshot { max_bytes: 32, max_key_bytes: 8, max_keys: 4, ..StateSnapshot::default() });
    // What does not end takes all its time.
    let ends = !source.one_in(8);
    if !ends {
        job.limits.timeout = SHORT;
    }
    let module = module(source, ends);
    match packaging {
        Packaging::Core => Case { packaging, module, job, known: None },
        Packaging::Component => match component(module.clone()) {
            Some(module) => Case { packaging, module, job, known: None },
            None => Case { packaging: Packaging::Core, module, job, known: None },
        },
    }
}

/// A module of wasm-smith; where its bytes do not suffice for one, an echo.
fn module(source: &mut Source<'_>, ends: bool) -> Vec<u8> {
    let config = wasm_smith::Config {
        exports: Some(EXPORTS.clone()),
        available_imports: Some(IMPORTS.clone()),
        max_imports: source.pick(&[5, 0, 1, 3]),
        max_funcs: 8,
        max_types: 8,
        max_instructions: 80,
        max_tables: 2,
        max_table_elements: 1000,
        // The one that is exported is there besides.
        max_memories: 0,
        max_memory32_bytes: 8 * PAGE,
        memory64_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        exceptions_enabled: false,
        relaxed_simd_enabled: false,
        gc_enabled: false,
        compact_imports_enabled: false,
        wide_arithmetic_enabled: false,
        extended_const_enabled: false,
        ..wasm_smith::Config::default()
    };
    let Ok(mut module) = wasm_smith::Module::new(config, source.unstructured()) else { return EXPORTS.clone() };
    let ended = !ends || module.ensure_termination(FUEL).is_ok();
    let module = module.to_bytes();
    // The gate would let nothing else through (core.md 4.2).
    let valid = Validator::new_with_features(WasmFeatures::WASM2).validate_all(&module).is_ok();
    if ended && valid { module } else { EXPORTS.clone() }
}

/// The component around a module, if wit-component takes it.
fn component(mut module: Vec<u8>) -> Option<Vec<u8>> {
    static WORLD: LazyLock<Option<(Resolve, wit_parser::WorldId)>> = LazyLock::new(|| {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("handler.wit", include_str!("../../../conformance/spec/handler.wit")).ok()?;
        let world = resolve.select_world(&[package], Some("handler")).ok()?;
        Some((resolve, world))
    });
    let (resolve, world) = WORLD.as_ref()?;
    embed_component_metadata(&mut module, resolve, *world, StringEncoding::UTF8, false).ok()?;
    ComponentEncoder::default().module(&module).ok()?.encode().ok()
}

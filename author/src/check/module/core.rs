//! The imports and exports of a core module against the lowered world (core.md 4.3, 4.4 and 10).

use wasmparser::ValType::{self, I32, I64};
use wasmparser::types::{EntityType, TypesRef};

use super::{EGRESS, Found, STATE};

const LOG: &str = "assay:handler/log@0.1.0";

/// 10.2: what may be imported, and how many parameters, all of them i32, each function has.
const IMPORTS: [(&str, &str, usize); 6] = [
    (LOG, "write", 3),
    (STATE, "get", 3),
    (STATE, "set", 5),
    (STATE, "delete", 3),
    (STATE, "keys", 1),
    (EGRESS, "send", 9),
];

const HANDLE: &[ValType] = &[I32, I32, I32, I32, I32, I32, I32, I32, I64, I32, I32, I32, I32];

/// 4.3 and 10.1: functions by name, parameters and results.
type Function = (&'static str, &'static [ValType], &'static [ValType]);
const REQUIRED: [Function; 3] =
    [("cabi_realloc", &[I32; 4], &[I32]), ("handle", HANDLE, &[I32]), ("cabi_post_handle", &[I32], &[])];
const MIGRATION: [Function; 2] = [("migrate", HANDLE, &[I32]), ("cabi_post_migrate", &[I32], &[])];

/// Looks at a core module that is valid.
pub(super) fn look(types: TypesRef<'_>) -> Found {
    let mut found = Found::default();
    for (module, field, ty) in types.core_imports().into_iter().flatten() {
        found.interfaces.push(module.to_owned());
        let name = format!("{module}#{field}");
        match IMPORTS.iter().find(|(known, function, _)| (*known, *function) == (module, field)) {
            Some((_, _, count)) if is_function(types, ty, &vec![I32; *count], &[]) => {}
            Some((_, _, count)) => {
                let detail = format!("the function of the contract has {count} parameters of type i32 and no result");
                found.fault("import-forbidden", &name, detail);
            }
            None if IMPORTS.iter().any(|(known, _, _)| *known == module) => {
                found.fault("import-forbidden", &name, "this interface has no such function");
            }
            None => found.fault("import-forbidden", &name, foreign(module)),
        }
    }
    let exports: Vec<(&str, EntityType)> = types.core_exports().into_iter().flatten().collect();
    let exported = |name: &str| exports.iter().find(|(export, _)| *export == name).map(|(_, ty)| *ty);
    if !matches!(exported("memory"), Some(EntityType::Memory(_))) {
        found.fault("export-missing", "memory", "a core module exports its memory under this name");
    }
    let migrates = exported("migrate").is_some();
    for (name, parameters, results) in REQUIRED.into_iter().chain(MIGRATION.into_iter().filter(|_| migrates)) {
        match exported(name) {
            Some(ty) if is_function(types, ty, parameters, results) => {}
            Some(ty) if matches!(ty, EntityType::Func(_)) || name == "migrate" => {
                found.fault("export-type-mismatch", name, format!("its type is {}", signature(parameters, results)));
            }
            _ => found.fault(
                "export-missing",
                name,
                format!("there is no such function; its type is {}", signature(parameters, results)),
            ),
        }
    }
    found
}

fn is_function(types: TypesRef<'_>, ty: EntityType, parameters: &[ValType], results: &[ValType]) -> bool {
    let EntityType::Func(id) = ty else { return false };
    let function = types[id].unwrap_func();
    function.params() == parameters && function.results() == results
}

fn signature(parameters: &[ValType], results: &[ValType]) -> String {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    match results.is_empty() {
        true => format!("func ({})", list(parameters)),
        false => format!("func ({}) -> {}", list(parameters), list(results)),
    }
}

/// What is to be done about an import of something else.
pub(super) fn foreign(module: &str) -> &'static str {
    match module {
        "wasi_snapshot_preview1" | "wasi_unstable" => {
            "a handler has no WASI: build for a target without it, such as wasm32-unknown-unknown"
        }
        wasi if wasi.starts_with("wasi:") => "a handler has no WASI: build without what needs it",
        _ => "a handler imports only interfaces of handler.wit",
    }
}

//! Everything that is wrong with a module (core.md 4): validity by wasmparser in one go, the world of components by
//! wit-component against handler.wit, the lowered world of core modules by hand.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use assay_package::{Abi, Code};
use wasmparser::{
    CompositeInnerType, Encoding, ExternalKind, FuncType, Parser, Payload, Result, TypeRef, ValType, Validator,
    WasmFeatures,
};
use wit_parser::{Resolve, WorldId};

use super::{Case, cost, size};
use crate::verdict::{Expected, Place};

const STATE: &str = "assay:handler/state@0.1.0";
const EGRESS: &str = "assay:handler/egress@0.1.0";

/// 10.2: parameters of the lowered imports, all of them i32; none has a result.
const LOWERED: [(&str, &str, usize); 6] = [
    ("assay:handler/log@0.1.0", "write", 3),
    (STATE, "get", 3),
    (STATE, "set", 5),
    (STATE, "delete", 3),
    (STATE, "keys", 1),
    (EGRESS, "send", 9),
];

/// 4.4: what a component may import.
const IMPORTABLE: [&str; 6] =
    ["assay:handler/types@0.1.0", "assay:handler/log@0.1.0", STATE, EGRESS, "context", "failure"];

/// The worlds of handlers that do not migrate, and of those that do.
static WORLDS: LazyLock<(Resolve, [WorldId; 2])> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    let text = include_str!("../../../conformance/spec/handler.wit");
    let package = resolve.push_str("handler.wit", text).expect("handler.wit is WIT");
    let world = |name| resolve.select_world(&[package], Some(name)).expect("handler.wit has the world");
    let worlds = ["handler", "migrating-handler"].map(world);
    (resolve, worlds)
});

/// What the first bytes say that a module is.
fn announced(bytes: &[u8]) -> Option<Abi> {
    match bytes.first_chunk()? {
        [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00] => Some(Abi::Core),
        [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00] => Some(Abi::Component),
        _ => None,
    }
}

/// 4.2: the proposals that a module may use.
fn features(abi: Abi) -> WasmFeatures {
    match abi {
        Abi::Core => WasmFeatures::WASM2,
        Abi::Component => WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL,
    }
}

/// Whether wasmparser takes a module, for what it announces to be.
pub fn is_valid(bytes: &[u8]) -> bool {
    let abi = announced(bytes).unwrap_or(Abi::Core);
    Validator::new_with_features(features(abi)).validate_all(bytes).is_ok()
}

/// What the contract says about a module.
pub fn judge(case: &Case) -> Expected {
    let bytes = &case.module;
    let mut expected = Expected::default();
    if bytes.len() < 8 {
        return Expected::only(Code::ManifestInvalidValue, Place::At("/module/size".to_owned()));
    }
    let Some(announced) = announced(bytes) else { return Expected::only(Code::ModuleMalformed, Place::Anywhere) };
    if !is_valid(bytes) {
        expected.fault(Code::ModuleMalformed, Place::Anywhere);
        // What it costs may be counted before it is validated.
        expected.open.push(Code::ModuleTooCostly);
    }
    if announced != case.abi {
        expected.fault(Code::ModuleAbiMismatch, Place::At("/abi".to_owned()));
    }
    if !expected.faults.is_empty() {
        return expected;
    }
    let read = match announced {
        Abi::Core => core(case, &mut expected),
        Abi::Component => component(case, &mut expected),
    };
    let counted = read.and_then(|()| costs(case, features(announced), &mut expected));
    if let Err(fault) = counted {
        // wasmparser validated it and cannot read it: the oracle is wrong, and says so by expecting the impossible.
        expected.fault(Code::Internal, Place::Named(fault.to_string()));
    }
    expected
}

/// 4.3 to 4.5 for a core module.
fn core(case: &Case, expected: &mut Expected) -> Result<()> {
    let mut types: Vec<FuncType> = Vec::new();
    let mut functions: Vec<u32> = Vec::new();
    let mut exports: BTreeMap<&str, (ExternalKind, u32)> = BTreeMap::new();
    let mut undeclared = Expected::default();
    for payload in Parser::new(0).parse_all(&case.module) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group?.into_types() {
                        if let CompositeInnerType::Func(function) = ty.composite_type.inner {
                            types.push(function);
                        }
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    let found =
                        LOWERED.iter().find(|(module, field, _)| (*module, *field) == (import.module, import.name));
                    let right = match (found, import.ty) {
                        (Some((_, _, parameters)), TypeRef::Func(ty)) => {
                            types.get(ty as usize).is_some_and(|ty| is(ty, &vec![ValType::I32; *parameters], &[]))
                        }
                        _ => false,
                    };
                    if let TypeRef::Func(ty) = import.ty {
                        functions.push(ty);
                    }
                    if !right {
                        let name = format!("{}#{}", import.module, import.name);
                        expected.fault(Code::ImportForbidden, Place::Named(name));
                    }
                    capability(case, import.module, &mut undeclared);
                }
            }
            Payload::FunctionSection(section) => functions.extend(section.into_iter().collect::<Result<Vec<u32>>>()?),
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    exports.insert(export.name, (export.kind, export.index));
                }
            }
            _ => {}
        }
    }
    let i32s = [ValType::I32; 13];
    let mut handle = i32s;
    handle[8] = ValType::I64;
    let required: [(&str, &[ValType], &[ValType]); 3] = [
        ("cabi_realloc", &i32s[..4], &i32s[..1]),
        ("handle", &handle, &i32s[..1]),
        ("cabi_post_handle", &i32s[..1], &[]),
    ];
    for (name, parameters, results) in required {
        match exports.get(name) {
            Some((ExternalKind::Func, index)) => {
                let ty = functions.get(*index as usize).and_then(|ty| types.get(*ty as usize));
                if !ty.is_some_and(|ty| is(ty, parameters, results)) {
                    expected.fault(Code::ExportTypeMismatch, Place::Named(name.to_owned()));
                }
            }
            _ => expected.fault(Code::ExportMissing, Place::Named(name.to_owned())),
        }
    }
    let migration: [(&str, &[ValType], &[ValType]); 2] =
        [("migrate", &handle, &i32s[..1]), ("cabi_post_migrate", &i32s[..1], &[])];
    if exports.contains_key("migrate") {
        for (name, parameters, results) in migration {
            match exports.get(name) {
                Some((ExternalKind::Func, index)) => {
                    let ty = functions.get(*index as usize).and_then(|ty| types.get(*ty as usize));
                    if !ty.is_some_and(|ty| is(ty, parameters, results)) {
                        expected.fault(Code::ExportTypeMismatch, Place::Named(name.to_owned()));
                    }
                }
                // By the name `migrate` alone it is one of the wrong type; what goes with it is missing.
                Some(_) if name == "migrate" => {
                    expected.fault(Code::ExportTypeMismatch, Place::Named(name.to_owned()));
                }
                _ => expected.fault(Code::ExportMissing, Place::Named(name.to_owned())),
            }
        }
    }
    if !matches!(exports.get("memory"), Some((ExternalKind::Memory, _))) {
        expected.fault(Code::ExportMissing, Place::Named("memory".to_owned()));
    }
    declare(expected, undeclared);
    Ok(())
}

fn is(ty: &FuncType, parameters: &[ValType], results: &[ValType]) -> bool {
    ty.params() == parameters && ty.results() == results
}

/// 4.3 to 4.5 for a component.
fn component(case: &Case, expected: &mut Expected) -> Result<()> {
    let mut undeclared = Expected::default();
    let mut has_handle = false;
    let mut migrates = false;
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(&case.module) {
        match payload? {
            Payload::Version { encoding: Encoding::Component | Encoding::Module, .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let name = import?.name.name;
                    if !IMPORTABLE.contains(&name) {
                        expected.fault(Code::ImportForbidden, Place::Named(name.to_owned()));
                    }
                    capability(case, name, &mut undeclared);
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let export = export?;
                    let function = export.kind == wasmparser::ComponentExternalKind::Func;
                    has_handle |= export.name.name == "handle" && function;
                    migrates |= export.name.name == "migrate";
                }
            }
            _ => {}
        }
    }
    if !has_handle {
        expected.fault(Code::ExportMissing, Place::Named("handle".to_owned()));
    }
    let (resolve, worlds) = &*WORLDS;
    let world = worlds[usize::from(migrates)];
    if !expected.faults.is_empty() {
        // It does not fit the world anyhow, so nobody says whether a type is wrong besides.
        expected.open.push(Code::ExportTypeMismatch);
    } else if wit_component::targets(resolve, world, &case.module, false).is_err() {
        // One of them is why, and wit-component does not say which.
        expected.fault(Code::ExportTypeMismatch, Place::Named("handle".to_owned()));
        if migrates {
            expected.fault(Code::ExportTypeMismatch, Place::Named("migrate".to_owned()));
        }
        expected.fault(Code::ImportForbidden, Place::Named(String::new()));
    }
    declare(expected, undeclared);
    Ok(())
}

/// 4.5: an interface that needs a permission which is not there.
fn capability(case: &Case, interface: &str, undeclared: &mut Expected) {
    let missing = (interface == STATE && !case.state) || (interface == EGRESS && !case.egress);
    if missing {
        undeclared.fault(Code::CapabilityUndeclared, Place::Named(interface.to_owned()));
    }
}

/// 4.5: the types and functions are judged first.
fn declare(expected: &mut Expected, undeclared: Expected) {
    if !expected.faults.iter().any(|fault| fault.code == Code::ImportForbidden) {
        expected.faults.extend(undeclared.faults);
    }
}

/// 4.6 to 4.10.
fn costs(case: &Case, features: WasmFeatures, expected: &mut Expected) -> Result<()> {
    let bounds = &case.offer.bounds;
    let cost = cost::of(&case.module, features)?;
    let size = size::of(&case.module)?;
    let counted = [
        ("module_cost", cost.units, bounds.module_cost),
        ("block_depth", cost.blocks, bounds.block_depth),
        ("loop_depth", cost.loops, bounds.loop_depth),
        ("component_entries", cost.entries, bounds.component_entries),
        ("instances", size.instances, bounds.instances),
        ("memories", size.memories, bounds.memories),
        ("tables", size.tables, bounds.tables),
    ];
    for (name, _, _) in counted.into_iter().filter(|(_, found, most)| found > most) {
        expected.fault(Code::ModuleTooCostly, Place::Named(name.to_owned()));
    }
    if size.bytes > case.memory_bytes {
        expected.fault(Code::ModuleOverLimit, Place::At("/limits/memory_bytes".to_owned()));
    }
    if size.open {
        expected.open.extend([Code::ModuleOverLimit, Code::ModuleTooCostly]);
    }
    Ok(())
}

//! The imports and exports of a `core` module against the lowered world.

use wasmparser::{
    ValType,
    types::{CoreTypeId, EntityType, TypesRef},
};

use super::{ModuleFacts, Optional, world};

/// Notes imports and exports, if this is a core module.
pub(super) fn note(types: TypesRef<'_>, facts: &mut ModuleFacts) {
    for (module, field, ty) in types.core_imports().into_iter().flatten() {
        let functions = world::CORE_INTERFACES.iter().find(|(interface, _)| *interface == module);
        let Some((interface, functions)) = functions else {
            facts.foreign_import.get_or_insert_with(|| format!("{module}#{field}"));
            continue;
        };
        facts.interfaces.insert(interface);
        let right = |(name, params): &(&str, &[ValType])| *name == field && is_function(types, ty, params, &[]);
        if !functions.iter().any(right) {
            facts.wrong_import.get_or_insert_with(|| format!("{module}#{field}"));
        }
    }
    for (name, ty) in types.core_exports().into_iter().flatten() {
        note_migration(types, name, ty, facts);
        match (world::CORE_EXPORTS.iter().find(|export| export.name == name), ty) {
            (Some(export), EntityType::Memory(_)) if export.function.is_none() => {
                facts.exports.push((export.name, true));
            }
            (Some(world::CoreExport { name, function: Some((params, results)) }), EntityType::Func(_)) => {
                facts.exports.push((name, is_function(types, ty, params, results)));
            }
            _ => {}
        }
    }
}

/// Notes an export of one of the optional names, whatever it is.
fn note_migration(types: TypesRef<'_>, name: &str, ty: EntityType, facts: &mut ModuleFacts) {
    let known = world::CORE_MIGRATION.iter().find(|export| export.name == name);
    if let Some(world::CoreExport { name, function: Some((params, results)) }) = known {
        let function = matches!(ty, EntityType::Func(_));
        facts.migration.push(Optional { name, function, right: is_function(types, ty, params, results) });
    }
}

fn is_function(types: TypesRef<'_>, ty: EntityType, params: &[ValType], results: &[ValType]) -> bool {
    let signature = |id: CoreTypeId| types[id].unwrap_func();
    matches!(ty, EntityType::Func(id) if signature(id).params() == params && signature(id).results() == results)
}

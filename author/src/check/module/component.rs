//! The imports and exports of a component against handler.wit (core.md 4.3 and 4.4).

use std::sync::LazyLock;

use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Function, InterfaceId, Resolve, WorldId, WorldItem, WorldKey};

use super::Found;
use super::core::foreign;
use super::wit::{function, type_of};

/// handler.wit, and the world that has all of it.
static CONTRACT: LazyLock<(Resolve, WorldId)> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    let text = include_str!("../../../../conformance/spec/handler.wit");
    let package = resolve.push_str("handler.wit", text).expect("handler.wit is WIT");
    let world = resolve.select_world(&[package], Some("migrating-handler")).expect("handler.wit has the world");
    (resolve, world)
});

/// Looks at a component that is valid.
pub(super) fn look(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    let (resolve, world) = match decode(bytes) {
        Ok(DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(DecodedWasm::WitPackage(..)) => {
            found.fault("export-missing", "handle", "this is a package of WIT interfaces, not a handler");
            return found;
        }
        Err(error) => {
            found.fault(
                "import-forbidden",
                "handle",
                format!("what it imports and exports is nothing of handler.wit: {error}"),
            );
            return found;
        }
    };
    let (contract, handler) = &*CONTRACT;
    for (key, item) in &resolve.worlds[world].imports {
        let name = resolve.name_world_key(key);
        found.interfaces.push(name.clone());
        match (key, item) {
            (_, WorldItem::Interface { id, .. }) => match interface(contract, *handler, &name) {
                Some(known) => wrong(contract, known, &resolve, *id).into_iter().for_each(|detail| {
                    found.fault("import-forbidden", &name, detail);
                }),
                None => found.fault("import-forbidden", &name, foreign(&name)),
            },
            (WorldKey::Name(_), WorldItem::Type { id, .. }) => {
                let known = interface(contract, *handler, "assay:handler/types@0.1.0");
                let known = known.and_then(|types| contract.interfaces[types].types.get(&name));
                if known.is_none_or(|known| type_of(contract, *known) != type_of(&resolve, *id)) {
                    found.fault("import-forbidden", &name, "the world uses no such type");
                }
            }
            _ => found.fault("import-forbidden", &name, "a handler imports interfaces only"),
        }
    }
    for (name, required) in [("handle", true), ("migrate", false)] {
        let key = WorldKey::Name(name.to_owned());
        let known = match &contract.worlds[*handler].exports.get(&key) {
            Some(WorldItem::Function(known)) => function(contract, known),
            _ => String::new(),
        };
        match resolve.worlds[world].exports.get(&key) {
            Some(WorldItem::Function(exported)) if function(&resolve, exported) == known => {}
            Some(WorldItem::Function(exported)) => {
                let detail = format!("it is {}, the contract has {known}", function(&resolve, exported));
                found.fault("export-type-mismatch", name, detail);
            }
            Some(_) if !required => found.fault("export-type-mismatch", name, format!("the contract has {known}")),
            None if !required => {}
            _ => found.fault("export-missing", name, format!("there is no such function: {known}")),
        }
    }
    found
}

/// The interface of this name that the world imports, the one of its types included.
fn interface(contract: &Resolve, world: WorldId, name: &str) -> Option<InterfaceId> {
    let imports = contract.worlds[world].imports.values();
    let mut interfaces = imports.filter_map(|item| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        _ => None,
    });
    interfaces.find(|id| contract.id_of(*id).as_deref() == Some(name))
}

/// What of an imported interface is not of the contract.
fn wrong(contract: &Resolve, known: InterfaceId, resolve: &Resolve, imported: InterfaceId) -> Vec<String> {
    let (known, imported) = (&contract.interfaces[known], &resolve.interfaces[imported]);
    let mut wrong = Vec::new();
    let like = |known: &Function, imported: &Function| function(contract, known) == function(resolve, imported);
    for (name, imported) in &imported.functions {
        match known.functions.get(name) {
            Some(known) if like(known, imported) => {}
            Some(known) => wrong.push(format!(
                "`{name}` is {}, the contract has {}",
                function(resolve, imported),
                function(contract, known)
            )),
            None => wrong.push(format!("the contract has no function `{name}` in it")),
        }
    }
    for (name, imported) in &imported.types {
        if known.types.get(name).is_none_or(|known| type_of(contract, *known) != type_of(resolve, *imported)) {
            wrong.push(format!("the contract has no such type `{name}` in it"));
        }
    }
    wrong
}

//! Gate 4, module: is the module right (core.md 4).
//!
//! The module is read once, by [`inspect`]; the rules then judge what was found. What is found is bounded, however many
//! imports, exports or types a module has.

use std::collections::BTreeSet;

use wasmparser::WasmFeatures;

use crate::{Abi, Code, Offer, Quoted, Refusal, structure::PackageCandidate};

mod component;
mod core;
mod cost;
mod inspect;
mod size;
pub(crate) mod world;

pub(crate) use inspect::inspect;
pub(crate) use size::Size;

type Verdict = Result<(), Refusal>;

/// What is known of a module.
#[derive(Debug, Clone, Default)]
pub(crate) struct ModuleFacts {
    /// The required exports that are there, by name, each with whether its type is right.
    pub exports: Vec<(&'static str, bool)>,
    /// What is exported under the names of the optional exports.
    pub migration: Vec<Optional>,
    /// The first import that is not one of an interface of the world.
    pub foreign_import: Option<String>,
    /// The first import of an interface of the world that is not one of its functions or types.
    pub wrong_import: Option<String>,
    /// The interfaces of the world of which something is imported.
    pub interfaces: BTreeSet<&'static str>,
    /// What it takes up before it runs.
    pub size: Size,
    /// The bound of its cost that it passes.
    pub too_costly: Option<&'static str>,
}

/// What a module exports under the name of an optional export.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Optional {
    /// The name.
    pub name: &'static str,
    /// Whether it is a function.
    pub function: bool,
    /// Whether it is that of the contract.
    pub right: bool,
}

impl ModuleFacts {
    /// All that is known of a module that passes a bound of its cost.
    fn too_costly(bound: &'static str) -> Self {
        Self { too_costly: Some(bound), ..Self::default() }
    }
}

/// The proposals that the contract allows (4.2).
const FEATURES: WasmFeatures = WasmFeatures::WASM2;

/// The magic, and the version and layer of each packaging (4.1).
const MAGIC: [u8; 4] = *b"\0asm";
const CORE: [u8; 4] = [1, 0, 0, 0];
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];

/// The packaging that the first eight bytes announce.
pub(crate) fn announced(bytes: &[u8]) -> Option<Abi> {
    match *bytes.strip_prefix(&MAGIC)?.first_chunk()? {
        CORE => Some(Abi::Core),
        COMPONENT => Some(Abi::Component),
        _ => None,
    }
}

/// The bytes start with the magic and a known version and layer (4.1).
pub(crate) fn header(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    match announced(package.module_bytes()) {
        Some(_) => Ok(()),
        None => Err(Refusal::new(Code::ModuleMalformed, "the first eight bytes are not those of WebAssembly")),
    }
}

/// The layer is that of `/abi` (4.1).
pub(crate) fn abi(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    match (package.manifest.abi, announced(package.module_bytes())) {
        (Some(stated), Some(announced)) if stated != announced => {
            let detail = format!("`/abi` is {stated} and the bytes are a {announced} module");
            Err(Refusal::new(Code::ModuleAbiMismatch, detail).at("/abi"))
        }
        _ => Ok(()),
    }
}

/// The module is valid under the WebAssembly core specification 2.0, a component with its core modules likewise (4.2).
pub(crate) fn valid(package: &mut PackageCandidate, offer: &Offer) -> Verdict {
    let features = match package.manifest.abi {
        Some(Abi::Component) => FEATURES.union(WasmFeatures::COMPONENT_MODEL),
        _ => FEATURES,
    };
    package.module = inspect(package.module_bytes(), features, &offer.bounds).map_err(|fault| {
        let detail = format!("{}, at byte {}", Quoted(fault.message()), fault.offset());
        Refusal::new(Code::ModuleMalformed, detail)
    })?;
    Ok(())
}

/// To make it ready costs no more than the bounds say (4.7 to 4.9).
pub(crate) fn cost(package: &mut PackageCandidate, offer: &Offer) -> Verdict {
    let Some(bound) = package.module.too_costly else {
        return Ok(());
    };
    let most = offer.bounds.by_name().into_iter().find(|(name, _)| *name == bound).map_or(0, |(_, most)| most);
    Err(Refusal::new(Code::ModuleTooCostly, format!("it passes `bounds.{bound}`, which is {most}")).named(bound))
}

/// It is made of no more instances, memories and tables than the bounds say (4.10).
pub(crate) fn parts(package: &mut PackageCandidate, offer: &Offer) -> Verdict {
    let (size, bounds) = (package.module.size, &offer.bounds);
    let parts = [
        ("instances", size.instances, bounds.instances),
        ("memories", size.memories, bounds.memories),
        ("tables", size.tables, bounds.tables),
    ];
    match parts.into_iter().find(|(_, found, most)| found > most) {
        Some((name, found, most)) => {
            Err(Refusal::new(Code::ModuleTooCostly, format!("it has {found} {name}, at most {most} may be"))
                .named(name))
        }
        None => Ok(()),
    }
}

/// Every export of the world is there, as what it is (4.3).
pub(crate) fn exports(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    let found = |name: &str| package.module.exports.iter().any(|(export, _)| *export == name);
    match world::required_exports(package.manifest.abi).find(|name| !found(name)) {
        Some(name) => Err(Refusal::new(Code::ExportMissing, "the module has no such export of that kind").named(name)),
        None => Ok(()),
    }
}

/// Every export of the world has exactly its type (4.3).
pub(crate) fn export_types(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    match package.module.exports.iter().find(|(_, right)| !right) {
        Some((name, _)) => {
            Err(Refusal::new(Code::ExportTypeMismatch, "the export's type is not that of the contract").named(name))
        }
        None => Ok(()),
    }
}

/// What is exported as `migrate` is that function, and has what goes with it (4.3).
pub(crate) fn migration(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    let exported = |name: &str| package.module.migration.iter().find(|export| export.name == name);
    if exported(world::MIGRATE.0).is_none() {
        return Ok(());
    }
    for name in world::migration_exports(package.manifest.abi) {
        match exported(name) {
            Some(export) if export.right => {}
            Some(export) if export.function || name == world::MIGRATE.0 => {
                let detail = "what a package exports under this name is the function of the contract";
                return Err(Refusal::new(Code::ExportTypeMismatch, detail).named(name));
            }
            _ => {
                return Err(Refusal::new(Code::ExportMissing, "`migrate` needs a function of this name").named(name));
            }
        }
    }
    Ok(())
}

/// Every import is one of an interface of the world (4.4).
pub(crate) fn imports(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    match &package.module.foreign_import {
        Some(name) => Err(Refusal::new(Code::ImportForbidden, "no handler may import this").named(name)),
        None => Ok(()),
    }
}

/// Every import is a function or a type of its interface, with exactly that type (4.4).
pub(crate) fn import_types(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    match &package.module.wrong_import {
        Some(name) => {
            Err(Refusal::new(Code::ImportForbidden, "the interface has nothing of this name and type").named(name))
        }
        None => Ok(()),
    }
}

/// An interface that needs a permission is imported only with it (4.5).
pub(crate) fn capabilities(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    let undeclared = |(_, permission): &(&str, &str)| package.manifest.field(permission).is_none();
    let imported = |(interface, _): &(&str, &str)| package.module.interfaces.contains(interface);
    match world::PERMISSIONS.into_iter().filter(imported).find(undeclared) {
        Some((interface, permission)) => {
            let detail = format!("the manifest has no `{permission}`");
            Err(Refusal::new(Code::CapabilityUndeclared, detail).named(interface))
        }
        None => Ok(()),
    }
}

/// Memories and tables start within `/limits/memory_bytes` (4.6).
pub(crate) fn initial_size(package: &mut PackageCandidate, _: &Offer) -> Verdict {
    let pointer = "/limits/memory_bytes";
    let refuse = |detail: String| Err(Refusal::new(Code::ModuleOverLimit, detail).at(pointer));
    let size = package.module.size;
    if size.uncounted {
        return refuse("what it instantiates cannot be counted".to_owned());
    }
    let limit = package.manifest.field(pointer).and_then(crate::Json::as_number).and_then(|number| number.as_u64());
    match limit {
        Some(limit) if size.bytes() > limit => refuse(format!("it starts with {} bytes", size.bytes())),
        _ => Ok(()),
    }
}

//! What a package takes up before it runs (core.md 4.6 and 4.10): the file as a tree, and a sum over what each part instantiates.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Encoding,
    Instance, Parser, Payload, Result,
};

/// What all instances of a package have together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// All memories in bytes, and 8 bytes for each element of all tables.
    pub bytes: u64,
    /// Memories.
    pub memories: u64,
    /// Tables.
    pub tables: u64,
    /// Instances, the package itself aside.
    pub instances: u64,
}

impl Size {
    fn and(self, more: Size) -> Size {
        Size {
            bytes: self.bytes.saturating_add(more.bytes),
            memories: self.memories.saturating_add(more.memories),
            tables: self.tables.saturating_add(more.tables),
            instances: self.instances.saturating_add(more.instances),
        }
    }
}

/// A module or a component that is being read, or was.
#[derive(Default)]
struct Part {
    is_component: bool,
    /// Of itself, and of all that it instantiates.
    size: Size,
    modules: Vec<Size>,
    components: Vec<Size>,
}

/// Counts a module that is valid. None if code is handed around by alias, import or export inside of a component, so that only a
/// runtime can follow it.
pub(super) fn of(bytes: &[u8]) -> Option<Size> {
    count(bytes).ok().flatten()
}

fn count(bytes: &[u8]) -> Result<Option<Size>> {
    let mut open: Vec<Part> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding, .. } => {
                open.push(Part { is_component: encoding == Encoding::Component, ..Part::default() });
            }
            Payload::End(_) => {
                let closed = open.pop().unwrap_or_default();
                match open.last_mut() {
                    Some(outer) if closed.is_component => outer.components.push(closed.size),
                    Some(outer) => outer.modules.push(closed.size),
                    None => return Ok(Some(closed.size)),
                }
            }
            payload => {
                let Some(part) = open.last_mut() else { continue };
                match part.section(payload)? {
                    Some(more) => part.size = part.size.and(more),
                    None => return Ok(None),
                }
            }
        }
    }
    Ok(None)
}

impl Part {
    /// What a section adds; none if it hands code around.
    fn section(&self, payload: Payload<'_>) -> Result<Option<Size>> {
        let nothing = Size::default();
        let instance = |of: Option<&Size>| of.map(|size| size.and(Size { instances: 1, ..Size::default() }));
        let unless = |code: bool| (!code).then_some(nothing);
        match payload {
            Payload::MemorySection(section) => sum(section, |memory| {
                Some(Size { bytes: memory.initial.saturating_mul(65_536), memories: 1, ..nothing })
            }),
            Payload::TableSection(section) => {
                sum(section, |table| Some(Size { bytes: table.ty.initial.saturating_mul(8), tables: 1, ..nothing }))
            }
            Payload::InstanceSection(section) => sum(section, |made| match made {
                Instance::Instantiate { module_index, .. } => instance(self.modules.get(module_index as usize)),
                Instance::FromExports(_) => Some(nothing),
            }),
            Payload::ComponentInstanceSection(section) => sum(section, |made| match made {
                ComponentInstance::Instantiate { component_index, .. } => {
                    instance(self.components.get(component_index as usize))
                }
                ComponentInstance::FromExports(_) => Some(nothing),
            }),
            Payload::ComponentAliasSection(section) => sum(section, |alias| match alias {
                ComponentAlias::InstanceExport { kind, .. } => unless(is_code(kind)),
                ComponentAlias::Outer { kind, .. } => {
                    unless(matches!(kind, ComponentOuterAliasKind::CoreModule | ComponentOuterAliasKind::Component))
                }
                ComponentAlias::CoreInstanceExport { .. } => Some(nothing),
            }),
            Payload::ComponentImportSection(section) => sum(section, |import| {
                unless(matches!(import.ty, ComponentTypeRef::Module(_) | ComponentTypeRef::Component(_)))
            }),
            Payload::ComponentExportSection(section) => sum(section, |export| unless(is_code(export.kind))),
            _ => Ok(Some(nothing)),
        }
    }
}

/// All entries of a section together.
fn sum<T>(entries: impl IntoIterator<Item = Result<T>>, size: impl Fn(T) -> Option<Size>) -> Result<Option<Size>> {
    let mut all = Some(Size::default());
    for entry in entries {
        all = all.zip(size(entry?)).map(|(all, more)| all.and(more));
    }
    Ok(all)
}

fn is_code(kind: ComponentExternalKind) -> bool {
    matches!(kind, ComponentExternalKind::Module | ComponentExternalKind::Component)
}

//! What a package takes up before it runs (core.md 4.6, 4.10): the file as a tree of modules and components, and a sum over
//! what each instantiates. Of a file that hands modules around by alias, import or export it says less.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Encoding,
    Instance, Parser, Payload, Result,
};

/// What all instances have together.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Size {
    pub bytes: u64,
    pub memories: u64,
    pub tables: u64,
    pub instances: u64,
    /// Whether there may be more than was counted.
    pub open: bool,
}

/// A module or a component, with its own memories and tables, and what it defines and instantiates.
#[derive(Debug, Default)]
struct Unit {
    is_component: bool,
    own: Size,
    modules: Vec<Unit>,
    components: Vec<Unit>,
    of_modules: Vec<u32>,
    of_components: Vec<u32>,
}

/// Counts a module that is valid.
pub(super) fn of(bytes: &[u8]) -> Result<Size> {
    let mut open: Vec<Unit> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        match &payload {
            Payload::Version { encoding, .. } => {
                open.push(Unit { is_component: *encoding == Encoding::Component, ..Unit::default() });
            }
            Payload::End(_) => {
                let Some(closed) = open.pop() else { break };
                match open.last_mut() {
                    Some(outer) if closed.is_component => outer.components.push(closed),
                    Some(outer) => outer.modules.push(closed),
                    None => return Ok(closed.total()),
                }
            }
            payload => {
                if let Some(unit) = open.last_mut() {
                    unit.note(payload)?;
                }
            }
        }
    }
    Ok(Size { open: true, ..Size::default() })
}

impl Unit {
    fn note(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    self.own.memories += 1;
                    self.own.bytes = self.own.bytes.saturating_add(memory?.initial.saturating_mul(65_536));
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    self.own.tables += 1;
                    self.own.bytes = self.own.bytes.saturating_add(table?.ty.initial.saturating_mul(8));
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        self.of_modules.push(module_index);
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        self.of_components.push(component_index);
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.own.open |= match alias? {
                        ComponentAlias::InstanceExport { kind, .. } => is_code(kind),
                        ComponentAlias::Outer { kind, .. } => {
                            matches!(kind, ComponentOuterAliasKind::CoreModule | ComponentOuterAliasKind::Component)
                        }
                        ComponentAlias::CoreInstanceExport { .. } => false,
                    };
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    let ty = import?.ty;
                    self.own.open |= matches!(ty, ComponentTypeRef::Module(_) | ComponentTypeRef::Component(_));
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    self.own.open |= is_code(export?.kind);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn total(&self) -> Size {
        let mut size = self.own;
        let modules = self.of_modules.iter().map(|index| self.modules.get(*index as usize));
        let components = self.of_components.iter().map(|index| self.components.get(*index as usize));
        for unit in modules.chain(components) {
            let Some(part) = unit.map(Unit::total) else {
                size.open = true;
                continue;
            };
            size.bytes = size.bytes.saturating_add(part.bytes);
            size.memories = size.memories.saturating_add(part.memories);
            size.tables = size.tables.saturating_add(part.tables);
            size.instances = size.instances.saturating_add(part.instances).saturating_add(1);
            size.open |= part.open;
        }
        size
    }
}

fn is_code(kind: ComponentExternalKind) -> bool {
    matches!(kind, ComponentExternalKind::Module | ComponentExternalKind::Component)
}

//! What a package takes up before it runs (core.md 4.6): the file as a tree, and a sum over what each part instantiates.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Encoding,
    Instance, Parser, Payload, Result,
};

/// A module or a component that is being read, or was.
#[derive(Default)]
struct Part {
    is_component: bool,
    /// Its own memories and tables, and after its end those of all that it instantiates.
    bytes: u64,
    modules: Vec<u64>,
    components: Vec<u64>,
}

/// All memories in bytes, and 8 bytes for each element of all tables. None if modules are handed around by alias, import or export
/// inside of a component, so that only a runtime can follow them.
pub(super) fn of(bytes: &[u8]) -> Option<u64> {
    count(bytes).ok().flatten()
}

fn count(bytes: &[u8]) -> Result<Option<u64>> {
    let mut open: Vec<Part> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding, .. } => {
                open.push(Part { is_component: encoding == Encoding::Component, ..Part::default() });
            }
            Payload::End(_) => {
                let closed = open.pop().unwrap_or_default();
                match open.last_mut() {
                    Some(outer) if closed.is_component => outer.components.push(closed.bytes),
                    Some(outer) => outer.modules.push(closed.bytes),
                    None => return Ok(Some(closed.bytes)),
                }
            }
            payload => {
                let Some(part) = open.last_mut() else { continue };
                match part.note(payload)? {
                    Some(more) => part.bytes = part.bytes.saturating_add(more),
                    None => return Ok(None),
                }
            }
        }
    }
    Ok(None)
}

impl Part {
    /// What a section adds; none if it hands code around.
    fn note(&self, payload: Payload<'_>) -> Result<Option<u64>> {
        let mut sum = Some(0_u64);
        let mut add = |more: Option<u64>| sum = sum.zip(more).map(|(sum, more)| sum.saturating_add(more));
        match payload {
            Payload::MemorySection(section) => {
                for memory in section {
                    add(Some(memory?.initial.saturating_mul(65_536)));
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    add(Some(table?.ty.initial.saturating_mul(8)));
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        add(self.modules.get(module_index as usize).copied());
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        add(self.components.get(component_index as usize).copied());
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    let code = match alias? {
                        ComponentAlias::InstanceExport { kind, .. } => is_code(kind),
                        ComponentAlias::Outer { kind, .. } => {
                            matches!(kind, ComponentOuterAliasKind::CoreModule | ComponentOuterAliasKind::Component)
                        }
                        ComponentAlias::CoreInstanceExport { .. } => false,
                    };
                    add((!code).then_some(0));
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let code = matches!(import?.ty, ComponentTypeRef::Module(_) | ComponentTypeRef::Component(_));
                    add((!code).then_some(0));
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    add((!is_code(export?.kind)).then_some(0));
                }
            }
            _ => {}
        }
        Ok(sum)
    }
}

fn is_code(kind: ComponentExternalKind) -> bool {
    matches!(kind, ComponentExternalKind::Module | ComponentExternalKind::Component)
}

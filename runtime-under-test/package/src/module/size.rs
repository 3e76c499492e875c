//! How much a package takes up before it runs: every memory and table of every core module that it instantiates.
//!
//! A component says in its own instructions what it instantiates, and components nest. This counts along, without
//! running anything: what is defined in the file is known, and reached by index through any number of aliases. What one
//! component hands to another one as an argument is not followed, and makes the count fail, never too small.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Encoding,
    Instance, Payload,
};

/// The initial size of what is instantiated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// All memories, in bytes.
    pub memory_bytes: u64,
    /// All tables, in elements.
    pub table_elements: u64,
    /// Memories.
    pub memories: u64,
    /// Tables.
    pub tables: u64,
    /// Instances of core modules and of components, the package itself aside.
    pub instances: u64,
    /// Whether something was instantiated of which the size is not known.
    pub uncounted: bool,
}

const PAGE_BYTES: u64 = 65536;
/// Each table element counts as this many bytes (core.md 4.6).
const ELEMENT_BYTES: u64 = 8;

impl Size {
    /// Memories and tables together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.memory_bytes.saturating_add(self.table_elements.saturating_mul(ELEMENT_BYTES))
    }

    /// With one instance of `part` more; `None` is one that is not known.
    fn with(self, part: Option<Size>) -> Size {
        let part = part.unwrap_or(Size { uncounted: true, ..Size::default() });
        Size {
            memory_bytes: self.memory_bytes.saturating_add(part.memory_bytes),
            table_elements: self.table_elements.saturating_add(part.table_elements),
            memories: self.memories.saturating_add(part.memories),
            tables: self.tables.saturating_add(part.tables),
            instances: self.instances.saturating_add(part.instances).saturating_add(1),
            uncounted: self.uncounted | part.uncounted,
        }
    }
}

/// The modules and components that are being read, outermost first.
#[derive(Debug, Default)]
pub(super) struct Count {
    open: Vec<Frame>,
}

/// One module or component: what an instance of it takes, and what its indices stand for.
#[derive(Debug)]
struct Frame {
    is_component: bool,
    size: Size,
    modules: Vec<Option<Size>>,
    components: Vec<Option<Size>>,
}

impl Count {
    /// How many modules and components are open; 1 is the file itself.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Takes note of a payload that the validator has accepted. At the end of the file, its size.
    pub fn note(&mut self, payload: &Payload<'_>) -> wasmparser::Result<Option<Size>> {
        match payload {
            Payload::Version { encoding, .. } => self.open.push(Frame {
                is_component: *encoding == Encoding::Component,
                size: Size::default(),
                modules: Vec::new(),
                components: Vec::new(),
            }),
            Payload::End(_) => return Ok(self.close()),
            payload => {
                if let Some((frame, outer)) = self.open.split_last_mut() {
                    frame.note(payload, outer)?;
                }
            }
        }
        Ok(None)
    }

    /// Ends the innermost one, and makes it known to the one around it.
    fn close(&mut self) -> Option<Size> {
        let closed = self.open.pop()?;
        match self.open.last_mut() {
            Some(outer) if closed.is_component => outer.components.push(Some(closed.size)),
            Some(outer) => outer.modules.push(Some(closed.size)),
            None => return Some(closed.size),
        }
        None
    }
}

impl Frame {
    fn note(&mut self, payload: &Payload<'_>, outer: &[Frame]) -> wasmparser::Result<()> {
        match payload {
            Payload::MemorySection(memories) => {
                self.size.memories = self.size.memories.saturating_add(u64::from(memories.count()));
                for memory in memories.clone() {
                    let bytes = memory?.initial.saturating_mul(PAGE_BYTES);
                    self.size.memory_bytes = self.size.memory_bytes.saturating_add(bytes);
                }
            }
            Payload::TableSection(tables) => {
                self.size.tables = self.size.tables.saturating_add(u64::from(tables.count()));
                for table in tables.clone() {
                    self.size.table_elements = self.size.table_elements.saturating_add(table?.ty.initial);
                }
            }
            Payload::InstanceSection(instances) => {
                for instance in instances.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        self.size = self.size.with(at(&self.modules, module_index));
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        self.size = self.size.with(at(&self.components, component_index));
                    }
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases.clone() {
                    self.alias(&alias?, outer);
                }
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    match import?.ty {
                        ComponentTypeRef::Module(_) => self.modules.push(None),
                        ComponentTypeRef::Component(_) => self.components.push(None),
                        _ => {}
                    }
                }
            }
            // An export makes a new index for what it exports.
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone() {
                    let export = export?;
                    match export.kind {
                        ComponentExternalKind::Module => self.modules.push(at(&self.modules, export.index)),
                        ComponentExternalKind::Component => self.components.push(at(&self.components, export.index)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>, outer: &[Frame]) {
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => self.modules.push(None),
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => self.components.push(None),
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                let found = self.enclosing(*count, outer).and_then(|frame| at(&frame.modules, *index));
                self.modules.push(found);
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let found = self.enclosing(*count, outer).and_then(|frame| at(&frame.components, *index));
                self.components.push(found);
            }
            _ => {}
        }
    }

    /// The component `count` levels out; 0 is this one.
    fn enclosing<'a>(&'a self, count: u32, outer: &'a [Frame]) -> Option<&'a Frame> {
        match count.checked_sub(1) {
            None => Some(self),
            Some(further) => outer.iter().rev().nth(usize::try_from(further).ok()?),
        }
    }
}

fn at(sizes: &[Option<Size>], index: u32) -> Option<Size> {
    sizes.get(usize::try_from(index).ok()?).copied().flatten()
}

#[cfg(test)]
mod tests {
    use wasmparser::WasmFeatures;

    use crate::{
        Bounds,
        module::{Size, inspect},
    };

    const MODULE: &str = "(core module $m (memory 3) (table 10 funcref))";
    const BYTES: u64 = 3 * 65536 + 80;

    fn size(text: &str) -> Size {
        let bytes = wat::parse_str(text).expect(text);
        let features = WasmFeatures::WASM2.union(WasmFeatures::COMPONENT_MODEL);
        inspect(&bytes, features, &Bounds::default()).expect(text).size
    }

    #[test]
    fn a_core_module_is_its_memories_and_tables() {
        assert_eq!(size("(module (memory 3) (table 10 funcref))").bytes(), BYTES);
    }

    #[test]
    fn a_core_module_counts_once_for_each_instance() {
        let instance = "(core instance (instantiate $m))";
        assert_eq!(size(&format!("(component {MODULE})")).bytes(), 0);
        assert_eq!(size(&format!("(component {MODULE} {instance})")).bytes(), BYTES);
        assert_eq!(size(&format!("(component {MODULE} {instance} {instance} {instance})")).bytes(), 3 * BYTES);
    }

    #[test]
    fn a_nested_component_counts_once_for_each_instance() {
        let instance = "(core instance (instantiate $m))";
        let nested = format!("(component $c {MODULE} {instance} {instance})");
        let text = format!("(component {nested} (instance (instantiate $c)) (instance (instantiate $c)))");
        assert_eq!(size(&text).bytes(), 4 * BYTES);
    }

    #[test]
    fn an_outer_alias_is_what_it_names() {
        let nested = "(component $c (alias outer 1 $m (core module $n)) (core instance (instantiate $n)))";
        assert_eq!(size(&format!("(component {MODULE} {nested} (instance (instantiate $c)))")).bytes(), BYTES);
    }

    #[test]
    fn what_is_handed_over_is_not_counted_and_said_to_be() {
        let nested = r#"(component $c (import "m" (core module $n)) (core instance (instantiate $n)))"#;
        let instance = r#"(instance (instantiate $c (with "m" (core module $m))))"#;
        assert!(size(&format!("(component {MODULE} {nested} {instance})")).uncounted);
        assert!(!size(&format!("(component {MODULE} (core instance (instantiate $m)))")).uncounted);
    }

    #[test]
    fn doubling_at_each_level_ends_at_the_largest_number_instead_of_in_an_overflow() {
        let mut text = format!("(component $c {MODULE} (core instance (instantiate $m)))");
        for _ in 0..70 {
            text = format!("(component $c {text} (instance (instantiate $c)) (instance (instantiate $c)))");
        }
        let size = size(&text);
        assert_eq!((size.bytes(), size.instances), (u64::MAX, u64::MAX));
    }
}

//! What it would cost to make a module ready (core.md 4.7 to 4.9), counted ahead of everything that could be made to
//! take long: validation included.

use wasmparser::{
    ComponentType, ComponentTypeDeclaration, CompositeInnerType, CoreType, ElementItems, FuncValidator, FunctionBody,
    InstanceTypeDeclaration, Operator, OperatorsReader, Payload, Result, WasmModuleResources,
};

use crate::Bounds;

/// What one entry of a section costs.
const ENTRY: u64 = 1000;
/// What one byte of a function costs.
const BYTE: u64 = 8;
/// How many branches a loop is worth.
const LOOP: u64 = 64;

/// A running count, and the bounds that it is held against.
#[derive(Debug)]
pub(super) struct Cost<'a> {
    bounds: &'a Bounds,
    spent: u64,
    component_entries: u64,
    /// The most parameters and results together of a type of the core module that is being read.
    widest: u64,
}

/// The name of the bound that is passed, or none.
type Passed = Option<&'static str>;

impl<'a> Cost<'a> {
    pub fn new(bounds: &'a Bounds) -> Self {
        Self { bounds, spent: 0, component_entries: 0, widest: 0 }
    }

    /// Counts the entries of a section, before the validator sees it.
    pub fn note(&mut self, payload: &Payload<'_>) -> Result<Passed> {
        match payload {
            Payload::Version { .. } => self.widest = 0,
            Payload::TypeSection(types) => {
                self.entries(types.count());
                // Types that are no functions are for the validator to refuse.
                for group in types.clone() {
                    for ty in group?.types() {
                        if let CompositeInnerType::Func(ty) = &ty.composite_type.inner {
                            self.widest = self.widest.max((ty.params().len() + ty.results().len()) as u64);
                        }
                    }
                }
            }
            Payload::ImportSection(section) => self.entries(section.count()),
            Payload::FunctionSection(section) => self.entries(section.count()),
            Payload::TableSection(section) => self.entries(section.count()),
            Payload::MemorySection(section) => self.entries(section.count()),
            Payload::GlobalSection(section) => self.entries(section.count()),
            Payload::ExportSection(section) => self.entries(section.count()),
            Payload::DataSection(section) => self.entries(section.count()),
            Payload::ElementSection(section) => {
                self.entries(section.count());
                for segment in section.clone() {
                    match segment?.items {
                        ElementItems::Functions(items) => self.entries(items.count()),
                        ElementItems::Expressions(_, items) => self.entries(items.count()),
                    }
                }
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => self.component_entries += 1,
            Payload::InstanceSection(section) => self.component_entries(section.count()),
            Payload::CoreTypeSection(section) => {
                for ty in section.clone() {
                    self.component_entries += core_type(&ty?);
                }
            }
            Payload::ComponentInstanceSection(section) => self.component_entries(section.count()),
            Payload::ComponentAliasSection(section) => self.component_entries(section.count()),
            Payload::ComponentTypeSection(section) => {
                for ty in section.clone() {
                    self.component_entries += component_type(&ty?);
                }
            }
            Payload::ComponentCanonicalSection(section) => self.component_entries(section.count()),
            Payload::ComponentImportSection(section) => self.component_entries(section.count()),
            Payload::ComponentExportSection(section) => self.component_entries(section.count()),
            _ => {}
        }
        Ok(self.passed())
    }

    /// Validates a function, as far as its cost and its nesting keep within the bounds.
    pub fn function<T: WasmModuleResources>(
        &mut self,
        validator: &mut FuncValidator<T>,
        body: &FunctionBody<'_>,
    ) -> Result<Passed> {
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader)?;
        let mut reader = OperatorsReader::new(reader);
        let values = self.widest + u64::from(validator.len_locals());
        let bytes = BYTE * (body.range().end - body.range().start);
        let (mut highest, mut branches, mut loops) = (0, 1, 0);
        // Whether each of the open blocks is a loop.
        let (mut open, mut open_loops) = (Vec::new(), 0);
        let before = self.spent;
        while !reader.eof() {
            let offset = reader.original_position();
            let operator = reader.read()?;
            match &operator {
                Operator::Block { .. } | Operator::If { .. } => open.push(false),
                Operator::Loop { .. } => open.push(true),
                Operator::End => open_loops -= u64::from(open.pop().unwrap_or_default()),
                _ => {}
            }
            match &operator {
                Operator::Loop { .. } => (loops, open_loops) = (loops + 1, open_loops + 1),
                Operator::BrTable { targets } => branches += u64::from(targets.len()) + 1,
                Operator::Block { .. }
                | Operator::If { .. }
                | Operator::Else
                | Operator::Br { .. }
                | Operator::BrIf { .. }
                | Operator::Return
                | Operator::Call { .. }
                | Operator::CallIndirect { .. } => branches += 1,
                _ => {}
            }
            if open.len() as u64 > self.bounds.block_depth {
                return Ok(Some("block_depth"));
            }
            if open_loops > self.bounds.loop_depth {
                return Ok(Some("loop_depth"));
            }
            let work = (values + highest).saturating_mul(branches + LOOP * loops);
            self.spent = before.saturating_add(bytes).saturating_add(work);
            if let Some(bound) = self.passed() {
                return Ok(Some(bound));
            }
            validator.op(offset, &operator)?;
            highest = highest.max(u64::from(validator.operand_stack_height()));
        }
        reader.finish()?;
        let work = (values + highest).saturating_mul(branches + LOOP * loops);
        self.spent = before.saturating_add(bytes).saturating_add(work);
        Ok(self.passed())
    }

    fn entries(&mut self, count: u32) {
        self.spent = self.spent.saturating_add(ENTRY * u64::from(count));
    }

    fn component_entries(&mut self, count: u32) {
        self.component_entries += u64::from(count);
    }

    fn passed(&self) -> Passed {
        if self.spent > self.bounds.module_cost {
            Some("module_cost")
        } else if self.component_entries > self.bounds.component_entries {
            Some("component_entries")
        } else {
            None
        }
    }
}

/// A type and what is declared inside it.
fn component_type(ty: &ComponentType<'_>) -> u64 {
    1 + match ty {
        ComponentType::Component(inside) => inside
            .iter()
            .map(|declared| match declared {
                ComponentTypeDeclaration::Type(ty) => component_type(ty),
                ComponentTypeDeclaration::CoreType(ty) => core_type(ty),
                _ => 1,
            })
            .sum(),
        ComponentType::Instance(inside) => inside
            .iter()
            .map(|declared| match declared {
                InstanceTypeDeclaration::Type(ty) => component_type(ty),
                InstanceTypeDeclaration::CoreType(ty) => core_type(ty),
                _ => 1,
            })
            .sum(),
        _ => 0,
    }
}

fn core_type(ty: &CoreType<'_>) -> u64 {
    match ty {
        CoreType::Module(inside) => 1 + inside.len() as u64,
        CoreType::Rec(_) => 1,
    }
}

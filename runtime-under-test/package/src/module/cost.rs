//! What it would cost to make a module ready (core.md 4.7 to 4.9), counted ahead of everything that could be made to
//! take long: validation included.

use wasmparser::{
    BinaryReader, ComponentType, ComponentTypeDeclaration, CompositeInnerType, CoreType, ElementItems, FuncValidator,
    FunctionBody, InstanceTypeDeclaration, Payload, Result, WasmModuleResources,
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
        validator.read_locals(&mut body.get_binary_reader())?;
        let mut reader = body.get_binary_reader_for_operators()?;
        let before = self.spent.saturating_add(BYTE * (body.range().end - body.range().start));
        let mut flow = Flow::new(self.widest + u64::from(validator.len_locals()));
        self.spent = before.saturating_add(flow.work());
        let start = body.range().start;
        while !reader.eof() {
            let offset = reader.original_position();
            let mut costs_more = false;
            if usize::try_from(offset - start).is_ok_and(|at| code::counts(body.as_bytes().get(at))) {
                costs_more = flow.note(reader.clone())?;
                if let Some(bound) = flow.passed(self.bounds) {
                    return Ok(Some(bound));
                }
            }
            reader.visit_operator(&mut validator.visitor(offset))??;
            costs_more |= flow.values_on_the_stack(validator.operand_stack_height());
            if costs_more {
                self.spent = before.saturating_add(flow.work());
                if let Some(bound) = self.passed() {
                    return Ok(Some(bound));
                }
            }
        }
        reader.finish_expression(&validator.visitor(reader.original_position()))?;
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

/// What is known of a function up to one of its operators.
#[derive(Debug)]
struct Flow {
    /// Its locals, and the widest type of the module.
    values: u64,
    /// The most values that lay on the operand stack at once.
    highest: u64,
    branches: u64,
    loops: u64,
    /// Whether each of the open blocks is a loop.
    open: Vec<bool>,
    open_loops: u64,
}

/// The first bytes of the operators that count. All others begin with another one.
mod code {
    pub const BLOCK: u8 = 0x02;
    pub const LOOP: u8 = 0x03;
    pub const IF: u8 = 0x04;
    pub const ELSE: u8 = 0x05;
    pub const END: u8 = 0x0b;
    pub const BR: u8 = 0x0c;
    pub const BR_IF: u8 = 0x0d;
    pub const BR_TABLE: u8 = 0x0e;
    pub const RETURN: u8 = 0x0f;
    pub const CALL: u8 = 0x10;
    pub const CALL_INDIRECT: u8 = 0x11;

    /// Whether an operator that begins so may count. Most do not, and this is asked for each.
    pub fn counts(first: Option<&u8>) -> bool {
        first.is_some_and(|first| (BLOCK..=CALL_INDIRECT).contains(first))
    }
}

impl Flow {
    fn new(values: u64) -> Self {
        Self { values, highest: 0, branches: 1, loops: 0, open: Vec::new(), open_loops: 0 }
    }

    /// Counts the operator that begins here, by its first byte: decoding it is left to the validator, or all would be
    /// decoded twice. Whether it costs anything but its bytes.
    fn note(&mut self, mut operator: BinaryReader<'_>) -> Result<bool> {
        match operator.read_u8()? {
            code::BLOCK | code::IF => {
                self.open.push(false);
                self.branches += 1;
            }
            code::LOOP => {
                self.open.push(true);
                self.open_loops += 1;
                self.loops += 1;
            }
            code::END => {
                self.open_loops -= u64::from(self.open.pop().unwrap_or_default());
                return Ok(false);
            }
            code::BR_TABLE => {
                // As many as there can be: a number that is larger than the bytes behind it is for the validator to refuse.
                let targets = u64::from(operator.read_var_u32()?).min(operator.bytes_remaining() as u64);
                self.branches += targets + 1;
            }
            code::ELSE | code::BR | code::BR_IF | code::RETURN | code::CALL | code::CALL_INDIRECT => {
                self.branches += 1;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes note of the height of the operand stack; whether it is a new one.
    fn values_on_the_stack(&mut self, height: u32) -> bool {
        let higher = u64::from(height) > self.highest;
        self.highest = self.highest.max(u64::from(height));
        higher
    }

    fn work(&self) -> u64 {
        (self.values + self.highest).saturating_mul(self.branches + LOOP * self.loops)
    }

    fn passed(&self, bounds: &Bounds) -> Passed {
        if self.open.len() as u64 > bounds.block_depth {
            Some("block_depth")
        } else if self.open_loops > bounds.loop_depth {
            Some("loop_depth")
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

//! What it costs to make a module ready (core.md 4.7 to 4.9): counted over the whole file, however it is nested.

use wasmparser::{
    ComponentType, ComponentTypeDeclaration, CoreType, ElementItems, FuncToValidate, FuncValidatorAllocations,
    FunctionBody, InstanceTypeDeclaration, Operator, Parser, Payload, Result, ValidPayload, Validator,
    ValidatorResources, WasmFeatures,
};

/// What an entry of a section of a core module costs, and an element of an element segment.
const ENTRY: u64 = 1000;
/// What a byte of code costs.
const CODE_BYTE: u64 = 8;
/// How many times over what it can branch to a loop counts.
const LOOP: u64 = 64;

/// The figures that are bounded.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// `bounds.module_cost`
    pub units: u64,
    /// `bounds.block_depth`
    pub blocks: u64,
    /// `bounds.loop_depth`
    pub loops: u64,
    /// `bounds.component_entries`
    pub entries: u64,
}

/// Counts a module that is valid with these features.
///
/// # Errors
/// What wasmparser says if it is not.
pub(super) fn of(bytes: &[u8], features: WasmFeatures) -> Result<Cost> {
    let mut cost = Cost::default();
    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    // The widest type of the core module that is being read; its functions come after all of its types.
    let mut widest = 0;
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        match &payload {
            Payload::Version { .. } => widest = 0,
            Payload::TypeSection(types) => {
                for ty in types.clone().into_iter_err_on_gc_types() {
                    let ty = ty?;
                    widest = widest.max((ty.params().len() + ty.results().len()) as u64);
                }
            }
            _ => {}
        }
        cost.units = cost.units.saturating_add(ENTRY.saturating_mul(entries_of_module(&payload)?));
        cost.entries = cost.entries.saturating_add(entries_of_component(&payload)?);
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            cost.function(function, &body, widest)?;
        }
    }
    Ok(cost)
}

impl Cost {
    fn function(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        widest: u64,
    ) -> Result<()> {
        let mut validator = function.into_validator(FuncValidatorAllocations::default());
        validator.read_locals(&mut body.get_binary_reader())?;
        let (mut targets, mut loops, mut height) = (1_u64, 0_u64, 0_u64);
        // How many loops are open where a block begins.
        let mut open = vec![0_u64];
        for operator in body.get_operators_reader()?.into_iter_with_offsets() {
            let (operator, offset) = operator?;
            let around = open.last().copied().unwrap_or_default();
            match &operator {
                Operator::Loop { .. } => {
                    loops += 1;
                    open.push(around + 1);
                }
                Operator::Block { .. } | Operator::If { .. } => {
                    targets += 1;
                    open.push(around);
                }
                Operator::End => drop(open.pop()),
                Operator::Else
                | Operator::Br { .. }
                | Operator::BrIf { .. }
                | Operator::Return
                | Operator::Call { .. }
                | Operator::CallIndirect { .. } => targets += 1,
                Operator::BrTable { targets: labels } => targets += u64::from(labels.len()) + 1,
                _ => {}
            }
            self.blocks = self.blocks.max((open.len() as u64).saturating_sub(1));
            self.loops = self.loops.max(open.last().copied().unwrap_or_default());
            validator.op(offset, &operator)?;
            height = height.max(validator.operand_stack_height().into());
        }
        let values = u64::from(validator.len_locals()) + height + widest;
        let code = CODE_BYTE.saturating_mul(body.range().end - body.range().start);
        let paths = targets.saturating_add(LOOP.saturating_mul(loops));
        self.units = self.units.saturating_add(code).saturating_add(values.saturating_mul(paths));
        Ok(())
    }
}

fn entries_of_module(payload: &Payload<'_>) -> Result<u64> {
    let count = match payload {
        Payload::TypeSection(section) => section.count(),
        Payload::ImportSection(section) => section.count(),
        Payload::FunctionSection(section) => section.count(),
        Payload::TableSection(section) => section.count(),
        Payload::MemorySection(section) => section.count(),
        Payload::GlobalSection(section) => section.count(),
        Payload::ExportSection(section) => section.count(),
        Payload::DataSection(section) => section.count(),
        Payload::ElementSection(section) => {
            let elements = section.clone().into_iter().map(|segment| {
                segment.map(|segment| match segment.items {
                    ElementItems::Functions(items) => items.count(),
                    ElementItems::Expressions(_, items) => items.count(),
                })
            });
            section.count().saturating_add(elements.sum::<Result<u32>>()?)
        }
        _ => 0,
    };
    Ok(count.into())
}

fn entries_of_component(payload: &Payload<'_>) -> Result<u64> {
    let count = match payload {
        Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => 1,
        Payload::InstanceSection(section) => section.count(),
        Payload::ComponentInstanceSection(section) => section.count(),
        Payload::ComponentAliasSection(section) => section.count(),
        Payload::ComponentCanonicalSection(section) => section.count(),
        Payload::ComponentImportSection(section) => section.count(),
        Payload::ComponentExportSection(section) => section.count(),
        Payload::CoreTypeSection(section) => {
            return section.clone().into_iter().map(|ty| ty.map(|ty| of_core(&ty))).sum();
        }
        Payload::ComponentTypeSection(section) => {
            return section.clone().into_iter().map(|ty| ty.map(|ty| of_type(&ty))).sum();
        }
        _ => 0,
    };
    Ok(count.into())
}

/// A type is one entry, and what it declares inside are more.
fn of_type(ty: &ComponentType<'_>) -> u64 {
    let inside: u64 = match ty {
        ComponentType::Component(declarations) => declarations
            .iter()
            .map(|declaration| match declaration {
                ComponentTypeDeclaration::Type(ty) => of_type(ty),
                ComponentTypeDeclaration::CoreType(ty) => of_core(ty),
                _ => 1,
            })
            .sum(),
        ComponentType::Instance(declarations) => declarations
            .iter()
            .map(|declaration| match declaration {
                InstanceTypeDeclaration::Type(ty) => of_type(ty),
                InstanceTypeDeclaration::CoreType(ty) => of_core(ty),
                _ => 1,
            })
            .sum(),
        _ => 0,
    };
    inside + 1
}

fn of_core(ty: &CoreType<'_>) -> u64 {
    match ty {
        CoreType::Module(declarations) => declarations.len() as u64 + 1,
        CoreType::Rec(_) => 1,
    }
}

//! What a valid module costs (core.md 4.7 to 4.9): one sum over the file, however it is nested.

use wasmparser::{
    ComponentType, ComponentTypeDeclaration, CompositeInnerType, CoreType, ElementItems, FunctionBody,
    InstanceTypeDeclaration, Operator, Parser, Payload, Result, ValidPayload, Validator, WasmFeatures,
    WasmModuleResources,
};

/// The figures that discovery bounds.
#[derive(Debug, Default)]
pub(super) struct Cost {
    /// 4.7
    pub units: u64,
    /// 4.8: the most blocks, loops and ifs open at once.
    pub blocks: u64,
    /// 4.8: the most loops open at once.
    pub loops: u64,
    /// 4.9
    pub entries: u64,
}

/// Counts a module that is valid.
pub(super) fn of(bytes: &[u8], features: WasmFeatures) -> Result<Cost> {
    let mut validator = Validator::new_with_features(features);
    let mut cost = Cost::default();
    let mut widest = 0;
    let mut parser = Parser::new(0);
    parser.set_features(features);
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        cost.units += 1000 * core_entries(&payload)?;
        cost.entries += component_entries(&payload)?;
        match &payload {
            Payload::Version { .. } => widest = 0,
            Payload::TypeSection(section) => {
                for group in section.clone() {
                    for ty in group?.types() {
                        if let CompositeInnerType::Func(ty) = &ty.composite_type.inner {
                            widest = widest.max(ty.params().len() + ty.results().len());
                        }
                    }
                }
            }
            _ => {}
        }
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            let validator = function.into_validator(Default::default());
            cost.function(validator, &body, widest as u64)?;
        }
    }
    Ok(cost)
}

impl Cost {
    fn function<T: WasmModuleResources>(
        &mut self,
        mut validator: wasmparser::FuncValidator<T>,
        body: &FunctionBody<'_>,
        widest: u64,
    ) -> Result<()> {
        validator.read_locals(&mut body.get_binary_reader())?;
        let (mut branches, mut loops, mut height) = (1_u64, 0_u64, 0_u32);
        let mut open: Vec<bool> = Vec::new();
        for read in body.get_operators_reader()?.into_iter_with_offsets() {
            let (operator, offset) = read?;
            match &operator {
                Operator::Loop { .. } => loops += 1,
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
            match &operator {
                Operator::Block { .. } | Operator::If { .. } => open.push(false),
                Operator::Loop { .. } => open.push(true),
                Operator::End => {
                    open.pop();
                }
                _ => {}
            }
            self.blocks = self.blocks.max(open.len() as u64);
            self.loops = self.loops.max(open.iter().filter(|is_loop| **is_loop).count() as u64);
            validator.op(offset, &operator)?;
            height = height.max(validator.operand_stack_height());
        }
        let variables = u64::from(validator.len_locals()) + u64::from(height) + widest;
        let range = body.range();
        let bytes = range.end - range.start;
        self.units = self.units.saturating_add(8 * bytes + variables * (branches + 64 * loops));
        Ok(())
    }
}

/// Entries of the sections of a core module, and items of its element segments.
fn core_entries(payload: &Payload<'_>) -> Result<u64> {
    Ok(u64::from(match payload {
        Payload::TypeSection(section) => section.count(),
        Payload::ImportSection(section) => section.count(),
        Payload::FunctionSection(section) => section.count(),
        Payload::TableSection(section) => section.count(),
        Payload::MemorySection(section) => section.count(),
        Payload::GlobalSection(section) => section.count(),
        Payload::ExportSection(section) => section.count(),
        Payload::DataSection(section) => section.count(),
        Payload::ElementSection(section) => {
            let mut count = section.count();
            for segment in section.clone() {
                count += match segment?.items {
                    ElementItems::Functions(items) => items.count(),
                    ElementItems::Expressions(_, items) => items.count(),
                };
            }
            count
        }
        _ => 0,
    }))
}

/// Entries of the sections of a component.
fn component_entries(payload: &Payload<'_>) -> Result<u64> {
    Ok(match payload {
        Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => 1,
        Payload::InstanceSection(section) => section.count().into(),
        Payload::ComponentInstanceSection(section) => section.count().into(),
        Payload::ComponentAliasSection(section) => section.count().into(),
        Payload::ComponentCanonicalSection(section) => section.count().into(),
        Payload::ComponentImportSection(section) => section.count().into(),
        Payload::ComponentExportSection(section) => section.count().into(),
        Payload::CoreTypeSection(section) => {
            section.clone().into_iter().map(|ty| ty.map(|ty| core_type(&ty))).sum::<Result<u64>>()?
        }
        Payload::ComponentTypeSection(section) => {
            section.clone().into_iter().map(|ty| ty.map(|ty| component_type(&ty))).sum::<Result<u64>>()?
        }
        _ => 0,
    })
}

fn core_type(ty: &CoreType<'_>) -> u64 {
    match ty {
        CoreType::Module(declarations) => 1 + declarations.len() as u64,
        CoreType::Rec(_) => 1,
    }
}

fn component_type(ty: &ComponentType<'_>) -> u64 {
    let mut count = 1;
    match ty {
        ComponentType::Component(declarations) => {
            for declaration in declarations {
                count += match declaration {
                    ComponentTypeDeclaration::Type(ty) => component_type(ty),
                    ComponentTypeDeclaration::CoreType(ty) => core_type(ty),
                    _ => 1,
                };
            }
        }
        ComponentType::Instance(declarations) => {
            for declaration in declarations {
                count += match declaration {
                    InstanceTypeDeclaration::Type(ty) => component_type(ty),
                    InstanceTypeDeclaration::CoreType(ty) => core_type(ty),
                    _ => 1,
                };
            }
        }
        _ => {}
    }
    count
}

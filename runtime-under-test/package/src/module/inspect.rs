//! One pass over the bytes of a module: validation, and everything that the rules want to know.

use wasmparser::{FuncValidatorAllocations, Parser, Payload, Result, ValidPayload, Validator, WasmFeatures};

use super::{ModuleFacts, component, core, cost::Cost, size::Count};
use crate::Bounds;

/// Validates a core module or a component, and says what it imports, exports and takes up. Reading ends where it passes
/// one of the bounds of its cost: then nothing but that is known.
///
/// # Errors
/// Where and why it is not valid with these features.
pub(crate) fn inspect(bytes: &[u8], features: WasmFeatures, bounds: &Bounds) -> Result<ModuleFacts> {
    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut allocations = FuncValidatorAllocations::default();
    let mut count = Count::default();
    let mut cost = Cost::new(bounds);
    let mut facts = ModuleFacts::default();
    // Names of the imports of a component itself, in order; its types are complete only at its end.
    let mut imports = Vec::new();
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        if let Some(bound) = cost.note(&payload)? {
            return Ok(ModuleFacts::too_costly(bound));
        }
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => {
                let mut validator = function.into_validator(allocations);
                if let Some(bound) = cost.function(&mut validator, &body)? {
                    return Ok(ModuleFacts::too_costly(bound));
                }
                allocations = validator.into_allocations();
                continue;
            }
            ValidPayload::End(types) if count.depth() == 1 => {
                core::note(types.as_ref(), &mut facts);
                component::note(types.as_ref(), &imports, &mut facts);
            }
            _ => {}
        }
        if let Payload::ComponentImportSection(section) = &payload
            && count.depth() == 1
        {
            for import in section.clone() {
                imports.push(import?.name.name);
            }
        }
        if let Some(size) = count.note(&payload)? {
            facts.size = size;
        }
    }
    Ok(facts)
}

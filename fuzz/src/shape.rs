//! The shape of a handler, as modules that wasm-smith takes exports and imports from.

use std::sync::LazyLock;

use assay_fixtures::{Behaviour, Recipe};
use wasm_encoder::{EntityType, ImportSection, Module, TypeSection, ValType};

/// A module with the exports of a handler, which is one itself: an echo.
pub static EXPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| Recipe::new("a.b", Behaviour::Echo).build().module);

/// A module with these imports: module, field, and how many parameters of 32 bits the function has.
pub fn imports(functions: &[(&str, &str, usize)]) -> Vec<u8> {
    let mut types = TypeSection::new();
    let mut imports = ImportSection::new();
    for (number, &(module, field, parameters)) in (0..).zip(functions) {
        types.ty().function(vec![ValType::I32; parameters], []);
        imports.import(module, field, EntityType::Function(number));
    }
    let mut module = Module::new();
    module.section(&types).section(&imports);
    module.finish()
}

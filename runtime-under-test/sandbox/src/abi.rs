//! The two packagings of the one world (core.md, section 10).

/// How a module meets the interface of handler.wit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Abi {
    /// A core module with the canonical-ABI lowering of the world.
    Core,
    /// A component of the world.
    Component,
}

//! Core modules that no fixture makes: each breaks one thing that only a hostile author would.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, HeapType, ImportSection, InstructionSink, MemorySection, MemoryType, Module, RefType, StartSection,
    TableSection, TableType, TypeSection, ValType,
};

/// Where the result of `handle` lies, and with it an output of no bytes.
const RESULT: i32 = 1024;

/// Types, by index.
const NOTHING: u32 = 0;
const WRITE: u32 = 1;
const REALLOC: u32 = 2;
const HANDLE: u32 = 3;
const POST: u32 = 4;

/// Functions, by index: the one import comes first.
pub const LOG_WRITE: u32 = 0;
const START: u32 = 4;

type Body = fn(&mut InstructionSink<'_>);

/// What the functions of a module do. By itself each does what is right, and `handle` returns an
/// output of no bytes.
pub struct HandMade {
    pub realloc: Body,
    pub handle: Body,
    pub post_handle: Body,
    pub start: Option<Body>,
    /// Whether there is a table of `externref` besides the one of functions.
    pub externref: bool,
}

impl HandMade {
    pub fn right() -> Self {
        HandMade {
            realloc: |code| {
                code.i32_const(4096);
            },
            handle: |code| {
                code.i32_const(RESULT);
            },
            post_handle: |_| {},
            start: None,
            externref: false,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        use ValType::{I32, I64};
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([I32; 3], []);
        types.ty().function([I32; 4], [I32]);
        types.ty().function([I32, I32, I32, I32, I32, I32, I32, I32, I64, I32, I32, I32, I32], [I32]);
        types.ty().function([I32], []);
        let mut imports = ImportSection::new();
        imports.import("assay:handler/log@0.1.0", "write", EntityType::Function(WRITE));
        let mut functions = FunctionSection::new();
        for ty in [REALLOC, HANDLE, POST, NOTHING] {
            functions.function(ty);
        }
        let mut tables = TableSection::new();
        tables.table(table(RefType::FUNCREF));
        if self.externref {
            tables.table(table(RefType { nullable: true, heap_type: HeapType::EXTERN }));
        }
        let mut memories = MemorySection::new();
        memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
        let mut globals = GlobalSection::new();
        let counter = GlobalType { val_type: I32, mutable: true, shared: false };
        globals.global(counter, &ConstExpr::i32_const(0));
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("cabi_realloc", ExportKind::Func, 1);
        exports.export("handle", ExportKind::Func, 2);
        exports.export("cabi_post_handle", ExportKind::Func, 3);
        let mut code = CodeSection::new();
        for body in [self.realloc, self.handle, self.post_handle, self.start.unwrap_or(|_| {})] {
            let mut function = Function::new([]);
            body(&mut function.instructions());
            function.instructions().end();
            code.function(&function);
        }
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&tables);
        module.section(&memories).section(&globals).section(&exports);
        if self.start.is_some() {
            module.section(&StartSection { function_index: START });
        }
        module.section(&code);
        module.finish()
    }
}

fn table(element_type: RefType) -> TableType {
    TableType { element_type, table64: false, minimum: 1, maximum: None, shared: false }
}

/// Loops without end.
pub fn endless(code: &mut InstructionSink<'_>) {
    code.loop_(BlockType::Empty).br(0).end();
}

/// Writes an empty line.
pub fn write_a_line(code: &mut InstructionSink<'_>) {
    code.i32_const(2).i32_const(0).i32_const(0).call(LOG_WRITE);
}

/// Returns the right result of `handle`.
pub fn return_the_result(code: &mut InstructionSink<'_>) {
    code.i32_const(RESULT);
}

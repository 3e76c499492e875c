//! The core packaging: the canonical ABI over plain functions and one memory (core.md, section 10).
//! A component runtime would do all this for us; a core module lets an engine without components
//! conform, and keeps us honest about what the ABI says.

mod imports;
mod lift;
mod lower;

use wasmtime::{
    AsContextMut, Extern, ExternType, FuncType, InstancePre, Linker, Memory, Module, ModuleExport, Store, TypedFunc,
    ValType, format_err,
};

use crate::call::{Arguments, Export, Returned};
use crate::host::Host;

pub(crate) use imports::linker;

/// The lowered parameters of `handle` and of `migrate`, in order: five strings or lists around `admitted-at`.
type HandleParams = (i32, i32, i32, i32, i32, i32, i32, i32, i64, i32, i32, i32, i32);
/// The parameters of `cabi_realloc`: old pointer, old size, alignment, new size.
type ReallocParams = (i32, i32, i32, i32);

/// A core module whose imports and exports fit.
pub(crate) struct CoreHandler {
    module: InstancePre<Host>,
    memory: ModuleExport,
    realloc: ModuleExport,
    handle: Exported,
    migrate: Option<Exported>,
}

/// A function of the world, and what cleans up after it.
struct Exported {
    function: ModuleExport,
    post: ModuleExport,
}

/// A fresh instance of it.
pub(crate) struct CoreInstance {
    memory: Memory,
    realloc: TypedFunc<ReallocParams, i32>,
    handle: Callable,
    migrate: Option<Box<Callable>>,
}

/// The same in an instance.
struct Callable {
    function: TypedFunc<HandleParams, i32>,
    post: TypedFunc<i32, ()>,
}

impl CoreHandler {
    /// Checks the imports, the four exports, and the two optional ones.
    pub(crate) fn new(linker: &Linker<Host>, module: &Module) -> wasmtime::Result<Self> {
        use ValType::{I32, I64};
        let engine = module.engine();
        let handle = [I32, I32, I32, I32, I32, I32, I32, I32, I64, I32, I32, I32, I32];
        let handle = FuncType::new(engine, handle, [I32]);
        let realloc = FuncType::new(engine, [I32, I32, I32, I32], [I32]);
        let post = FuncType::new(engine, [I32], []);
        let exported = |name: &str, post_name: &str| -> wasmtime::Result<Exported> {
            let function = function_export(module, name, &handle)?;
            Ok(Exported { function, post: function_export(module, post_name, &post)? })
        };
        Ok(CoreHandler {
            module: linker.instantiate_pre(module)?,
            memory: memory_export(module, "memory")?,
            realloc: function_export(module, "cabi_realloc", &realloc)?,
            handle: exported("handle", "cabi_post_handle")?,
            migrate: match module.get_export("migrate") {
                Some(_) => Some(exported("migrate", "cabi_post_migrate")?),
                None => None,
            },
        })
    }

    /// Whether it has the export `migrate`.
    pub(crate) fn migrates(&self) -> bool {
        self.migrate.is_some()
    }

    pub(crate) async fn instantiate(&self, store: &mut Store<Host>) -> wasmtime::Result<CoreInstance> {
        let instance = self.module.instantiate_async(&mut *store).await?;
        let mut export = |index: &ModuleExport| {
            let export = instance.get_module_export(&mut *store, index);
            export.ok_or_else(|| format_err!("an export is gone"))
        };
        let memory = export(&self.memory)?;
        let realloc = export(&self.realloc)?;
        let mut function = |exported: &Exported| -> wasmtime::Result<(Extern, Extern)> {
            Ok((export(&exported.function)?, export(&exported.post)?))
        };
        let handle = function(&self.handle)?;
        let migrate = self.migrate.as_ref().map(function).transpose()?;
        let not_a_function = || format_err!("an export is not a function");
        let callable = |(function, post): (Extern, Extern)| -> wasmtime::Result<Callable> {
            Ok(Callable {
                function: function.into_func().ok_or_else(not_a_function)?.typed(&*store)?,
                post: post.into_func().ok_or_else(not_a_function)?.typed(&*store)?,
            })
        };
        Ok(CoreInstance {
            memory: memory.into_memory().ok_or_else(|| format_err!("`memory` is no memory"))?,
            realloc: realloc.into_func().ok_or_else(not_a_function)?.typed(&*store)?,
            handle: callable(handle)?,
            migrate: migrate.map(callable).transpose()?.map(Box::new),
        })
    }
}

impl CoreInstance {
    /// Lowers the arguments, calls the export, lifts the result and lets the guest clean up.
    pub(crate) async fn call(&self, store: &mut Store<Host>, arguments: &Arguments) -> wasmtime::Result<Returned> {
        let (called, lift): (_, lift::Lift) = match arguments.export {
            Export::Handle => (Some(&self.handle), lift::returned),
            Export::Migrate => (self.migrate.as_deref(), lift::migrated),
        };
        let called = called.ok_or_else(|| format_err!("there is no such export"))?;
        let params = self.lower(store, arguments).await?;
        let pointer = called.function.call_async(&mut *store, params).await?;
        let (memory, host) = self.memory.data_and_store_mut(&mut *store);
        let returned = lift(memory, pointer, &|answer, length| host.admits(answer, length))?;
        host.may_leave = false;
        called.post.call_async(&mut *store, pointer).await?;
        store.data_mut().may_leave = true;
        Ok(returned)
    }

    /// Copies the arguments into memory that the guest allocates.
    async fn lower(&self, store: &mut Store<Host>, arguments: &Arguments) -> wasmtime::Result<HandleParams> {
        let context = &arguments.context;
        let mut heap = lower::Heap::new(store.as_context_mut(), self.memory, self.realloc.clone());
        let execution = heap.bytes(context.execution.as_bytes()).await?;
        let handler = heap.bytes(context.handler.as_bytes()).await?;
        let version = heap.bytes(context.version.as_bytes()).await?;
        let caller = heap.bytes(context.caller.as_bytes()).await?;
        let attributes = heap.pairs(context.attributes.iter()).await?;
        let input = heap.bytes(&arguments.input).await?;
        // An unsigned value travels in a signed one of the same bits.
        let admitted_at = context.admitted_at_ms.cast_signed();
        Ok((
            execution.0,
            execution.1,
            handler.0,
            handler.1,
            version.0,
            version.1,
            caller.0,
            caller.1,
            admitted_at,
            attributes.0,
            attributes.1,
            input.0,
            input.1,
        ))
    }
}

fn memory_export(module: &Module, name: &str) -> wasmtime::Result<ModuleExport> {
    match (module.get_export(name), module.get_export_index(name)) {
        (Some(ExternType::Memory(_)), Some(index)) => Ok(index),
        _ => Err(format_err!("the export `{name}` is not a memory")),
    }
}

fn function_export(module: &Module, name: &str, expected: &FuncType) -> wasmtime::Result<ModuleExport> {
    match (module.get_export(name), module.get_export_index(name)) {
        (Some(ExternType::Func(found)), Some(index)) if FuncType::eq(&found, expected) => Ok(index),
        _ => Err(format_err!("the export `{name}` is not a function of type {expected}")),
    }
}

//! The engine and its pool: which WebAssembly is understood, and how much of everything is set
//! aside, so that an execution that has a place never finds the pool empty.

use wasmtime::component;
use wasmtime::{
    Cache, CacheConfig, Collector, Config, Engine, InstanceAllocationStrategy, Linker, PoolingAllocationConfig,
};

use crate::error::StartError;
use crate::host::Host;
use crate::settings::Settings;
use crate::{component as component_abi, core_abi};

/// Core instances of one handler. A component of one module has three: the module, a shim and what
/// ties the two together. Instances are allocated when needed; this only bounds them.
const CORE_INSTANCES: u32 = 64;
/// Linear memories of one handler; each takes address space of [`Config::memory_reservation`].
const MEMORIES: u32 = 8;
/// The heap that Wasmtime gives a handler with `externref`; it comes out of the pool of memories.
const REFERENCE_HEAPS: u32 = 1;
/// Tables of one handler.
const TABLES: u32 = 16;
/// One stack to run on, and one for an allocation in the guest that a host function asks for.
const STACKS: u32 = 2;
/// Stack of a handler, in bytes: 2000 frames of a small function need a fifth of it (sandbox.md, 3.4).
pub(crate) const STACK_BYTES: usize = 512 << 10;
/// Metadata of one core instance and of one component, in bytes: grows with the number of functions.
const INSTANCE_BYTES: usize = 16 << 20;
/// Bytes of a memory that stay mapped between two instances: zeroing them is cheaper than faulting
/// them in again.
const MEMORY_RESIDENT: usize = 64 << 10;
/// The same for a table.
const TABLE_RESIDENT: usize = 4 << 10;
/// The size of a table element in the pool, in bytes.
const ELEMENT_BYTES: u64 = 8;

/// The engine with what the host offers to each packaging. WASI is never part of it.
pub(crate) struct Linkers {
    pub(crate) core: Linker<Host>,
    pub(crate) component: component::Linker<Host>,
}

impl Linkers {
    /// For `places` executions at once, each with so much stack.
    pub(crate) fn new(settings: &Settings, places: u32, stack_bytes: usize) -> Result<Self, StartError> {
        let mut config = config(settings, places)?;
        config.max_wasm_stack(stack_bytes);
        if let Some(folder) = &settings.cache_dir {
            config.cache(Some(file_cache(folder)?));
        }
        let engine = Engine::new(&config).map_err(engine_error)?;
        let core = core_abi::linker(&engine).map_err(engine_error)?;
        let component = component_abi::linker(&engine).map_err(engine_error)?;
        Ok(Linkers { core, component })
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.core.engine()
    }
}

fn config(settings: &Settings, places: u32) -> Result<Config, StartError> {
    let mut config = Config::new();
    only_webassembly_2(&mut config);
    config.epoch_interruption(true);
    // Nobody sees a backtrace, and collecting it takes longer than a small handler runs.
    config.wasm_backtrace_max_frames(None);
    config.collector(Collector::Null);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings, places)?));
    Ok(config)
}

/// What the module gate lets through (core.md, 4.2), and no more: the second lock on the same door.
fn only_webassembly_2(config: &mut Config) {
    config
        .wasm_tail_call(false)
        .wasm_relaxed_simd(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_extended_const(false)
        .wasm_function_references(false)
        .wasm_gc(false)
        .wasm_exceptions(false)
        .concurrency_support(false);
}

fn pool(settings: &Settings, places: u32) -> Result<PoolingAllocationConfig, StartError> {
    let max_memory = usize::try_from(settings.max_memory_bytes)
        .map_err(|_| StartError::Engine("max_memory_bytes is too large".to_owned()))?;
    let elements = settings.max_memory_bytes.div_ceil(ELEMENT_BYTES);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(places)
        .total_core_instances(places.saturating_mul(CORE_INSTANCES))
        .total_memories(places.saturating_mul(MEMORIES + REFERENCE_HEAPS))
        .total_tables(places.saturating_mul(TABLES))
        .total_stacks(places.saturating_mul(STACKS))
        .total_gc_heaps(places)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_memory_size(max_memory)
        .table_elements(usize::try_from(elements).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(MEMORY_RESIDENT)
        .table_keep_resident(TABLE_RESIDENT);
    Ok(pool)
}

/// Wasmtime's own cache of compiled code. It is keyed by the module's content and the compiler's
/// settings and checks what it reads, so no code of unknown origin is ever loaded from our side.
fn file_cache(folder: &std::path::Path) -> Result<Cache, StartError> {
    let unusable = |error: &dyn std::fmt::Display| StartError::Cache(error.to_string());
    std::fs::create_dir_all(folder).map_err(|error| unusable(&error))?;
    let folder = folder.canonicalize().map_err(|error| unusable(&error))?;
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config).map_err(|error| unusable(&error))
}

fn engine_error(error: wasmtime::Error) -> StartError {
    StartError::Engine(format!("{error:#}"))
}

//! The engine as the sandbox sets it up, and nothing around it: what the parts b and c measure the runtime beside.
//!
//! The settings are those of the sandbox's engine as far as they cost time: the pool and what stays resident in it,
//! epochs, no backtraces, the same WebAssembly. What is left out is what the sandbox adds: a deadline and the thread that
//! advances the epoch, a limiter, an account, a log that is kept, and stacks to switch.

use std::time::Instant;

use wasmtime::component::{Component, HasSelf, Linker as ComponentLinker};
use wasmtime::{
    Collector, Config, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module, PoolingAllocationConfig, Store,
};

mod bindings {
    wasmtime::component::bindgen!({ path: "../conformance/spec/handler.wit", world: "handler" });
}

use bindings::HandlerPre;
use bindings::assay::handler::{log, types};

/// Instances at once: as many as a sandbox has places by default.
const PLACES: u32 = 64;

/// The lowered signature of `handle`: the eleven words of the context, then the input.
type Handle = (i32, i32, i32, i32, i32, i32, i32, i32, i64, i32, i32, i32, i32);

/// What a component may call: its lines are dropped.
pub struct Host;

impl log::Host for Host {
    fn write(&mut self, _: log::Level, _: String) {}
}

/// An engine like that of the sandbox.
///
/// # Errors
/// If the host does not give the address space.
fn engine() -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(PLACES)
        .total_core_instances(PLACES * 64)
        .total_memories(PLACES * 9)
        .total_tables(PLACES * 16)
        .total_stacks(PLACES * 2)
        .total_gc_heaps(PLACES)
        .max_core_instances_per_component(64)
        .max_memories_per_component(8)
        .max_tables_per_component(16)
        .max_tables_per_module(16)
        .max_core_instance_size(16 << 20)
        .max_component_instance_size(16 << 20)
        .max_memory_size(64 << 20)
        .table_elements(8 << 20)
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(4 << 10);
    let mut config = Config::new();
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
    config.epoch_interruption(true).wasm_backtrace_max_frames(None).collector(Collector::Null);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// A component that is ready to be instantiated.
pub struct BareComponent {
    engine: Engine,
    handler: HandlerPre<Host>,
}

impl BareComponent {
    /// Compiles it and resolves its imports, of which only the log is offered.
    ///
    /// # Errors
    /// If the engine refuses it.
    pub fn new(bytes: &[u8]) -> wasmtime::Result<BareComponent> {
        let engine = engine()?;
        let mut linker = ComponentLinker::new(&engine);
        log::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
        let component = Component::from_binary(&engine, bytes)?;
        let handler = HandlerPre::new(linker.instantiate_pre(&component)?)?;
        Ok(BareComponent { engine, handler })
    }

    /// One fresh instance, one call, and both are gone.
    ///
    /// # Errors
    /// If the handler traps or returns a failure.
    pub fn call(&self, input: &[u8]) -> wasmtime::Result<Vec<u8>> {
        let mut store = Store::new(&self.engine, Host);
        store.set_epoch_deadline(1);
        let context = types::Context {
            execution: "x".to_owned(),
            handler: "com.example.echo".to_owned(),
            version: "1.0.0".to_owned(),
            caller: "user".to_owned(),
            admitted_at: 0,
            attributes: Vec::new(),
        };
        let instance = self.handler.instantiate(&mut store)?;
        match instance.call_handle(&mut store, &context, input)? {
            Ok(output) => Ok(output),
            Err(failure) => Err(wasmtime::format_err!("the handler returned {failure:?}")),
        }
    }
}

/// A core module that is ready to be instantiated.
pub struct BareCore {
    engine: Engine,
    handler: InstancePre<()>,
}

impl BareCore {
    /// Compiles it; nothing is offered to it.
    ///
    /// # Errors
    /// If the engine refuses it.
    pub fn new(bytes: &[u8]) -> wasmtime::Result<BareCore> {
        let engine = engine()?;
        let module = Module::from_binary(&engine, bytes)?;
        let handler = Linker::<()>::new(&engine).instantiate_pre(&module)?;
        Ok(BareCore { engine, handler })
    }

    /// One fresh instance, one call, and both are gone. Of the context nothing is lowered.
    ///
    /// # Errors
    /// If the handler traps or returns a failure.
    pub fn call(&self, input: &[u8]) -> wasmtime::Result<Vec<u8>> {
        let length = i32::try_from(input.len())?;
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1);
        let instance = self.handler.instantiate(&mut store)?;
        let Some(memory) = instance.get_memory(&mut store, "memory") else { wasmtime::bail!("no memory") };
        let realloc = instance.get_typed_func::<(i32, i32, i32, i32), i32>(&mut store, "cabi_realloc")?;
        let at = realloc.call(&mut store, (0, 0, 1, length))?;
        memory.write(&mut store, usize::try_from(at)?, input)?;
        let handle = instance.get_typed_func::<Handle, i32>(&mut store, "handle")?;
        let result = handle.call(&mut store, (1, 0, 1, 0, 1, 0, 1, 0, 0, 4, 0, at, length))?;
        let mut answer = [0; 12];
        memory.read(&store, usize::try_from(result)?, &mut answer)?;
        let [kind, _, _, _, start @ .., a, b, c, d] = answer;
        if kind != 0 {
            wasmtime::bail!("the bare loop answered {answer:?}");
        }
        let mut output = vec![0; usize::try_from(u32::from_le_bytes([a, b, c, d]))?.min(memory.data_size(&store))];
        memory.read(&store, usize::try_from(u32::from_le_bytes(start))?, &mut output)?;
        Ok(output)
    }
}

/// Microseconds for one of so many calls in a row, each of which must give its input back.
///
/// # Errors
/// If one does not.
pub fn echoes(calls: u32, input: &[u8], call: impl Fn(&[u8]) -> wasmtime::Result<Vec<u8>>) -> wasmtime::Result<f64> {
    let started = Instant::now();
    for _ in 0..calls {
        if call(input)? != input {
            wasmtime::bail!("the bare loop answered something else");
        }
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / f64::from(calls))
}

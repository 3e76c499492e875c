//! The host functions as a core module imports them (core.md, 10.2).

use wasmtime::{AsContextMut, Caller, Engine, Extern, Linker, Memory};

use super::lower::Span;
use super::{lift, lower};
use crate::ended::Ended;
use crate::execution::handed_over_at_most;
use crate::host::{Host, StateError};
use crate::outside::{EgressError, Response};

const LOG: &str = "assay:handler/log@0.1.0";
const STATE: &str = "assay:handler/state@0.1.0";
const EGRESS: &str = "assay:handler/egress@0.1.0";

/// Size and alignment of `option<list<u8>>`, `result<_, state-error>`, `list<string>` and `result<response,
/// egress-error>`.
const OPTION: (usize, usize) = (12, 4);
const RESULT: (usize, usize) = (2, 1);
const LIST: (usize, usize) = (8, 4);
const EXCHANGED: (usize, usize) = (24, 4);

/// What the host offers to core modules: log, state and egress.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    linker.func_wrap_async(LOG, "write", |caller, (level, pointer, length)| {
        Box::new(write(caller, level, pointer, length))
    })?;
    linker.func_wrap_async(STATE, "set", |caller, (key, key_length, value, length, result)| {
        Box::new(set(caller, (key, key_length), (value, length), result))
    })?;
    linker.func_wrap_async(STATE, "delete", |caller, (key, length, result)| {
        Box::new(delete(caller, key, length, result))
    })?;
    linker.func_wrap_async(STATE, "get", |caller, (key, length, result)| Box::new(get(caller, key, length, result)))?;
    linker.func_wrap_async(STATE, "keys", |caller, (result,)| Box::new(keys(caller, result)))?;
    linker.func_wrap_async(
        EGRESS,
        "send",
        |caller, (method, method_length, url, url_length, headers, count, body, length, result)| {
            let spans = [(method, method_length), (url, url_length), (headers, count), (body, length)];
            Box::new(send(caller, spans, result))
        },
    )?;
    Ok(linker)
}

async fn write(mut caller: Caller<'_, Host>, level: i32, pointer: i32, length: i32) -> wasmtime::Result<()> {
    let (_, memory, host) = enter(&mut caller).await?;
    let level = lift::level(level)?;
    host.log.write(level, lift::text(memory, pointer, length)?.to_owned());
    Ok(())
}

async fn set(mut caller: Caller<'_, Host>, key: Span, value: Span, result: i32) -> wasmtime::Result<()> {
    let (_, memory, host) = enter(&mut caller).await?;
    let place = lift::place(memory, result, RESULT)?;
    let value = lift::bytes(memory, value.0, value.1)?;
    let changed = host.state()?.set(lift::text(memory, key.0, key.1)?, value);
    memory[place..place + RESULT.0].copy_from_slice(&lowered(changed));
    Ok(())
}

async fn delete(mut caller: Caller<'_, Host>, key: i32, length: i32, result: i32) -> wasmtime::Result<()> {
    let (_, memory, host) = enter(&mut caller).await?;
    let place = lift::place(memory, result, RESULT)?;
    let changed = host.state()?.delete(lift::text(memory, key, length)?);
    memory[place..place + RESULT.0].copy_from_slice(&lowered(changed));
    Ok(())
}

async fn get(mut caller: Caller<'_, Host>, key: i32, length: i32, result: i32) -> wasmtime::Result<()> {
    let (exported, memory, host) = enter(&mut caller).await?;
    let place = lift::place(memory, result, OPTION)?;
    let value = host.state()?.get(lift::text(memory, key, length)?).map(<[u8]>::to_vec);
    let mut heap = heap(&mut caller, exported)?;
    match value {
        None => heap.write(place, &[0]),
        Some(value) => {
            let value = heap.bytes(&value).await?;
            heap.write(place, &[1]);
            heap.write_span(place + 4, value);
        }
    }
    Ok(())
}

async fn keys(mut caller: Caller<'_, Host>, result: i32) -> wasmtime::Result<()> {
    let (exported, memory, host) = enter(&mut caller).await?;
    let place = lift::place(memory, result, LIST)?;
    let keys = host.state()?.keys();
    let mut heap = heap(&mut caller, exported)?;
    let list = heap.strings(&keys).await?;
    heap.write_span(place, list);
    Ok(())
}

async fn send(mut caller: Caller<'_, Host>, request: [Span; 4], result: i32) -> wasmtime::Result<()> {
    let (exported, memory, host) = enter(&mut caller).await?;
    let place = lift::place(memory, result, EXCHANGED)?;
    let at_most = handed_over_at_most(host.memory.limit());
    let request = lift::request(memory, request, at_most)?;
    let exchanged = host.send(request).await?;
    let mut heap = heap(&mut caller, exported)?;
    match exchanged {
        Ok(Response { status, headers, body }) => {
            let headers = heap.pairs(headers.iter().map(|(name, value)| (name, value))).await?;
            let body = heap.bytes(&body).await?;
            heap.write(place, &[0]);
            heap.write(place + 4, &status.to_le_bytes());
            heap.write_span(place + 8, headers);
            heap.write_span(place + 16, body);
        }
        Err(error) => {
            let (case, why) = case(error);
            let why = match why {
                Some(why) => Some(heap.bytes(why.as_bytes()).await?),
                None => None,
            };
            heap.write(place, &[1]);
            heap.write(place + 4, &[case]);
            if let Some(why) = why {
                heap.write_span(place + 8, why);
            }
        }
    }
    Ok(())
}

/// The discriminant of the variant `egress-error`, and what the case holds.
fn case(error: EgressError) -> (u8, Option<String>) {
    match error {
        EgressError::Denied(why) => (0, Some(why)),
        EgressError::InvalidRequest(why) => (1, Some(why)),
        EgressError::RateLimited => (2, None),
        EgressError::TimedOut => (3, None),
        EgressError::Failed(why) => (4, Some(why)),
    }
}

/// A call out of the guest: allowed at this moment, and with the memory that it is about.
async fn enter<'a>(caller: &'a mut Caller<'_, Host>) -> Result<(Memory, &'a mut [u8], &'a mut Host), Ended> {
    caller.data_mut().called().await?;
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Err(Ended::breach("the export `memory` is gone"));
    };
    let (bytes, host) = memory.data_and_store_mut(caller);
    Ok((memory, bytes, host))
}

fn heap<'a>(caller: &'a mut Caller<'_, Host>, memory: Memory) -> wasmtime::Result<lower::Heap<'a>> {
    let Some(Extern::Func(realloc)) = caller.get_export("cabi_realloc") else {
        return Err(Ended::breach("the export `cabi_realloc` is gone").into());
    };
    let realloc = realloc.typed(&*caller)?;
    Ok(lower::Heap::new(caller.as_context_mut(), memory, realloc))
}

/// `result<_, state-error>` as two bytes.
fn lowered(changed: Result<(), StateError>) -> [u8; 2] {
    match changed {
        Ok(()) => [0, 0],
        Err(StateError::QuotaExceeded) => [1, 0],
        Err(StateError::InvalidKey) => [1, 1],
    }
}

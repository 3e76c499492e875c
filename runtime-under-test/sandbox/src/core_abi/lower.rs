//! From values of the host to the guest's memory, which the guest itself allocates through
//! `cabi_realloc`.

use wasmtime::{Memory, StoreContextMut, TypedFunc};

use super::{ReallocParams, lift};
use crate::ended::Ended;
use crate::host::Host;

/// A pointer and a length or count, as they are passed.
pub(super) type Span = (i32, i32);

/// The guest's memory and its allocator.
pub(super) struct Heap<'a> {
    store: StoreContextMut<'a, Host>,
    memory: Memory,
    realloc: TypedFunc<ReallocParams, i32>,
}

impl<'a> Heap<'a> {
    pub(super) fn new(
        store: StoreContextMut<'a, Host>,
        memory: Memory,
        realloc: TypedFunc<ReallocParams, i32>,
    ) -> Self {
        Heap { store, memory, realloc }
    }

    /// Copies bytes in.
    pub(super) async fn bytes(&mut self, bytes: &[u8]) -> wasmtime::Result<Span> {
        let (pointer, start) = self.allocate(bytes.len(), 1).await?;
        self.write(start, bytes);
        Ok((pointer, length(bytes.len())?))
    }

    /// Copies a list of pairs of strings in: elements of 16 bytes.
    pub(super) async fn pairs<'p>(
        &mut self,
        pairs: impl ExactSizeIterator<Item = (&'p String, &'p String)>,
    ) -> wasmtime::Result<Span> {
        let count = pairs.len();
        let (pointer, mut at) = self.allocate(count.saturating_mul(16), 4).await?;
        for (name, value) in pairs {
            let (name, value) = (self.bytes(name.as_bytes()).await?, self.bytes(value.as_bytes()).await?);
            self.write_span(at, name);
            self.write_span(at + 8, value);
            at += 16;
        }
        Ok((pointer, length(count)?))
    }

    /// Copies a list of strings in: elements of 8 bytes.
    pub(super) async fn strings(&mut self, strings: &[String]) -> wasmtime::Result<Span> {
        let (pointer, mut at) = self.allocate(strings.len().saturating_mul(8), 4).await?;
        for string in strings {
            let string = self.bytes(string.as_bytes()).await?;
            self.write_span(at, string);
            at += 8;
        }
        Ok((pointer, length(strings.len())?))
    }

    /// Writes where `start` lies in memory for as many bytes: [`lift::place`] or `allocate` said so.
    pub(super) fn write(&mut self, start: usize, bytes: &[u8]) {
        self.memory.data_mut(&mut self.store)[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Writes a pointer and a length, likewise.
    pub(super) fn write_span(&mut self, start: usize, (pointer, length): Span) {
        self.write(start, &pointer.to_le_bytes());
        self.write(start + 4, &length.to_le_bytes());
    }

    /// Asks the guest for `size` bytes and checks what it gives.
    async fn allocate(&mut self, size: usize, align: usize) -> wasmtime::Result<(i32, usize)> {
        let params = (0, 0, length(align)?, length(size)?);
        self.store.data_mut().may_leave = false;
        let pointer = self.realloc.call_async(&mut self.store, params).await?;
        self.store.data_mut().may_leave = true;
        let start = lift::place(self.memory.data(&self.store), pointer, (size, align));
        Ok((pointer, start.map_err(|_| Ended::breach("what `cabi_realloc` returned cannot be used"))?))
    }
}

/// A length as it is passed: unsigned 32 bits in a signed value.
fn length(value: usize) -> Result<i32, Ended> {
    let too_long = |_| Ended::breach("a value is too long for a 32-bit memory");
    u32::try_from(value).map(u32::cast_signed).map_err(too_long)
}

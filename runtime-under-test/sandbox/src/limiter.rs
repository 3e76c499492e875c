//! Counts all memory of one execution together: Wasmtime by itself would limit each memory and each
//! table on its own (core.md, 9.8).

use wasmtime::ResourceLimiter;

use crate::ended::Ended;

/// What a table element counts, in bytes (9.8).
const ELEMENT_BYTES: u64 = 8;

/// Decides about a growth from the sum that it would give and the limit, both in bytes: granted,
/// refused with -1, or the end of the execution.
pub(crate) type MemoryRule = fn(sum: u64, limit: u64) -> Result<bool, Ended>;

/// A memory or a table that asks to grow; a new one grows from nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    /// Which of the two it is.
    pub(crate) of: Grower,
    /// What all memories and tables have together so far, in bytes.
    pub(crate) sum: u64,
    /// What this one has, in bytes.
    pub(crate) from: u64,
    /// What it asks for, in bytes.
    pub(crate) to: u64,
    /// What it may have by its own declaration, in bytes.
    pub(crate) maximum: Option<u64>,
}

/// What grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grower {
    Memory,
    Table,
}

/// The sum of all memories and tables after a growth, in bytes.
pub(crate) type SumRule = fn(Growth) -> u64;

/// All memories and all tables count together (9.8).
pub(crate) fn all_together(growth: Growth) -> u64 {
    growth.sum.saturating_sub(growth.from).saturating_add(growth.to)
}

/// The memory of one execution: what it has, and the most that it had.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryMeter {
    limit: u64,
    sum: u64,
    peak: u64,
    rule: MemoryRule,
    sum_rule: SumRule,
}

impl MemoryMeter {
    /// Nothing used yet, of `limit` bytes.
    pub(crate) fn new(limit: u64, rule: MemoryRule, sum_rule: SumRule) -> Self {
        MemoryMeter { limit, sum: 0, peak: 0, rule, sum_rule }
    }

    /// The limit, in bytes.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// The largest sum so far, in bytes.
    pub(crate) fn peak(&self) -> u64 {
        self.peak
    }

    /// One memory or table asks to grow. The limit is judged before the maximum that the module
    /// itself declares: who asks for more than the limit is ended, whether or not it could be had.
    fn grow(&mut self, of: Grower, from: u64, to: u64, maximum: Option<u64>) -> wasmtime::Result<bool> {
        let sum = (self.sum_rule)(Growth { of, sum: self.sum, from, to, maximum });
        if !(self.rule)(sum, self.limit)? || maximum.is_some_and(|most| to > most) {
            return Ok(false);
        }
        self.sum = sum;
        self.peak = self.peak.max(sum);
        Ok(true)
    }
}

/// Growth up to and including the limit is granted; growth past it ends the execution (9.8).
pub(crate) fn end_past_the_limit(sum: u64, limit: u64) -> Result<bool, Ended> {
    if sum > limit { Err(Ended::MemoryExceeded) } else { Ok(true) }
}

/// `grow` granted a growth that the host then could not give. The handler asked for nothing wrong,
/// but it must not go on either: what is counted is no longer what there is.
fn host_out_of_memory() -> wasmtime::Result<()> {
    Err(Ended::breach("the host has no memory for this growth").into())
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(Grower::Memory, current as u64, desired as u64, maximum.map(|most| most as u64))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        host_out_of_memory()
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = |elements: usize| (elements as u64).saturating_mul(ELEMENT_BYTES);
        self.grow(Grower::Table, bytes(current), bytes(desired), maximum.map(bytes))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        host_out_of_memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(limit: u64) -> MemoryMeter {
        MemoryMeter::new(limit, end_past_the_limit, all_together)
    }

    #[test]
    fn counts_memories_and_tables_together() {
        let mut meter = meter(200_000);
        assert!(meter.memory_growing(0, 65_536, None).is_ok_and(|granted| granted));
        assert!(meter.memory_growing(0, 65_536, None).is_ok_and(|granted| granted));
        assert!(meter.table_growing(0, 100, None).is_ok_and(|granted| granted));
        assert_eq!(meter.peak(), 2 * 65_536 + 800);
    }

    #[test]
    fn grants_growth_to_exactly_the_limit() {
        assert!(meter(65_536).memory_growing(0, 65_536, None).is_ok_and(|granted| granted));
    }

    #[test]
    fn ends_the_execution_one_table_element_past_the_limit() {
        let mut meter = meter(65_536);
        assert!(meter.memory_growing(0, 65_536, None).is_ok_and(|granted| granted));
        let error = meter.table_growing(0, 1, None).expect_err("8 bytes too many");
        assert_eq!(Ended::from_wasmtime(&error), Ended::MemoryExceeded);
    }

    #[test]
    fn refuses_growth_past_the_declared_maximum_without_counting_it() {
        let mut meter = meter(1 << 20);
        assert!(meter.memory_growing(0, 65_536, Some(65_536)).is_ok_and(|granted| granted));
        assert!(meter.memory_growing(65_536, 131_072, Some(65_536)).is_ok_and(|granted| !granted));
        assert_eq!(meter.peak(), 65_536);
    }
}

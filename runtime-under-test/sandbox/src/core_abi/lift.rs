//! From the guest's memory to values of the host. Every pointer, length, discriminant and string
//! comes from the guest and is judged here (core.md, 10.3).

use super::lower::Span;
use crate::call::Returned;
use crate::ended::Ended;
use crate::host::Answer;
use crate::outcome::{FailureKind, Level};
use crate::outside::Request;

/// Size of the result of `handle` and of `migrate`, in bytes, and its alignment.
const RESULT: (usize, usize) = (16, 4);
/// Size of a pair of strings in a list, in bytes, and its alignment.
const PAIR: (usize, usize) = (16, 4);

/// The bytes that a pointer and a length name.
pub(super) fn bytes(memory: &[u8], pointer: i32, length: i32) -> Result<&[u8], Ended> {
    let (start, length) = (offset(pointer), offset(length));
    let range = start..start.saturating_add(length);
    memory.get(range).ok_or_else(|| Ended::breach("a pointer and its length lie outside the memory"))
}

/// The string that a pointer and a length name.
pub(super) fn text(memory: &[u8], pointer: i32, length: i32) -> Result<&str, Ended> {
    let bytes = bytes(memory, pointer, length)?;
    std::str::from_utf8(bytes).map_err(|_| Ended::breach("a string is not UTF-8"))
}

/// The case of the enum `level`.
pub(super) fn level(discriminant: i32) -> Result<Level, Ended> {
    match discriminant {
        0 => Ok(Level::Trace),
        1 => Ok(Level::Debug),
        2 => Ok(Level::Info),
        3 => Ok(Level::Warn),
        4 => Ok(Level::Error),
        _ => Err(Ended::breach("a level is out of range")),
    }
}

/// Where `size` bytes that are aligned to `align` start.
pub(super) fn place(memory: &[u8], pointer: i32, (size, align): (usize, usize)) -> Result<usize, Ended> {
    let start = offset(pointer);
    if !start.is_multiple_of(align) {
        return Err(Ended::breach("a pointer is not aligned"));
    }
    match start.checked_add(size) {
        Some(end) if end <= memory.len() => Ok(start),
        _ => Err(Ended::breach("a pointer lies outside the memory")),
    }
}

/// The record `request`: method, URL, headers and body. Its parts may overlap, so they are copied only up to `at_most` bytes
/// together.
pub(super) fn request(memory: &[u8], parts: [Span; 4], at_most: usize) -> Result<Request, Ended> {
    let [method, url, headers, body] = parts;
    let mut left = at_most;
    let method = copied(memory, method, &mut left)?;
    let url = copied(memory, url, &mut left)?;
    let mut pairs = Vec::new();
    let count = offset(headers.1);
    let first = place(memory, headers.0, (count.saturating_mul(PAIR.0), PAIR.1))?;
    for at in (first..).step_by(PAIR.0).take(count) {
        let span = |at| (word(memory, at), word(memory, at + 4));
        let name = copied(memory, span(at), &mut left)?;
        pairs.push((name, copied(memory, span(at + 8), &mut left)?));
        spend(&mut left, size_of::<(String, String)>())?;
    }
    let body = bytes(memory, body.0, body.1)?;
    spend(&mut left, body.len())?;
    Ok(Request { method, url, headers: pairs, body: body.to_vec() })
}

/// A string of a request.
fn copied(memory: &[u8], (pointer, length): Span, left: &mut usize) -> Result<String, Ended> {
    let text = text(memory, pointer, length)?;
    spend(left, text.len())?;
    Ok(text.to_owned())
}

/// Takes bytes away from what may still be copied.
fn spend(left: &mut usize, bytes: usize) -> Result<(), Ended> {
    let rest = left.checked_sub(bytes);
    *left = rest.ok_or_else(|| Ended::breach("a request is larger than the memory that it lies in"))?;
    Ok(())
}

/// Whether an output or a message of this many bytes is copied.
pub(super) type Admits<'a> = &'a dyn Fn(Answer, usize) -> bool;

/// Reads what an export returned, from the pointer to it.
pub(super) type Lift = fn(&[u8], i32, Admits<'_>) -> Result<Returned, Ended>;

/// What `handle` returned. An output or a message that `admits` refuses by its length is not copied.
pub(super) fn returned(memory: &[u8], pointer: i32, admits: Admits<'_>) -> Result<Returned, Ended> {
    let start = place(memory, pointer, RESULT)?;
    if memory[start] != 0 {
        return failed(memory, start, admits);
    }
    let output = bytes(memory, word(memory, start + 4), word(memory, start + 8))?;
    let kept = admits(Answer::Output, output.len());
    Ok(if kept { Returned::Output(output.to_vec()) } else { Returned::Oversized })
}

/// What `migrate` returned, likewise: nothing or a failure.
pub(super) fn migrated(memory: &[u8], pointer: i32, admits: Admits<'_>) -> Result<Returned, Ended> {
    let start = place(memory, pointer, RESULT)?;
    if memory[start] != 0 {
        return failed(memory, start, admits);
    }
    Ok(Returned::Output(Vec::new()))
}

/// The failure at `start`, which is not an output.
fn failed(memory: &[u8], start: usize, admits: Admits<'_>) -> Result<Returned, Ended> {
    if memory[start] != 1 {
        return Err(Ended::breach("the discriminant of the result is out of range"));
    }
    let kind = failure_kind(memory[start + 4])?;
    let message = text(memory, word(memory, start + 8), word(memory, start + 12))?;
    let kept = admits(Answer::FailureMessage, message.len());
    Ok(if kept { Returned::Failure(kind, message.to_owned()) } else { Returned::Oversized })
}

fn failure_kind(discriminant: u8) -> Result<FailureKind, Ended> {
    match discriminant {
        0 => Ok(FailureKind::InvalidInput),
        1 => Ok(FailureKind::Unavailable),
        2 => Ok(FailureKind::Internal),
        _ => Err(Ended::breach("the discriminant of the failure is out of range")),
    }
}

/// The little-endian word at `at`, which [`place`] has found to be inside the memory.
fn word(memory: &[u8], at: usize) -> i32 {
    i32::from_le_bytes([memory[at], memory[at + 1], memory[at + 2], memory[at + 3]])
}

/// Pointers and lengths are unsigned.
fn offset(value: i32) -> usize {
    value.cast_unsigned() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(words: [u32; 4]) -> Vec<u8> {
        let mut memory: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        memory.extend(b"text");
        memory
    }

    #[test]
    fn reads_an_output() {
        let memory = result([0, 16, 4, 0]);
        assert_eq!(returned(&memory, 0, &|_, _| true), Ok(Returned::Output(b"text".to_vec())));
    }

    #[test]
    fn reads_a_request_whose_parts_overlap() {
        // The list of headers, of which one lies at 0: its name and its value are both `text`.
        let memory = result([16, 4, 16, 4]);
        let text = || "text".to_owned();
        let expected =
            Request { method: text(), url: "ext".to_owned(), headers: vec![(text(), text())], body: b"xt".to_vec() };
        assert_eq!(request(&memory, [(16, 4), (17, 3), (0, 1), (18, 2)], 1000), Ok(expected));
        assert!(request(&memory, [(16, 4), (17, 3), (0, 1), (18, 2)], 20).is_err());
    }

    #[test]
    fn traps_at_headers_that_are_not_aligned_or_reach_past_the_memory() {
        let memory = result([16, 4, 16, 4]);
        let request = |headers| request(&memory, [(16, 4), (16, 4), headers, (0, 0)], 1000);
        assert!(request((20, 0)).is_ok());
        assert!(request((2, 0)).is_err());
        assert!(request((0, 2)).is_err());
        assert!(request((0, -1)).is_err());
    }

    #[test]
    fn reads_a_failure() {
        let memory = result([1, 1, 16, 4]);
        let failure = Returned::Failure(FailureKind::Unavailable, "text".into());
        assert_eq!(returned(&memory, 0, &|_, _| true), Ok(failure));
    }

    #[test]
    fn a_migration_that_succeeded_returns_nothing() {
        let memory = result([0, u32::MAX, u32::MAX, 0]);
        assert_eq!(migrated(&memory, 0, &|_, _| false), Ok(Returned::Output(Vec::new())));
        assert!(migrated(&result([2, 16, 4, 0]), 0, &|_, _| true).is_err());
    }

    #[test]
    fn does_not_copy_an_output_that_is_too_long() {
        let memory = result([0, 16, 4, 0]);
        assert_eq!(returned(&memory, 0, &|_, length| length < 4), Ok(Returned::Oversized));
    }

    #[test]
    fn does_not_copy_a_message_that_is_too_long() {
        let memory = result([1, 1, 16, 4]);
        let most = |answer, length| answer == Answer::FailureMessage && length < 4;
        assert_eq!(returned(&memory, 0, &most), Ok(Returned::Oversized));
    }

    #[test]
    fn traps_at_a_long_message_that_is_not_utf8() {
        let mut memory = result([1, 1, 16, 4]);
        memory[16] = 0xff;
        assert!(returned(&memory, 0, &|_, _| false).is_err());
    }

    #[test]
    fn traps_at_a_result_that_is_not_aligned() {
        assert!(returned(&result([0, 16, 4, 0]), 2, &|_, _| true).is_err());
    }

    #[test]
    fn traps_at_a_result_that_reaches_past_the_memory() {
        assert!(returned(&result([0, 16, 4, 0]), 8, &|_, _| true).is_err());
        assert!(returned(&result([0, 16, 4, 0]), -4, &|_, _| true).is_err());
    }

    #[test]
    fn traps_at_an_output_that_reaches_past_the_memory() {
        assert!(returned(&result([0, 16, 5, 0]), 0, &|_, _| true).is_err());
        assert!(returned(&result([0, u32::MAX, u32::MAX, 0]), 0, &|_, _| true).is_err());
    }

    #[test]
    fn traps_at_discriminants_out_of_range() {
        assert!(returned(&result([2, 16, 4, 0]), 0, &|_, _| true).is_err());
        assert!(returned(&result([1, 3, 16, 4]), 0, &|_, _| true).is_err());
        assert!(level(5).is_err());
    }

    #[test]
    fn traps_at_text_that_is_not_utf8() {
        assert!(text(&[0xff], 0, 1).is_err());
    }
}

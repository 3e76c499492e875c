//! Choices out of the bytes of a fuzzer. Bytes that have run out choose the first and the usual, so that a short input is
//! a plain one and a shorter input is a smaller case.

use arbitrary::Unstructured;

/// The bytes, and how far they are used.
pub struct Source<'a>(Unstructured<'a>);

impl<'a> Source<'a> {
    /// Choices out of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    /// A number below `end`; 0 if the bytes have run out.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.int_in_range(0..=end.saturating_sub(1)).unwrap_or_default()
    }

    /// Whether the unusual happens, once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        n > 0 && self.below(n) == n - 1
    }

    /// One of some values.
    pub fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// One of some texts, owned.
    pub fn text(&mut self, values: &[&str]) -> String {
        self.pick(values).to_owned()
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    /// So many bytes, or as many as are left.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1).min(self.0.len());
        self.0.bytes(length).unwrap_or_default().to_vec()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left.
    pub fn rest(self) -> Vec<u8> {
        self.0.take_rest().to_vec()
    }

    /// The bytes as `arbitrary` has them, for generators of other crates.
    pub fn unstructured(&mut self) -> &mut Unstructured<'a> {
        &mut self.0
    }
}

/// Changes up to `most` places of some bytes: another byte, one more, one less, a run of others.
pub fn mutate(source: &mut Source<'_>, bytes: &mut Vec<u8>, most: usize) {
    for _ in 0..source.below(most + 1) {
        let place = source.below(bytes.len().max(1));
        match source.below(4) {
            0 if place < bytes.len() => bytes[place] = source.byte(),
            1 => bytes.insert(place.min(bytes.len()), source.byte()),
            2 if place < bytes.len() => {
                bytes.remove(place);
            }
            _ => {
                let run = source.bytes(4);
                let end = (place + run.len()).min(bytes.len());
                let place = place.min(end);
                bytes.splice(place..end, run);
            }
        }
    }
}

//! The ways in which a text can be read.

use std::ops::Range;

/// Bytes, and for each the place in the text that it was read from.
pub struct Reading {
    bytes: Vec<u8>,
    from: Vec<(u32, u32)>,
}

/// Stands between what does not belong together. No text has it: it is not UTF-8.
const APART: u8 = 0xff;

/// Reads a text in every way that core.md 11.2 names, one after the other.
pub fn readings(text: &str, read: &mut dyn FnMut(&Reading)) {
    let plain = Reading::plain(text);
    let mut both = |reading: &Reading| {
        read(reading);
        if reading.bytes.contains(&b'\\') {
            read(&reading.json());
        }
    };
    both(&plain);
    if plain.bytes.contains(&b'%') {
        both(&plain.percent());
    }
    (0..2).for_each(|skip| both(&plain.hex(skip)));
    (0..4).for_each(|skip| both(&plain.base64(skip)));
}

impl Reading {
    /// The text as it is.
    pub fn plain(text: &str) -> Self {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { bytes: text.as_bytes().to_vec(), from: (0..text.len()).map(|at| (place(at), place(at + 1))).collect() }
    }

    /// What was read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The place in the text from which these bytes were read.
    pub fn from(&self, bytes: Range<usize>) -> Option<Range<usize>> {
        let (first, last) = (self.from.get(bytes.start)?, self.from.get(bytes.end.checked_sub(1)?)?);
        Some(first.0 as usize..last.1 as usize)
    }

    /// With the escapes of JSON resolved.
    pub fn json(&self) -> Self {
        let mut read = Self::empty();
        let mut at = 0;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let (character, length) = unescape(rest).unwrap_or((None, 1));
            match character {
                Some(character) => {
                    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                        read.push(byte, self, at, at + length - 1);
                    }
                }
                None => read.push(rest.first().copied().unwrap_or(APART), self, at, at),
            }
            at += length;
        }
        read
    }

    /// With `%` and two hexadecimal digits as the byte that they name (RFC 3986).
    pub fn percent(&self) -> Self {
        let mut read = Self::empty();
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            match self.bytes.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(pair) {
                Some(decoded) => {
                    read.push(decoded, self, at, at + 2);
                    at += 3;
                }
                None => {
                    read.push(*byte, self, at, at);
                    at += 1;
                }
            }
        }
        read
    }

    /// Every run of hexadecimal digits, without its first `skip`, as the bytes that its pairs name.
    pub fn hex(&self, skip: usize) -> Self {
        let mut read = Self::empty();
        for run in self.runs(|byte| digit(byte).is_some()) {
            for (number, digits) in self.bytes.get(run.start + skip..run.end).unwrap_or_default().chunks(2).enumerate()
            {
                let at = run.start + skip + 2 * number;
                if let Some(byte) = pair(digits) {
                    read.push(byte, self, at, at + 1);
                }
            }
            read.apart();
        }
        read
    }

    /// Every run of base64 characters of either alphabet, without its first `skip`, decoded (RFC 4648).
    pub fn base64(&self, skip: usize) -> Self {
        let mut read = Self::empty();
        for run in self.runs(|byte| sextet(byte).is_some()) {
            let characters = self.bytes.get(run.start + skip..run.end).unwrap_or_default();
            for (number, four) in characters.chunks(4).enumerate() {
                let at = run.start + skip + 4 * number;
                let bits = four.iter().fold(0u32, |bits, byte| bits << 6 | sextet(*byte).unwrap_or_default());
                // Fewer than four characters at the end stand for one byte less than there are.
                let [_, bytes @ ..] = (bits << (6 * (4 - four.len()))).to_be_bytes();
                for (place, byte) in bytes.into_iter().enumerate().take(four.len().saturating_sub(1)) {
                    read.push(byte, self, at + place, at + place + 1);
                }
            }
            read.apart();
        }
        read
    }

    fn empty() -> Self {
        Self { bytes: Vec::new(), from: Vec::new() }
    }

    /// Adds a byte that was read from these places of another reading.
    fn push(&mut self, byte: u8, of: &Reading, first: usize, last: usize) {
        if let Some(from) = of.from(first..last + 1) {
            self.bytes.push(byte);
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            self.from.push((place(from.start), place(from.end)));
        }
    }

    fn apart(&mut self) {
        self.bytes.push(APART);
        self.from.push(self.from.last().copied().unwrap_or_default());
    }

    /// The longest runs of such bytes.
    fn runs(&self, belongs: fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = at + self.bytes.get(at..)?.iter().position(|byte| belongs(*byte))?;
            let rest = self.bytes.get(start..)?;
            at = start + rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len());
            Some(start..at)
        })
    }
}

/// The character that an escape at the beginning stands for, and how long the escape is; none of it if there is none.
fn unescape(text: &[u8]) -> Option<(Option<char>, usize)> {
    let [b'\\', kind, ..] = text else {
        return None;
    };
    let simple = match kind {
        b'"' | b'\\' | b'/' => char::from(*kind),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(text),
        _ => return None,
    };
    Some((Some(simple), 2))
}

/// `\uXXXX`, or two of them that are a surrogate pair.
fn unicode(text: &[u8]) -> Option<(Option<char>, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?.get(2..)?;
        digits.iter().try_fold(0u32, |unit, byte| Some(unit << 4 | digit(*byte)?))
    };
    let first = unit(0)?;
    if let Some(character) = char::from_u32(first) {
        return Some((Some(character), 6));
    }
    let second = unit(6)?;
    let pair = char::decode_utf16([u16::try_from(first).ok()?, u16::try_from(second).ok()?]).next()?.ok()?;
    Some((Some(pair), 12))
}

/// The byte of two hexadecimal digits.
fn pair(digits: &[u8]) -> Option<u8> {
    match digits {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    }
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

fn sextet(byte: u8) -> Option<u32> {
    let place = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(place))
}

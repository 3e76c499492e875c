//! A refusal: which promise a package breaks, and where.
//!
//! Whatever comes from outside is bounded and escaped before it reaches the text of a refusal, so that neither a log nor
//! a terminal nor a response can be flooded or steered by a hostile package (README.md 3.2).

use std::fmt;

use crate::Code;

/// Why a gate refused, ready to become an RFC 9457 problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    /// The code, which decides status, title and remedy.
    pub code: Code,
    /// What is wrong, in words. Quotes at most [`Quoted::MOST`] bytes of what the client sent.
    pub detail: String,
    /// RFC 6901 pointer to the offending place, into the manifest, the envelope, the statement or the request body.
    pub pointer: Option<String>,
    /// The part, import, export or key that is at fault.
    pub name: Option<String>,
}

impl Refusal {
    /// The longest pointer that is reported, in bytes; beyond it, the nearest ancestor that fits stands for the place.
    const LONGEST_POINTER: usize = 1024;

    /// A refusal without a place. Hostile text in `detail` has gone through [`Quoted`].
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), pointer: None, name: None }
    }

    /// The same with the place in a JSON document.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        let mut pointer = pointer.into();
        while pointer.len() > Self::LONGEST_POINTER {
            let parent = pointer.rfind('/').unwrap_or(0);
            pointer.truncate(parent);
        }
        self.pointer = Some(pointer);
        self
    }

    /// The same with the name of the thing at fault; bounded and escaped as by [`Quoted`].
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(Quoted(name).to_string());
        self
    }
}

/// Hostile text as it may be shown: control characters escaped, at most [`Quoted::MOST`] bytes, `…` where it was cut.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

impl Quoted<'_> {
    /// How many bytes of hostile text are shown, escapes and the mark of a cut included.
    pub const MOST: usize = 200;
    const CUT: &'static str = "…";
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = String::new();
        let mut fits = 0;
        for character in self.0.chars() {
            if shown.len() <= Self::MOST - Self::CUT.len() {
                fits = shown.len();
            }
            if must_be_escaped(character) {
                shown.extend(character.escape_unicode());
            } else {
                shown.push(character);
            }
            if shown.len() > Self::MOST {
                shown.truncate(fits);
                shown.push_str(Self::CUT);
                break;
            }
        }
        out.write_str(&shown)
    }
}

/// Control characters, and the format characters with which text can be made to look like other text.
fn must_be_escaped(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{Quoted, Refusal};
    use crate::Code;

    #[test]
    fn short_text_is_quoted_as_it_is() {
        assert_eq!(Quoted("com.example.grüße").to_string(), "com.example.grüße");
        assert_eq!(Quoted(&"x".repeat(200)).to_string(), "x".repeat(200));
    }

    #[test]
    fn control_characters_and_direction_marks_are_escaped() {
        assert_eq!(Quoted("a\n\u{1b}[31m\u{202e}").to_string(), r"a\u{a}\u{1b}[31m\u{202e}");
    }

    #[test]
    fn long_text_is_cut_at_two_hundred_bytes_whatever_it_holds() {
        for text in ["x".repeat(201), "ü".repeat(5000), "\n".repeat(5000), "€x\u{7}".repeat(999)] {
            let shown = Quoted(&text).to_string();
            assert!(shown.len() <= Quoted::MOST, "{} bytes", shown.len());
            assert!(shown.ends_with('…'));
        }
    }

    #[test]
    fn a_pointer_that_is_too_long_falls_back_to_its_ancestor() {
        let refusal = Refusal::new(Code::ManifestUnknownField, "unknown").at(format!("/limits/{}", "x".repeat(2000)));
        assert_eq!(refusal.pointer.as_deref(), Some("/limits"));
    }
}

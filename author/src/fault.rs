//! What is wrong with a package, and how it is shown: code, place, line of the manifest, and what to do about it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::problems;

/// A place in a file, both counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The code with which a runtime refuses it (problems.toml).
    pub code: String,
    /// The file of the package.
    pub file: String,
    /// Where in it, if it is text.
    pub position: Option<Position>,
    /// The line that has the fault.
    line: Option<String>,
    /// RFC 6901 pointer into the file.
    pub pointer: Option<String>,
    /// A thing with a name, such as an import.
    pub name: Option<String>,
    /// What is wrong, in words.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

/// Lines longer than this are shown in part.
const SHOWN: usize = 100;

impl Fault {
    /// A fault of a file as a whole.
    pub(crate) fn new(code: &str, file: &str, detail: impl Into<String>) -> Fault {
        Fault {
            code: code.to_owned(),
            file: file.to_owned(),
            position: None,
            line: None,
            pointer: None,
            name: None,
            detail: detail.into(),
            remedy: problems::remedy(code).to_owned(),
        }
    }

    /// At this byte of the file's text.
    pub(crate) fn at(mut self, text: &str, offset: usize) -> Fault {
        let offset = (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        let before = &text[..offset];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = text[start..offset].chars().count() + 1;
        self.position = Some(Position { line: before.matches('\n').count() + 1, column });
        self.line = text[start..].lines().next().map(str::to_owned);
        self
    }

    /// With a pointer into the file.
    pub(crate) fn pointing(mut self, pointer: impl Into<String>) -> Fault {
        self.pointer = Some(pointer.into());
        self
    }

    /// With the name of the thing.
    pub(crate) fn named(mut self, name: impl Into<String>) -> Fault {
        self.name = Some(name.into());
        self
    }

    /// With a better remedy than that of the contract.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Fault {
        self.remedy = remedy.into();
        self
    }

    /// For a person: `FILE:LINE:COLUMN: CODE at POINTER`, what is wrong, the line, and what to do.
    pub(crate) fn shown(&self) -> String {
        let mut text = quote(&self.file);
        if let Some(position) = self.position {
            let _ = write!(text, ":{}:{}", position.line, position.column);
        }
        let _ = write!(text, ": {}", quote(&self.code));
        if let Some(pointer) = self.pointer.as_deref().filter(|pointer| !pointer.is_empty()) {
            let _ = write!(text, " at {}", quote(pointer));
        }
        if let Some(name) = &self.name {
            let _ = write!(text, ": {}", quote(name));
        }
        let _ = write!(text, "\n  {}", quote(&self.detail));
        if let (Some(position), Some(line)) = (self.position, &self.line) {
            let _ = write!(text, "{}", marked(position, line));
        }
        if !self.remedy.is_empty() {
            let _ = write!(text, "\n  {}", quote(&self.remedy));
        }
        text
    }

    /// For a program.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "code": self.code,
            "file": self.file,
            "line": self.position.map(|position| position.line),
            "column": self.position.map(|position| position.column),
            "pointer": self.pointer,
            "name": self.name,
            "detail": self.detail,
            "remedy": self.remedy,
        })
    }
}

/// The line with a mark under the place; of a long one the part around it.
fn marked(position: Position, line: &str) -> String {
    let characters: Vec<char> = line.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    let column = position.column - 1;
    let from = if characters.len() > SHOWN { column.saturating_sub(SHOWN / 2) } else { 0 };
    let part: String = characters.iter().skip(from).take(SHOWN).collect();
    let number = position.line.to_string();
    let margin = " ".repeat(number.len());
    format!("\n  {number} | {}\n  {margin} | {}^", part.trim_end(), " ".repeat(column - from))
}

/// Text that may come from elsewhere, on one line, without control characters and not endless.
pub(crate) fn quote(text: &str) -> String {
    const MOST: usize = 600;
    let mut quoted = String::new();
    for character in text.chars() {
        if quoted.len() > MOST {
            quoted.push('…');
            break;
        }
        quoted.push_str(&plain(character.encode_utf8(&mut [0; 4])));
    }
    quoted
}

/// Text that may come from elsewhere without control characters: it can be printed, however long it is.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        match character.is_control() {
            true => plain.extend(character.escape_default()),
            false => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_characters() {
        let text = "{\n  \"é\": 1\n}";
        let fault = Fault::new("x", "f", "d").at(text, text.find('1').unwrap());
        assert_eq!(fault.position, Some(Position { line: 2, column: 8 }));
        assert!(fault.shown().contains("\n  2 |   \"é\": 1\n    |        ^"), "{}", fault.shown());
    }

    #[test]
    fn the_end_of_the_text_is_a_place() {
        let fault = Fault::new("x", "f", "d").at("{\n", 2);
        assert_eq!(fault.position, Some(Position { line: 2, column: 1 }));
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let text = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let shown = Fault::new("x", "f", "d").at(&text, 500).shown();
        assert!(shown.contains('X') && shown.len() < 400, "{shown}");
    }

    #[test]
    fn foreign_text_cannot_reach_the_terminal() {
        assert!(!Fault::new("x\u{1b}[2J", "f", "d\u{7}").shown().contains(['\u{1b}', '\u{7}']));
    }
}

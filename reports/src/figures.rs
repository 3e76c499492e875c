//! Figures and foreign text in the form in which a person reads them, the same in every format.

use std::fmt::Write as _;

/// Milliseconds as `0.4 ms`, `12 ms`, `3.4 s` or `2 min 5 s`; `?` for what is no duration.
pub(crate) fn duration(ms: f64) -> String {
    if !ms.is_finite() || ms < 0.0 {
        return "?".into();
    }
    if ms < 9.95 {
        return format!("{ms:.1} ms");
    }
    if ms < 999.5 {
        return format!("{ms:.0} ms");
    }
    if ms < 59_950.0 {
        return format!("{:.1} s", ms / 1000.0);
    }
    let seconds = (ms / 1000.0).round();
    format!("{} min {} s", (seconds / 60.0).floor(), seconds % 60.0)
}

/// `1 check`, `2 checks`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Foreign text for one line of a terminal or a table: at most `most` characters, with everything escaped that
/// could move the cursor, break the line or turn the direction of writing.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for (n, char) in text.chars().enumerate() {
        if n == most {
            line.push('…');
            break;
        }
        match char {
            '\n' => line.push('⏎'),
            '\t' => line.push(' '),
            unseen if unseen.is_control() || turns_the_line(unseen) => {
                let _ = write!(line, "\\u{{{:x}}}", u32::from(unseen));
            }
            seen => line.push(seen),
        }
    }
    line
}

/// Line separators and the characters that reorder or hide their neighbours.
fn turns_the_line(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_in_the_unit_that_fits() {
        let written = [0.04, 9.94, 12.4, 999.0, 1500.0, 125_000.0, f64::NAN].map(duration);
        assert_eq!(written, ["0.0 ms", "9.9 ms", "12 ms", "999 ms", "1.5 s", "2 min 5 s", "?"]);
    }

    #[test]
    fn foreign_text_cannot_leave_its_line() {
        assert_eq!(one_line("a\n\u{1b}[2J\u{202e}b", 99), "a⏎\\u{1b}[2J\\u{202e}b");
    }

    #[test]
    fn foreign_text_is_bounded() {
        assert_eq!(one_line("äöü", 2), "äö…");
    }
}

//! Text that came from elsewhere, made safe to stand in a sentence of the report.

/// At most this many bytes of foreign text are quoted in one place.
const QUOTED_BYTES: usize = 240;

/// Foreign text on one line: control characters escaped, cut with an ellipsis where it is long.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        if quoted.len() >= QUOTED_BYTES {
            quoted.push('…');
            break;
        }
        if character.is_control() {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_cannot_reach_the_terminal() {
        assert_eq!(quote("a\u{1b}[2J\n"), "a\\u{1b}[2J\\n");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(quote(&"x".repeat(1000)).chars().count(), QUOTED_BYTES + 1);
    }
}

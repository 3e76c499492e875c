//! Keeping sensitive values out of everything that is not the answer's output (core.md, section 11).
//!
//! A handler may write what it was told into its log, encoded as it likes. So the texts are looked for not only in what it
//! wrote but in every reading of it: with the escapes of JSON resolved, and decoded from percent signs, hexadecimal digits
//! and base64 at every alignment. Where a reading shows a sensitive text, the characters that it was read from go.

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::automaton::Automaton as _;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use assay_package::Refusal;
use assay_sandbox::LogLine;
use memchr::memmem::Finder;

mod reading;

pub use reading::{Reading, readings};

/// Texts that must not be seen.
pub type Secrets = BTreeSet<String>;

/// What stands where a sensitive text was.
pub const REDACTED: &str = "[redacted]";
/// Shorter texts cannot be kept out of a log without destroying it, in bytes.
const SHORTEST: usize = 4;
/// More texts, or more bytes of them, are not looked for: then no message is shown at all.
const MOST_TEXTS: usize = 1000;
const MOST_BYTES: usize = 1024 * 1024;
/// Up to so many texts, and bytes of them, are looked for one by one: an automaton takes longer to make than a short log to read.
const FEW_TEXTS: usize = 4;
const FEW_BYTES: usize = 256;

/// Replaces sensitive texts, in time that is linear in what it looks at.
pub struct Redactor {
    secrets: Looking,
}

enum Looking {
    ForNothing,
    ForFew(Vec<Finder<'static>>),
    For(Box<NFA>),
    /// There are too many: everything is taken for sensitive.
    Everywhere,
}

impl Redactor {
    /// One that looks for these texts.
    pub fn new(secrets: &Secrets) -> Self {
        let looked_for: Vec<&String> = secrets.iter().filter(|text| text.len() >= SHORTEST).collect();
        let bytes: usize = looked_for.iter().map(|text| text.len()).sum();
        if looked_for.is_empty() {
            return Self { secrets: Looking::ForNothing };
        }
        if looked_for.len() <= FEW_TEXTS && bytes <= FEW_BYTES {
            let finders = looked_for.iter().map(|text| Finder::new(text.as_bytes()).into_owned());
            return Self { secrets: Looking::ForFew(finders.collect()) };
        }
        let found = (looked_for.len() <= MOST_TEXTS && bytes <= MOST_BYTES)
            .then(|| NFA::builder().match_kind(MatchKind::Standard).build(looked_for).ok().map(Box::new));
        Self { secrets: found.flatten().map_or(Looking::Everywhere, Looking::For) }
    }

    /// The text with [`REDACTED`] in place of every sensitive one.
    pub fn text(&self, text: String, readings: impl Fn(&str, &mut dyn FnMut(&Reading))) -> String {
        let found = self.find(&text, readings);
        if found.is_empty() { text } else { cut(&text, 0, &found) }
    }

    /// The lines, read as one text: what is split over several is found, and replaced in each.
    pub fn lines(&self, lines: Vec<LogLine>, readings: impl Fn(&str, &mut dyn FnMut(&Reading))) -> Vec<LogLine> {
        let whole: String = lines.iter().map(|line| line.message.as_str()).collect();
        let found = self.find(&whole, readings);
        if found.is_empty() {
            return lines;
        }
        let mut start = 0;
        let redact = |line: LogLine| {
            if line.message.is_empty() {
                return line;
            }
            let end = start + line.message.len();
            let from = found.partition_point(|place| place.end <= start);
            let to = found.partition_point(|place| place.start < end);
            let message = cut(&line.message, start, found.get(from..to).unwrap_or_default());
            start = end;
            LogLine { message, ..line }
        };
        lines.into_iter().map(redact).collect()
    }

    /// A refusal in which nothing sensitive is quoted.
    pub fn refusal(&self, refusal: Refusal, readings: impl Fn(&str, &mut dyn FnMut(&Reading))) -> Refusal {
        let Refusal { code, detail, pointer, name } = refusal;
        Refusal {
            code,
            detail: self.text(detail, &readings),
            pointer: pointer.map(|pointer| self.text(pointer, &readings)),
            name: name.map(|name| self.text(name, &readings)),
        }
    }

    /// Where sensitive texts are, in order, none touching another.
    fn find(&self, text: &str, readings: impl Fn(&str, &mut dyn FnMut(&Reading))) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        match &self.secrets {
            _ if text.is_empty() => return Vec::new(),
            Looking::ForNothing => return Vec::new(),
            Looking::Everywhere => return std::iter::once(0..text.len()).collect(),
            Looking::ForFew(finders) => readings(text, &mut |reading| look_for_few(finders, reading, &mut found)),
            Looking::For(automaton) => readings(text, &mut |reading| look(automaton, reading, &mut found)),
        }
        found.sort_unstable_by_key(|place| (place.start, place.end));
        let mut apart: Vec<Range<usize>> = Vec::new();
        for place in found {
            match apart.last_mut() {
                Some(last) if place.start <= last.end => last.end = last.end.max(place.end),
                _ => apart.push(place),
            }
        }
        apart
    }
}

/// Adds the places from which one of a few sensitive texts was read, those that overlap included.
fn look_for_few(finders: &[Finder<'_>], reading: &Reading, found: &mut Vec<Range<usize>>) {
    for finder in finders {
        let mut start = 0;
        while let Some(place) = reading.bytes().get(start..).and_then(|rest| finder.find(rest)) {
            let at = start + place;
            found.extend(reading.from(at..at + finder.needle().len()));
            start = at + 1;
        }
    }
}

/// Adds the places from which a sensitive text was read.
fn look(automaton: &NFA, reading: &Reading, found: &mut Vec<Range<usize>>) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else {
        return;
    };
    for (at, byte) in reading.bytes().iter().enumerate() {
        state = automaton.next_state(Anchored::No, state, *byte);
        if automaton.is_special(state) && automaton.is_match(state) {
            // The first is the longest of those that end here; the others are parts of it.
            let length = automaton.pattern_len(automaton.match_pattern(state, 0));
            found.extend(reading.from((at + 1).saturating_sub(length)..at + 1));
        }
    }
}

/// The text without these places, which count from `start` bytes before it.
fn cut(text: &str, start: usize, places: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut next = 0;
    for place in places {
        let from = place.start.saturating_sub(start).max(next);
        shown.push_str(text.get(next..from).unwrap_or_default());
        shown.push_str(REDACTED);
        next = (place.end - start).min(text.len());
    }
    shown.push_str(text.get(next..).unwrap_or_default());
    shown
}

#[cfg(test)]
mod tests {
    use assay_sandbox::Level;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        Redactor::new(&secrets.iter().map(|secret| (*secret).to_owned()).collect())
    }

    fn redacted(secrets: &[&str], text: &str) -> String {
        redactor(secrets).text(text.to_owned(), readings)
    }

    #[test]
    fn replaces_every_occurrence_and_nothing_else() {
        assert_eq!(redacted(&["hunter2"], "a hunter2, b hunter2!"), "a [redacted], b [redacted]!");
        assert_eq!(redacted(&["abc"], "abc"), "abc");
        assert_eq!(redacted(&["käse"], "ein käse."), "ein [redacted].");
    }

    #[test]
    fn replaces_the_longest_of_overlapping_texts() {
        assert_eq!(redacted(&["abcd", "xabcdx", "bcde"], "1xabcdx2abcde3"), "1[redacted]2[redacted]3");
    }

    #[test]
    fn finds_a_text_that_overlaps_itself() {
        assert_eq!(redacted(&["abab"], "1ababab2"), "1[redacted]2");
        let many = ["abab", "secret-1", "secret-2", "secret-3", "secret-4"];
        assert_eq!(redacted(&many, "1ababab2"), "1[redacted]2");
    }

    #[test]
    fn finds_what_is_encoded_at_every_alignment() {
        let secret = "p\u{e4}ss \"w\u{f6}rd\"/1";
        for pad in ["", "1", "12", "123"] {
            let text = format!("{pad}{secret} and so on");
            let json = serde_json::to_string(&text).unwrap();
            let percent: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            for encoded in [
                text.clone(),
                json.clone(),
                hex::encode(&text),
                hex::encode_upper(&text),
                format!("f{}", hex::encode(&text)),
                STANDARD.encode(&text),
                URL_SAFE_NO_PAD.encode(&text),
                STANDARD.encode(&json),
                format!("x{}", STANDARD.encode(&text)),
                percent,
            ] {
                let shown = redacted(&[secret], &encoded);
                assert!(shown.contains(REDACTED) && shown.len() < encoded.len(), "{encoded} became {shown}");
            }
        }
    }

    #[test]
    fn leaves_what_stands_around_an_encoded_text() {
        let text = STANDARD.encode("public, public hunter2 public, public");
        let shown = redacted(&["hunter2"], &text);
        let (before, after) = shown.split_once(REDACTED).unwrap();
        assert!(text.starts_with(before) && text.ends_with(after) && before.len() > 12 && after.len() > 12);
    }

    #[test]
    fn finds_what_is_split_over_lines() {
        let line = |message: &str| LogLine { level: Level::Info, message: message.to_owned() };
        let lines = ["so: hun", "", "ter", "2.", "next"].map(line).to_vec();
        let shown = redactor(&["hunter2"]).lines(lines, readings);
        let shown: Vec<&str> = shown.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(shown, ["so: [redacted]", "", "[redacted]", "[redacted].", "next"]);
    }

    #[test]
    fn shows_nothing_where_there_is_too_much_to_look_for() {
        let secrets: Secrets = (0..1001).map(|number| format!("secret-{number}")).collect();
        assert_eq!(Redactor::new(&secrets).text("anything".to_owned(), readings), REDACTED);
    }
}

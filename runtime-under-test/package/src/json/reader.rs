//! The reader of strict JSON: finds the structure itself, so that every fault has its place, and leaves what is inside a
//! string to serde_json.

use std::collections::BTreeMap;

use super::{Json, JsonFault, Number, escape};
use crate::refusal::Quoted;

/// Reads one JSON value (RFC 8259): UTF-8 without byte order mark, no repeated names, at most `depth` levels of arrays
/// and objects, nothing but white space after the value.
///
/// # Errors
/// The first fault. Time and memory are linear in the length, but for the ordering of names.
pub fn parse_json(bytes: &[u8], depth: u64) -> Result<Json, JsonFault> {
    let text =
        std::str::from_utf8(bytes).map_err(|fault| JsonFault::syntax(fault.valid_up_to(), "the text is not UTF-8"))?;
    let mut reader = Reader { text, at: 0, levels_left: depth.min(DEEPEST), path: Vec::new() };
    reader.skip_white_space();
    let value = reader.value()?;
    reader.skip_white_space();
    if reader.at < text.len() {
        return Err(reader.syntax("there is something after the value"));
    }
    Ok(value)
}

/// No bound, however generous, lets a document's nesting exhaust the stack of the thread that reads it.
const DEEPEST: u64 = 512;

/// The text, how far it is read, and the names and indices that lead there.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    levels_left: u64,
    path: Vec<Segment>,
}

enum Segment {
    Name(String),
    Index(usize),
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Json, JsonFault> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    /// Reads what starts with this bracket, one level down.
    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, JsonFault>) -> Result<Json, JsonFault> {
        if self.levels_left == 0 {
            return Err(JsonFault::placed("arrays and objects nest too deep", self.pointer()));
        }
        self.levels_left -= 1;
        self.at += 1;
        self.skip_white_space();
        let value = read(self)?;
        self.levels_left += 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Json, JsonFault> {
        let mut members = BTreeMap::new();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.syntax("a member name is expected"));
            }
            let name = self.string()?;
            self.skip_white_space();
            if !self.take(b':') {
                return Err(self.syntax("a colon is expected"));
            }
            self.skip_white_space();
            let repeated = members.contains_key(&name);
            self.path.push(Segment::Name(name));
            if repeated {
                return Err(JsonFault::placed("a member name is repeated", self.pointer()));
            }
            let member = self.value()?;
            if let Some(Segment::Name(name)) = self.path.pop() {
                members.insert(name, member);
            }
            if !self.another(b'}')? {
                return Ok(Json::Object(members));
            }
        }
    }

    fn array(&mut self) -> Result<Json, JsonFault> {
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            self.path.push(Segment::Index(items.len()));
            items.push(self.value()?);
            self.path.pop();
            if !self.another(b']')? {
                return Ok(Json::Array(items));
            }
        }
    }

    /// After an item or a member: whether another one follows, or the closing bracket.
    fn another(&mut self, closing: u8) -> Result<bool, JsonFault> {
        self.skip_white_space();
        if self.take(closing) {
            return Ok(false);
        }
        if !self.take(b',') {
            return Err(self.syntax("a comma or a closing bracket is expected"));
        }
        self.skip_white_space();
        Ok(true)
    }

    /// Finds where the string ends; what is inside, escapes and surrogates, is serde_json's to judge.
    fn string(&mut self) -> Result<String, JsonFault> {
        let bytes = &self.text.as_bytes()[self.at..];
        let mut end = 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(self.syntax("a string does not end")),
            }
        }
        let token = &self.text[self.at..=self.at + end];
        let text = serde_json::from_str(token).map_err(|_| self.syntax("a string is malformed"))?;
        self.at += end + 1;
        Ok(text)
    }

    fn number(&mut self) -> Result<Json, JsonFault> {
        let token = self.token(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
        if !is_number(token) {
            return Err(self.syntax("a number is malformed"));
        }
        let number = Number(token.into());
        self.at += number.0.len();
        Ok(Json::Number(number))
    }

    fn word(&mut self) -> Result<Json, JsonFault> {
        let token = self.token(|byte| byte.is_ascii_alphanumeric());
        let (value, length) = match token {
            "null" => (Json::Null, 4),
            "true" => (Json::Bool(true), 4),
            "false" => (Json::Bool(false), 5),
            _ => {
                let next = self.text[self.at..].chars().next().map(String::from).unwrap_or_default();
                let what = if next.is_empty() { "the end of the text" } else { &next };
                return Err(self.syntax(&format!("a value is expected, not `{}`", Quoted(what))));
            }
        };
        self.at += length;
        Ok(value)
    }

    fn token(&self, belongs: impl Fn(u8) -> bool) -> &str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|byte| belongs(*byte)).count();
        &rest[..length]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    fn skip_white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn syntax(&self, what: &str) -> JsonFault {
        JsonFault::syntax(self.at, what)
    }

    fn pointer(&self) -> String {
        let segments = self.path.iter().map(|segment| match segment {
            Segment::Name(name) => format!("/{}", escape(name)),
            Segment::Index(index) => format!("/{index}"),
        });
        segments.collect()
    }
}

/// The grammar of RFC 8259, section 6.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (integer, fraction) = match mantissa.split_once('.') {
        Some((integer, fraction)) => (integer, Some(fraction)),
        None => (mantissa, None),
    };
    digits(integer)
        && (integer == "0" || !integer.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse_json;

    #[track_caller]
    fn fault(text: &str) -> Option<String> {
        parse_json(text.as_bytes(), 8).expect_err(text).pointer
    }

    #[test]
    fn refuses_a_repeated_name_at_any_depth_and_says_where() {
        assert_eq!(fault(r#"{"a":1,"a":1}"#).as_deref(), Some("/a"));
        assert_eq!(fault(r#"{"a":[{"b/c":1,"x":0,"b\u002fc":2}]}"#).as_deref(), Some("/a/0/b~1c"));
        assert!(parse_json(br#"{"a":{"a":1},"b":{"a":1}}"#, 8).is_ok());
    }

    #[test]
    fn counts_levels_of_arrays_and_objects() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse_json(nested(8).as_bytes(), 8).is_ok());
        assert_eq!(fault(&nested(9)).as_deref(), Some("/0/0/0/0/0/0/0/0"));
        assert!(parse_json(b"1", 0).is_ok());
        assert!(parse_json("[".repeat(1_000_000).as_bytes(), u64::MAX).is_err());
    }

    #[test]
    fn tells_integers_from_numbers_with_fraction_or_exponent() {
        for (text, integer, value) in [
            ("65536", true, Some(65536)),
            ("65536.0", false, None),
            ("6e4", false, None),
            ("0", true, Some(0)),
            ("-0", true, Some(0)),
            ("-1", true, None),
            ("18446744073709551615", true, Some(u64::MAX)),
            ("18446744073709551616", true, None),
        ] {
            let json = parse_json(text.as_bytes(), 0).expect(text);
            let number = json.as_number().expect(text);
            assert_eq!((number.is_integer(), number.as_u64()), (integer, value), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_json() {
        for text in [
            "",
            " ",
            "\u{feff}{}",
            "{} {}",
            "{}x",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "[1 2]",
            "nul",
            "nulll",
            "NaN",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\u{1}\"",
            "\"\\ud800\"",
            "'a'",
            "[",
            "{",
            "{\"a\"",
            "\u{b}1",
            "// c\n1",
        ] {
            assert!(parse_json(text.as_bytes(), 8).is_err(), "{text:?}");
        }
        assert!(parse_json(b"\"\xff\"", 8).is_err());
    }

    fn document() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".*".prop_map(Into::into),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
                prop::collection::btree_map(".*", inner, 0..8)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_writes_and_writes_what_serde_json_reads(value in document()) {
            let json = parse_json(value.to_string().as_bytes(), 64).expect("it is JSON");
            prop_assert_eq!(&json.to_value().expect("in range"), &value);
            let again: serde_json::Value = serde_json::from_str(&json.to_string()).expect("it is JSON");
            prop_assert_eq!(again, value);
        }

        #[test]
        fn accepts_nothing_that_serde_json_refuses(text in r#"[\[\]{}:,"\\a01.eE+\-trufalsn \n]{0,24}"#) {
            let ours = parse_json(text.as_bytes(), 64);
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text);
            let repeated = matches!(&ours, Err(fault) if fault.pointer.is_some());
            prop_assert!(repeated || ours.is_ok() == theirs.is_ok(), "{:?} {:?}", ours, theirs);
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_json(&bytes, 64);
        }
    }
}

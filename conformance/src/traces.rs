//! How a value looks in every encoding in which it must not be seen (core.md 11.2): the oracle of redaction.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// The forms of a value that a text may not have, each with how it is to be called. Those of base64 are what is the same
/// whatever stands before and after the value.
pub fn traces(value: &str) -> Vec<(String, String)> {
    let json = Value::String(value.to_owned()).to_string();
    let json = json.trim_start_matches('"').strip_suffix('"').unwrap_or(&json).to_owned();
    let mut traces = vec![("as it is".to_owned(), value.to_owned()), ("with escapes".to_owned(), json.clone())];
    for text in [value, &json] {
        let bytes = text.as_bytes();
        for (before, first) in [(0, 0), (1, 2), (2, 3)] {
            let longer = [&[0; 2][..before], bytes].concat();
            // Characters that hold only bits of the value.
            let last = longer.len() * 8 / 6;
            let name = format!("in base64, {before} after a third byte");
            traces.extend(
                [STANDARD_NO_PAD.encode(&longer), URL_SAFE_NO_PAD.encode(&longer)]
                    .map(|encoded| (name.clone(), encoded.get(first..last).unwrap_or_default().to_owned())),
            );
        }
        traces.push(("in lower hexadecimal digits".to_owned(), hex(bytes, |byte| format!("{byte:02x}"))));
        traces.push(("in upper hexadecimal digits".to_owned(), hex(bytes, |byte| format!("{byte:02X}"))));
        traces.push(("percent-encoded".to_owned(), hex(bytes, |byte| format!("%{byte:02X}"))));
    }
    traces
}

fn hex(bytes: &[u8], form: fn(&u8) -> String) -> String {
    bytes.iter().map(form).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_every_longer_encoded_text() {
        let value = "a \"value\"";
        for before in ["", "1", "22", "333"] {
            let text = format!("{before}{value} and after");
            let encoded = [
                STANDARD_NO_PAD.encode(&text),
                URL_SAFE_NO_PAD.encode(&text),
                hex(text.as_bytes(), |byte| format!("{byte:02x}")),
                Value::String(text.clone()).to_string(),
            ];
            for encoded in encoded {
                assert!(traces(value).iter().any(|(_, trace)| encoded.contains(trace)), "{encoded}");
            }
        }
        assert!(!traces(value).iter().any(|(_, trace)| "another text".contains(trace)));
    }
}

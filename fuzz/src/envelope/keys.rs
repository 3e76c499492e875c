//! Keys that are to be trusted (core.md 5.3, registry.md 1.2): made so that it is known what each is.

use std::sync::LazyLock;

use assay_fixtures::{Key, hostile_keys};
use assay_package::{Code, Gates, KeyName, KeyRequest, KeyRole};

use super::encoding::{Decoded, base64};
use crate::{
    finding::Finding,
    source::Source,
    verdict::{Expected, Place},
};

/// Keys that nobody may trust, in base64.
static HOSTILE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut keys: Vec<Vec<u8>> = hostile_keys::small_order().into_iter().map(Vec::from).collect();
    keys.extend(hostile_keys::non_canonical_keys().into_iter().map(Vec::from));
    keys.push(hostile_keys::not_a_point().to_vec());
    keys.extend(hostile_keys::wrong_lengths(&Key::from_seed([1; 32])));
    keys.iter().map(|key| encode(key)).collect()
});

/// Padded base64 in the standard alphabet.
pub(crate) fn encode(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let held = chunk.iter().fold(0_usize, |held, byte| (held << 8) | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = char::from(LETTERS[(held >> (18 - 6 * place)) & 63]);
            text.push(if place <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

const SCOPES: [&str; 14] = [
    "com.example.fuzz",
    "com.example.*",
    "com.*",
    "*",
    "",
    ".*",
    "com",
    "*.example",
    "com.*.x",
    "Com.example",
    "com.example.*.*",
    "com..*",
    "com.exa mple",
    "com.-a.*",
];

/// Judges one key.
pub(super) fn judge(source: &mut Source<'_>, gates: &Gates) -> Result<String, Finding> {
    let right = !source.one_in(3);
    let mut public_key = if right {
        Key::from_seed([source.byte(); 32]).public_base64()
    } else {
        HOSTILE[source.below(HOSTILE.len())].clone()
    };
    let mangled = match source.below(8) {
        5 => public_key.trim_end_matches('=').to_owned(),
        6 => format!("{public_key} "),
        7 => public_key.replace('+', "-").replace('/', "_"),
        _ => public_key.clone(),
    };
    let right = right && mangled == public_key;
    public_key = mangled;
    let entries = source.pick(&[1_usize, 0, 2, 3, 32, 33]);
    let scope: Vec<String> = (0..entries)
        .map(|place| if place < 3 { source.text(&SCOPES) } else { "com.example.fuzz".to_owned() })
        .collect();
    let role = source.pick(&[KeyRole::Publisher, KeyRole::Registry]);
    let Ok(name) = "key".parse::<KeyName>() else { return Ok("no name".to_owned()) };
    let mut expected = Expected::default();
    if !right {
        debug_assert!(base64(&public_key) != Decoded::Wrong || !public_key.is_empty());
        expected.fault(Code::KeyInvalid, Place::At("/public_key".to_owned()));
    }
    if !(1..=32).contains(&entries) {
        expected.fault(Code::KeyInvalid, Place::At("/scope".to_owned()));
    }
    for (place, entry) in scope.iter().enumerate() {
        if !is_scope(entry) || (entry == "*" && role == KeyRole::Publisher) {
            expected.fault(Code::KeyInvalid, Place::At(format!("/scope/{place}")));
        }
    }
    let outcome = gates.trusted_key(&KeyRequest { name, public_key, role, scope, not_after: None });
    expected.compare(outcome.as_ref().map(|_| ())).map(|seen| format!("key {seen}"))
}

/// A handler id, the beginning of one and `.*`, or `*`.
fn is_scope(entry: &str) -> bool {
    let labels = |text: &str, least: usize| {
        let words = |label: &str| {
            let word = |word: &str| {
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            };
            label.split('-').all(word)
        };
        text.split('.').count() >= least
            && text.split('.').all(words)
            && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
    };
    entry == "*" || entry.strip_suffix(".*").map_or_else(|| labels(entry, 2), |prefix| labels(prefix, 1))
}

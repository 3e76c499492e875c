//! Rules around a few hosts, and URLs around the same ones: half of the rules are right, and most URLs nearly match one.

use assay_conformance::egress::Spelling;

use super::Case;
use crate::source::Source;

/// Hosts and wildcards of which rules are made.
const HOSTS: [&str; 10] = [
    "api.example.test",
    "*.example.test",
    "example.test",
    "*.deep.example.test",
    "API.Example.test",
    "xn--bcher-kva.example.test",
    "b\u{fc}cher.example.test",
    "*.b\u{fc}cher.example.test",
    "a.b",
    "api\u{3002}example.test",
];

/// Hosts that are asked for: those of the rules, and such as only resemble them.
const ASKED: [&str; 10] = [
    "api.example.test",
    "example.test",
    "a.deep.example.test",
    "a.b.example.test",
    "deep.example.test",
    "xn--bcher-kva.example.test",
    "www.xn--bcher-kva.example.test",
    "evilexample.test",
    "www.api.example.test",
    "a.b",
];

/// Texts that are nearly a rule.
const NEARLY: [&str; 36] = [
    "http://a.b",
    "HTTPS://a.b",
    "https:/a.b",
    "//a.b",
    "https://",
    "https://a.b/",
    "https://a.b?c",
    "https://a.b#c",
    "https://u@a.b",
    "https://@a.b",
    "https://a.b\\",
    "https:// a.b",
    "https://a.b ",
    "https://a\u{85}b.c",
    "https://a.b\u{3000}",
    "https://a",
    "https://127.0.0.1",
    "https://0x7f.1",
    "https://2130706433",
    "https://[::1]",
    "https://a.b.",
    "https://a..b",
    "https://a_b.c",
    "https://-a.b",
    "https://ab--c.d",
    "https://xn--a.b",
    "https://a.localhost",
    "https://localhost",
    "https://a.b:0443",
    "https://a.b:65536",
    "https://a.b:",
    "https://*",
    "https://a.*.b",
    "https://a*.b.c",
    "https://*.co.uk",
    "https://*.test",
];

/// Ports of rules and of URLs.
const PORTS: [&str; 6] = ["", "", ":8443", ":443", ":1", ":65535"];

/// Rules and a URL.
pub(super) fn case(source: &mut Source<'_>) -> Case {
    source.byte();
    let mut rules: Vec<String> = (0..source.below(4)).map(|_| right(source)).collect();
    if source.one_in(3) {
        let nearly = if source.one_in(3) { changed(source) } else { source.text(&NEARLY) };
        rules.insert(source.below(rules.len() + 1), nearly);
    }
    Case { rules, url: url(source) }
}

fn right(source: &mut Source<'_>) -> String {
    format!("https://{}{}", source.pick(&HOSTS), source.pick(&PORTS))
}

/// A right rule with another letter somewhere, one more, or one less.
fn changed(source: &mut Source<'_>) -> String {
    let mut letters: Vec<char> = right(source).chars().collect();
    change(source, &mut letters);
    letters.into_iter().collect()
}

/// A URL in one of the suite's spellings, sometimes with one thing more wrong with it.
fn url(source: &mut Source<'_>) -> String {
    let plain = source.one_in(3);
    let host = source.pick(&ASKED);
    let mut url = match plain {
        true => format!("https://{host}{}/a/../%2e/b?c#d", source.pick(&PORTS)),
        false => {
            let seed = u64::from(source.byte()) << 8 | u64::from(source.byte());
            Spelling::of(seed).url(&[host], &[443, 8443])
        }
    };
    match source.below(16) {
        10 => url = url.trim_start_matches("https:").trim_start_matches('/').to_owned(),
        11 => {
            let most = assay_conformance::egress::URL_BYTES + source.below(2);
            url = format!("{}/", url.split(['?', '#']).next().unwrap_or_default());
            url.extend(std::iter::repeat_n('a', most.saturating_sub(url.len())));
        }
        12 => {
            let mut letters: Vec<char> = url.chars().collect();
            let stray = source.pick(&['\t', '\n', '\u{0}', ' ', '\u{7f}', '\\']);
            letters.insert(source.below(letters.len() + 1), stray);
            url = letters.into_iter().collect();
        }
        13 => {
            let address = source.pick(&["127.0.0.1", "127.1", "[::1]", "0x7f000001", "1.1.1.1"]);
            url = url.replace(host, address);
        }
        14 | 15 => {
            let mut letters: Vec<char> = url.chars().collect();
            change(source, &mut letters);
            url = letters.into_iter().collect();
        }
        _ => {}
    }
    url
}

fn change(source: &mut Source<'_>, letters: &mut Vec<char>) {
    let place = source.below(letters.len().max(1));
    let letter = match source.below(4) {
        0 => source.pick(&['.', '*', '-', ':', '@', '/', '%', '[', ']', '_']),
        1 => source.pick(&['\u{ad}', '\u{200d}', '\u{ff0e}', '\u{2080}', '\u{df}', '\u{130}', '\u{202e}', '\u{1f600}']),
        _ => char::from(source.byte()),
    };
    match source.below(3) {
        0 if place < letters.len() => letters[place] = letter,
        1 if place < letters.len() => drop(letters.remove(place)),
        _ => letters.insert(place, letter),
    }
}

//! Writes rules as their authors do, rightly and wrongly, from a seed. Which of them are right is for the oracle to say.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A source of rules; equal seeds write the same.
pub struct Writing {
    rng: StdRng,
}

impl Writing {
    /// The rules of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Writing {
        Writing { rng: StdRng::seed_from_u64(seed) }
    }

    /// A rule for this canonical host, or for the names below it, as somebody might write it who means it well.
    #[must_use]
    pub fn right(&mut self, host: &str, port: u16) -> String {
        let star = self.pick(&["", "", "*."]);
        let host = self.spelt(host);
        format!("https://{star}{host}{}", self.port(port))
    }

    /// One rule with each flaw that the contract names, the details by chance.
    #[must_use]
    pub fn wrong(&mut self, host: &str, port: u16) -> Vec<String> {
        let word = self.word();
        let (right, port_text) = (self.right(host, port), format!(":{port}"));
        let mut texts = vec![
            format!("{}://{host}{port_text}", self.pick(&["http", "wss", "ftp", "Https"])),
            format!("https://{}@{host}{port_text}", self.pick(&["", "user", "user:word"])),
            format!("https://{host}{port_text}{}", self.pick(&["/", "/a", "?", "?a=b", "#", "#a"])),
            self.with(&right, &[' ', '\t', '\n']),
            self.with(&right, &['\0', '\u{1f}', '\u{7f}']),
            format!("https://{host}.{port_text}"),
            format!("https://.{host}{port_text}"),
            format!("https://{}{port_text}", self.replaced(host, '.', "..")),
            format!("https://{word}_{word}.{host}{port_text}"),
            format!("https://{}.{host}{port_text}", self.pick(&["-a", "a-", "ab--c"])),
            format!("https://{}.{host}{port_text}", "l".repeat(self.rng.random_range(64..80))),
            format!("https://{host}:0{port}"),
            format!("https://{host}:{}", self.pick(&["", "0", "65536", "-1", "+443", "443:443", "*"])),
            format!("https://{}{port_text}", self.address()),
            format!("https://{word}{port_text}"),
            format!("https://{}{port_text}", self.pick(&["localhost", "LocalHost", "a.localhost", "*.b.LOCALHOST"])),
        ];
        let star = self.pick(&["*", "**.", "*.*.", "a.*.", "a*."]);
        texts.push(format!("https://{star}{host}{port_text}"));
        texts
    }

    /// A right rule of which up to three characters were lost, doubled or taken for others.
    #[must_use]
    pub fn mutated(&mut self, host: &str, port: u16) -> String {
        let mut text: Vec<char> = self.right(host, port).chars().collect();
        for _ in 0..self.rng.random_range(1..=3) {
            let at = self.rng.random_range(0..text.len());
            let other = *self.pick(&[
                '.', '.', '-', '*', ':', '/', '@', '%', '[', ']', '?', '#', '_', '0', '1', '9', 'a', 'Z', ' ', '\\',
                ',', '~', '\u{3002}', '\u{ff0e}', '\u{df}', '\u{fc}', '\u{ad}', '\u{200d}', '\u{663}', '\u{ff0a}',
            ]);
            match self.rng.random_range(0..4) {
                0 if text.len() > 1 => drop(text.remove(at)),
                1 => text[at] = other,
                2 => text.insert(at, text[at]),
                _ => text.insert(at, other),
            }
        }
        text.into_iter().collect()
    }

    /// The host in one of the spellings that have its canonical form.
    fn spelt(&mut self, host: &str) -> String {
        match self.rng.random_range(0..5) {
            0 => host.to_owned(),
            1 => host.to_uppercase(),
            2 => host.chars().map(|letter| self.in_some_case(letter)).collect(),
            3 => self.replaced(host, '.', "\u{3002}"),
            _ => host.replacen("xn--bcher-kva", "B\u{fc}cher", 1),
        }
    }

    fn in_some_case(&mut self, letter: char) -> char {
        if self.rng.random() { letter.to_ascii_uppercase() } else { letter }
    }

    /// Mostly this one, written wherever it is not the default one.
    fn port(&mut self, port: u16) -> String {
        match self.rng.random_range(0..8) {
            0 => String::new(),
            1 => ":443".to_owned(),
            _ => format!(":{port}"),
        }
    }

    /// An address of IPv4 or IPv6 in one of its notations.
    fn address(&mut self) -> String {
        let number: u32 = self.rng.random_range(1 << 24..=u32::MAX);
        let [a, b, c, d] = number.to_be_bytes();
        match self.rng.random_range(0..7) {
            0 => format!("{a}.{b}.{c}.{d}"),
            1 => number.to_string(),
            2 => format!("{number:#x}"),
            3 => format!("0{a:o}.{b}.{c}.{d}"),
            4 => format!("{a}.{}", number & 0x00ff_ffff),
            5 => format!("[::ffff:{a}.{b}.{c}.{d}]"),
            _ => format!("{a:#x}.{b}.{c:#x}.{d}"),
        }
    }

    /// A short word of letters.
    fn word(&mut self) -> String {
        (0..self.rng.random_range(2..8)).map(|_| self.rng.random_range('a'..='z')).collect()
    }

    /// The text with one of these characters somewhere inside.
    fn with(&mut self, text: &str, strays: &[char]) -> String {
        let (mut text, stray): (Vec<char>, char) = (text.chars().collect(), *self.pick(strays));
        text.insert(self.rng.random_range(0..=text.len()), stray);
        text.into_iter().collect()
    }

    /// The text with one of these letters, whichever, replaced.
    fn replaced(&mut self, text: &str, letter: char, by: &str) -> String {
        let places: Vec<usize> = text.match_indices(letter).map(|(at, _)| at).collect();
        let at = *self.pick(&places);
        format!("{}{by}{}", &text[..at], &text[at + letter.len_utf8()..])
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.rng.random_range(0..all.len())]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::egress::Rule;

    const HOSTS: [&str; 2] = ["api.n1.assay.test", "xn--bcher-kva.n1.assay.test"];

    proptest! {
        #[test]
        fn what_is_meant_well_is_a_rule(seed: u64) {
            for host in HOSTS {
                let text = Writing::of(seed).right(host, 8443);
                prop_assert!(Rule::read(&text).is_some(), "{text}");
            }
        }

        #[test]
        fn every_flaw_is_one(seed: u64) {
            for text in HOSTS.into_iter().flat_map(|host| Writing::of(seed).wrong(host, 8443)) {
                prop_assert_eq!(Rule::read(&text), None, "{}", text);
            }
        }

        #[test]
        fn equal_seeds_write_the_same(seed: u64) {
            let all = |mut writing: Writing| {
                (writing.right(HOSTS[0], 1), writing.wrong(HOSTS[1], 2), writing.mutated(HOSTS[0], 3))
            };
            prop_assert_eq!(all(Writing::of(seed)), all(Writing::of(seed)));
        }

        #[test]
        fn a_rule_is_for_what_the_url_standard_reads_out_of_it(seed: u64) {
            let mut writing = Writing::of(seed);
            let texts = [writing.right(HOSTS[1], 8443), writing.mutated(HOSTS[0], 8443), writing.mutated(HOSTS[1], 443)];
            for text in texts {
                let Some(rule) = Rule::read(&text) else { continue };
                // The name that a wildcard stands above, or one of the names that it stands for.
                let (plain, below) = (text.replacen("*.", "", 1), text.replacen("*.", "a.", 1));
                let url = url::Url::parse(&plain).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
                prop_assert_eq!((url.path(), url.query(), url.fragment()), ("/", None, None), "{}", text);
                prop_assert_eq!((url.scheme(), url.username(), url.password()), ("https", "", None), "{}", text);
                let (name, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
                prop_assert!(matches!(url.host(), Some(url::Host::Domain(_))), "{text}");
                prop_assert_eq!(rule.matches(name, port.unwrap_or_default()), !text.contains("*."), "{}", text);
                let below = url::Url::parse(&below).expect("another host");
                let name = below.host_str().unwrap_or_default();
                prop_assert!(rule.matches(name, port.unwrap_or_default()), "{text} does not match {name}");
            }
        }
    }
}

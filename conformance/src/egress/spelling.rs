//! Writes URLs in as many ways as a hostile handler would, from a seed. What they mean is for the oracle to say.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A source of spellings; equal seeds write the same.
pub struct Spelling {
    rng: StdRng,
}

impl Spelling {
    /// The spellings of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Spelling {
        Spelling { rng: StdRng::seed_from_u64(seed) }
    }

    /// A URL around one of these hosts and ports. Some are as the host's owner would write them, most are not.
    #[must_use]
    pub fn url(mut self, hosts: &[&str], ports: &[u16]) -> String {
        let scheme = self.pick(&["https", "https", "https", "https", "HTTPS", "hTTps", "http", "wss", "ftp"]);
        let slashes = self.pick(&["//", "//", "//", "//", "", "/", "///"]);
        let user = self.pick(&["", "", "", "", "", "", "@", "u@", "u:p@", "api.example.test@", "a@b@"]);
        let host = self.host(hosts);
        let port = self.port(ports);
        let rest = self.rest();
        format!("{scheme}:{slashes}{user}{host}{port}{rest}")
    }

    fn host(&mut self, hosts: &[&str]) -> String {
        let host = (*self.pick(hosts)).to_owned();
        match self.rng.random_range(0..16) {
            0..=3 => host,
            4 => host.to_uppercase(),
            5 | 6 => host.chars().map(|letter| self.percent(letter)).collect(),
            7 => format!("{host}."),
            8 => format!("evil{host}"),
            9 => format!("a.{host}"),
            10 => host.replacen('.', "\u{3002}", 1),
            11 => host.replacen('a', "\u{ff41}", 1),
            12 => format!(
                "{host}{}",
                self.pick(&["%00", "%2f", "%40evil.test", "%5c", "%20", "%", "\t", " ", "\\", "|", "^", "\u{ad}"])
            ),
            13 => host.replacen('.', "..", 1),
            14 => self
                .pick(&[
                    "127.0.0.1",
                    "127.1",
                    "0x7f.0.0.1",
                    "0177.0.0.1",
                    "2130706433",
                    "[::1]",
                    "[::ffff:127.0.0.1]",
                    "1.2.3.4.5",
                    "256.1.1.1",
                    "0x",
                ])
                .to_string(),
            _ => host.replacen("xn--bcher-kva", "b\u{fc}cher", 1),
        }
    }

    /// The letter as it is, or one of its bytes percent-encoded.
    fn percent(&mut self, letter: char) -> String {
        match (letter.is_ascii(), self.rng.random_range(0..4)) {
            (true, 0) => format!("%{:02x}", u32::from(letter)),
            (true, 1) => format!("%{:02X}", u32::from(letter)),
            _ => letter.to_string(),
        }
    }

    fn port(&mut self, ports: &[u16]) -> String {
        let port = *self.pick(ports);
        match self.rng.random_range(0..12) {
            0..=5 => format!(":{port}"),
            6 => String::new(),
            7 => ":".to_owned(),
            8 => format!(":0{port}"),
            9 => format!(":{}", u32::from(port) + 65_536),
            10 => format!(":{port}x"),
            _ => format!(":{}", port ^ 1),
        }
    }

    fn rest(&mut self) -> String {
        let parts = [
            "/", "a", ".", "..", "%2e", "%2E%2e", "?", "#", "&", "=", "\"", "'", "<", "{", "\u{e9}", "%zz", "//", ":",
            "@",
        ];
        let count = self.rng.random_range(0..8);
        let mut rest: String = (0..count).map(|_| *self.pick(&parts)).collect();
        if !rest.is_empty() && !rest.starts_with(['/', '?', '#']) {
            rest.insert(0, '/');
        }
        rest
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.rng.random_range(0..all.len())]
    }
}

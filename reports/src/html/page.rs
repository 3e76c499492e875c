//! The frame of every page: one style, one script, both named by hash in the policy; and the parts that pages share.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A self-contained page.
pub(crate) struct Page<'a> {
    /// Title of the window.
    pub title: &'a str,
    /// The one style sheet. Ours, never foreign text.
    pub style: &'a str,
    /// The one script; may be empty. Ours, never foreign text.
    pub script: &'a str,
}

impl Page<'_> {
    /// The whole file.
    pub(crate) fn render(&self, body: &Markup) -> String {
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            source(self.style),
            source(self.script)
        );
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    title { (self.title) }
                    style { (PreEscaped(self.style)) }
                }
                body {
                    (body)
                    @if !self.script.is_empty() {
                        script { (PreEscaped(self.script)) }
                    }
                }
            }
        };
        page.into_string()
    }
}

/// A source of the policy: the hash of exactly this text.
fn source(text: &str) -> String {
    if text.is_empty() {
        return "'none'".into();
    }
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// A value as JSON that can stand inside a `script` element whatever its strings hold.
///
/// The signs that end a script or open a comment occur in JSON only inside strings, where an escape means the same.
pub(crate) fn island(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("evidence holds nothing that JSON cannot say");
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// A verdict as a coloured word.
pub(crate) fn chip(word: &str) -> Markup {
    html! { span class={ "chip " (word) } { (word) } }
}

/// Counts as one bar whose segments have the colours of their words.
pub(crate) fn bar(counts: &[(&str, u32)]) -> Markup {
    let sum: f64 = counts.iter().map(|(_, count)| f64::from(*count)).sum();
    let mut left = 0.0;
    let mut segments = Vec::new();
    for (word, count) in counts.iter().filter(|(_, count)| *count > 0) {
        let width = f64::from(*count) / sum * 100.0;
        segments.push((*word, *count, left, width));
        left += width;
    }
    let label: Vec<String> = segments.iter().map(|(word, count, ..)| format!("{count} {word}")).collect();
    html! {
        svg.bar role="img" aria-label=(label.join(", ")) {
            @for (word, count, left, width) in segments {
                rect class=(word) x=(percent(left)) width=(percent(width)) height="100%" {
                    title { (count) " " (word) }
                }
            }
        }
    }
}

/// A share as an attribute of SVG.
pub(crate) fn percent(share: f64) -> String {
    format!("{share:.3}%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_island_holds_no_sign_that_html_reads() {
        let text = "</script><!--<script>&amp;";
        let json = island(&text);
        assert!(!json.contains(['<', '>', '&']), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
    }
}

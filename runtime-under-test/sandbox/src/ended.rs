//! Why a handler was ended before it returned. It travels through Wasmtime as an error and comes
//! out again as itself; everything else that Wasmtime reports becomes a trap with bounded words.

use wasmtime::Trap;

/// Longest text of a trap, in bytes.
const TRAP_BYTES: usize = 200;

/// Why a handler was ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ended {
    /// It ran past its deadline.
    #[error("out of time")]
    Timeout,
    /// It asked for memory past its limit.
    #[error("out of memory")]
    MemoryExceeded,
    /// It trapped, or broke the canonical ABI.
    #[error("{0}")]
    Trap(String),
}

impl Ended {
    /// A breach of the canonical ABI, in the words of this crate.
    pub(crate) fn breach(what: &str) -> Self {
        Ended::Trap(what.to_owned())
    }

    /// What an error out of Wasmtime means for the execution.
    pub(crate) fn from_wasmtime(error: &wasmtime::Error) -> Self {
        if let Some(ended) = error.downcast_ref::<Ended>() {
            return ended.clone();
        }
        match error.downcast_ref::<Trap>() {
            Some(trap) => Ended::Trap(trap.to_string()),
            None => Ended::Trap(without_host_details(&error.root_cause().to_string(), TRAP_BYTES)),
        }
    }
}

/// `text` on one line of at most `most` bytes. Words that look like an address or a path are left
/// out: what a caller sees must not tell where things lie on the host.
pub(crate) fn without_host_details(text: &str, most: usize) -> String {
    let mut words = String::new();
    for word in text.split_whitespace() {
        let shown = if word.contains("0x") || word.contains(['/', '\\']) { "…" } else { word };
        if words.len() + 1 + shown.len() > most {
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.extend(shown.chars().filter(|c| !c.is_control()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_out_of_wasmtime_as_it_went_in() {
        let error = wasmtime::Error::from(Ended::MemoryExceeded).context("while instantiating");
        assert_eq!(Ended::from_wasmtime(&error), Ended::MemoryExceeded);
    }

    #[test]
    fn leaves_addresses_and_paths_of_the_host_out() {
        let text = without_host_details("failed at 0x7fff1234 in\n/root/x.rs now", 200);
        assert_eq!(text, "failed at … in … now");
    }

    #[test]
    fn is_bounded() {
        assert!(without_host_details(&"word ".repeat(1000), 200).len() <= 200);
    }
}

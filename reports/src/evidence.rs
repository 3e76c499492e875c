//! What a check saw, kept so that a reader can judge the verdict without running it again.
//!
//! Bodies come from the target and may be hostile, huge or binary: they are bounded when they are captured,
//! and stay data in every format.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Why a request was sent.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Prepares what the check needs.
    Setup,
    /// Shows that the oracle is live: the allowed twin of a request that must be refused.
    Control,
    /// What the verdict is about.
    Subject,
    /// Removes what the check made.
    Cleanup,
}

impl Role {
    /// The word as it is written in reports: `subject`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Role::Setup => "setup",
            Role::Control => "control",
            Role::Subject => "subject",
            Role::Cleanup => "cleanup",
        }
    }
}

/// One request and what came back.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Exchange {
    /// Number within the check, from 1.
    pub n: u32,
    /// Why it was sent.
    pub role: Role,
    /// What it does, in a few words.
    pub label: String,
    /// When it was sent, in milliseconds since the run started.
    pub at_ms: f64,
    /// Until the response was read or the error was seen, in milliseconds.
    pub duration_ms: f64,
    /// What was sent. Credentials are to be left out by whoever records it.
    pub request: Message,
    /// What came back, if anything did.
    pub response: Option<Message>,
    /// Why nothing came back: refused, reset, timed out.
    pub error: Option<String>,
}

/// One HTTP message.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Message {
    /// `POST /path HTTP/1.1`, or `HTTP/1.1 201 Created`.
    pub start_line: String,
    /// Names and values in the order in which they were on the wire.
    pub headers: Vec<(String, String)>,
    /// The body, bounded.
    pub body: Body,
}

/// A body, or as much of it as is kept.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Body {
    /// Size of the whole body in bytes, also where less is kept.
    pub size: u64,
    /// `sha256:` and 64 hexadecimal digits of the whole body; none for an empty one.
    pub digest: Option<String>,
    /// What is kept.
    pub content: Content,
    /// Whether `content` is less than the whole.
    pub truncated: bool,
}

/// The kept bytes of a body or a file.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// There are none.
    Empty,
    /// They are UTF-8.
    Text(String),
    /// They are not: base64, RFC 4648 section 4, padded.
    Base64(String),
    /// There are some, and none is kept.
    Omitted,
}

impl Body {
    /// Captures a body, keeping at most its first `limit` bytes: as text if they are UTF-8, else as base64.
    ///
    /// Text is cut at a character, so up to three bytes less than `limit` may be kept.
    #[must_use]
    pub fn capture(bytes: &[u8], limit: usize) -> Body {
        let digest = (!bytes.is_empty()).then(|| format!("sha256:{}", hex::encode(Sha256::digest(bytes))));
        let content = Content::of(bytes, limit);
        let kept = match &content {
            Content::Text(text) => text.len(),
            Content::Base64(_) => bytes.len().min(limit),
            Content::Empty | Content::Omitted => 0,
        };
        Body { size: bytes.len() as u64, digest, content, truncated: kept < bytes.len() }
    }
}

impl Content {
    fn of(bytes: &[u8], limit: usize) -> Content {
        if bytes.is_empty() {
            return Content::Empty;
        }
        let kept = &bytes[..bytes.len().min(limit)];
        if kept.is_empty() {
            return Content::Omitted;
        }
        match std::str::from_utf8(kept) {
            Ok(text) => Content::Text(text.to_owned()),
            // The cut fell inside a character: nothing says that the bytes are wrong, only that some are missing.
            Err(error) if kept.len() < bytes.len() && error.error_len().is_none() && error.valid_up_to() > 0 => {
                Content::Text(String::from_utf8_lossy(&kept[..error.valid_up_to()]).into_owned())
            }
            Err(_) => Content::Base64(STANDARD.encode(kept)),
        }
    }
}

/// A file that belongs to the evidence: a log of the target, the exact package bytes.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct AttachedFile {
    /// File name, without folders.
    pub name: String,
    /// Media type, such as `text/plain`.
    pub media_type: String,
    /// The bytes.
    pub content: Content,
}

impl AttachedFile {
    /// Attaches bytes whole: as text if they are UTF-8, else as base64.
    #[must_use]
    pub fn new(name: impl Into<String>, media_type: impl Into<String>, bytes: &[u8]) -> AttachedFile {
        AttachedFile { name: name.into(), media_type: media_type.into(), content: Content::of(bytes, usize::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_utf8_as_text_with_the_digest_of_the_whole() {
        let body = Body::capture(b"abc", 2);
        assert_eq!(body.content, Content::Text("ab".into()));
        assert_eq!(body.size, 3);
        assert!(body.truncated);
        let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(body.digest.as_deref(), Some(digest));
    }

    #[test]
    fn keeps_other_bytes_as_base64() {
        let body = Body::capture(&[0xff, 0xfe], 100);
        assert_eq!(body.content, Content::Base64("//4=".into()));
        assert!(!body.truncated);
    }

    #[test]
    fn cuts_text_between_characters() {
        let body = Body::capture("aé".as_bytes(), 2);
        assert_eq!(body.content, Content::Text("a".into()));
        assert!(body.truncated);
    }

    #[test]
    fn a_character_that_ends_early_is_not_text() {
        assert_eq!(Body::capture(&[b'a', 0xc3], 100).content, Content::Base64("YcM=".into()));
    }

    #[test]
    fn an_empty_body_is_empty_whatever_the_limit() {
        let body = Body::capture(b"", 0);
        assert_eq!((body.content, body.truncated, body.digest), (Content::Empty, false, None));
    }

    #[test]
    fn a_limit_of_zero_omits_the_body() {
        let body = Body::capture(b"abc", 0);
        assert_eq!((body.content, body.truncated), (Content::Omitted, true));
    }
}
